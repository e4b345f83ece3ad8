# SPDX-License-Identifier: MIT
"""Remote calls: a server and a client, each in a process of its own."""

import json
import os
import re
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from programs import Failed, execute
from results import CALL_UNIT

LIMIT = "moving pointer"  # of what there is to win
STARTS, SLICES = 5, 9
SIDES = ("server", "client")
OPERATIONS = ("status", "title", "search", "mirror", "scan")


@dataclass(frozen=True)
class Runtime:
    """How the programs of an RPC runtime are called, started and stopped."""

    programs: str  # as in bench/{programs}_server_malloc
    protocols: tuple
    name: str = ""  # before what is measured
    suffix: str = ""
    starter: tuple = ()  # what stands before a program's name, such as wine64
    ends_with_input: bool = False  # a server, which else waits for a signal

    def program(self, bench, *words):
        return bench / f"{'_'.join([self.programs, *words])}{self.suffix}"

    def command(self, bench, *words, tool=()):
        return [*self.starter, *tool, self.program(bench, *words)]


FREEDCE = Runtime("rpc", protocols=("ncalrpc", "ncacn_ip_tcp"))
WINE = Runtime(
    ".libs/rpc",
    protocols=("ncalrpc",),
    name="Wine, ",
    suffix=".exe",
    starter=(os.environ.get("WINE", "wine64"),),
    ends_with_input=True,
)
RUNTIMES = [FREEDCE, WINE]


@dataclass(frozen=True)
class Call:
    runtime: Runtime
    protocol: str
    operation: str

    @property
    def name(self):
        return f"{self.runtime.name}{self.protocol.removeprefix('ncacn_ip_')} {self.operation}"

    def is_built(self, bench):
        return self.runtime.program(bench, "server", "malloc").exists()


EVERY_CALL = [
    Call(runtime, protocol, operation)
    for runtime in RUNTIMES
    for protocol in runtime.protocols
    for operation in OPERATIONS
]
TIMED = {call.name: call for call in EVERY_CALL}


@contextmanager
def one_processor():
    """For the programs that are started meanwhile, which take turns anyway. On two processors, a
    call would wait for an idle one to wake up, or not, as it happens."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(all_of_them)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def start(command, environment):
    return subprocess.Popen(
        [str(word) for word in command],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def endpoint_in(directory, call):
    """For rpcrt4, a mere name."""
    return Path(directory).name if call.runtime is WINE else f"{directory}/socket"


@contextmanager
def serving(call, command, environment):
    """A server until the block ends: its process number, and where it listens."""
    with TemporaryDirectory() as directory:
        endpoint = [endpoint_in(directory, call)] if call.protocol == "ncalrpc" else []
        server = start([*command, call.protocol, *endpoint], environment)
        try:
            listening = re.match("listening on (.*)", server.stdout.readline())
            if listening:
                yield server.pid, listening[1]
        finally:
            if not call.runtime.ends_with_input:
                server.terminate()
            said = server.communicate()[1]
        if not listening or server.returncode:
            raise Failed(f"the server ended with status {server.returncode}: {said.strip()}")


class Client:
    """Makes calls for a while when it is told to. It is waited for until it has found out how many
    those are: the next one, started meanwhile, would make it take too few."""

    def __init__(self, process):
        self.process = process
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"a client ended: {self.process.stderr.read().strip()}")
        return line

    def slice(self):
        """How many microseconds a call took and, where it is known, how many on a processor, on both
        sides."""
        with suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        passed, *busy = map(float, self.answer().split())
        return [passed, sum(busy)] if busy else [passed]


@contextmanager
def calling(bench, call, contender):
    """A client and its server until the block ends."""
    server, client = (call.runtime.command(bench, side, contender.memory) for side in SIDES)
    with serving(call, server, contender.below_calls()) as (pid, endpoint):
        words = [*client, call.protocol, endpoint, call.operation, "measure", pid]
        with start(words, contender.below_calls()) as process:
            yield Client(process)


def take_turns(bench, call, contenders):
    """For each contender, what its slices took."""
    with ExitStack() as stack:
        stack.enter_context(one_processor())
        clients = [stack.enter_context(calling(bench, call, each)) for each in contenders]
        return zip(*[[client.slice() for client in clients] for _ in range(SLICES)])


def measure_call(bench, call, contenders):
    """What each contender needs for a call. How its processes lie in memory, and how the system
    lets their threads alternate, makes more of a difference to a tiny call than an allocator, so
    they are started several times."""
    for _ in range(STARTS):
        for contender, slices in zip(contenders, take_turns(bench, call, contenders)):
            passed, *busy = map(median, zip(*slices))
            yield contender, {"measure": call.name, "unit": CALL_UNIT, "value": passed}
            for each in busy:
                yield contender, {"measure": f"{call.name} processor", "unit": "us", "value": each}


def hand_over(bench, runtime, way, workload):
    """What it takes to hand a blob to a client, in a way of rpc_blob's."""
    call = Call(runtime, "ncalrpc", "read")
    server = runtime.command(bench, "server", "stuballoc")
    with one_processor(), serving(call, server, {}) as (_, endpoint):
        client = [*runtime.command(bench, "blob"), call.protocol, endpoint, way, workload]
        return json.loads(execute(client).stdout)


# --- by callgrind --------------------------------------------------------------------------------

CALLGRIND = ("valgrind", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no")
# By the first number, all threads of a server should have begun; valgrind takes its time
FEW_AND_MANY = {"title": (100, 300), "search": (10, 20), "mirror": (10, 20)}
PROFILED = {  # by the protocol that is the same on every machine
    f"profile {call.operation}": call
    for call in EVERY_CALL
    if call.runtime is FREEDCE and call.protocol == "ncalrpc" and call.operation in FEW_AND_MANY
}
# What is called for memory: all that stubs and managers call, and what begins and ends a call
MEMORY = re.compile(r"(midl_user|memory|sa_(scope|malloc|free)|RpcSs)_?\w*$")


def costs(profile):
    """The instructions that went into memory, and all of them. The profile names a function, then
    the functions it called, each with the line of the call and what all below it cost."""
    memory, whole, function, called = 0, 0, "", ""
    lines = iter(profile.read_text().splitlines())
    for line in lines:
        word, _, rest = line.partition("=")
        if word == "fn":
            function = rest
        elif word == "cfn":
            called = rest
        elif word == "calls":
            cost = int(next(lines).split()[-1])
            if MEMORY.match(called) and not MEMORY.match(function):
                memory += cost
        elif line.startswith("totals:"):
            whole = int(line.split()[1])
    return memory, whole


def costs_of_calls(bench, call, contender, count):
    """Of both sides together."""
    libtool = [bench.parent / "libtool", "--mode=execute"]
    environment = contender.below_calls()
    with TemporaryDirectory() as directory:
        profiles = [Path(directory) / side for side in SIDES]
        server, client = (
            call.runtime.command(
                bench,
                side,
                contender.memory,
                tool=[*libtool, *CALLGRIND, f"--callgrind-out-file={profile}"],
            )
            for side, profile in zip(SIDES, profiles)
        )
        with serving(call, server, environment) as (_, endpoint):
            words = [*client, call.protocol, endpoint, call.operation, "make", count]
            execute(words, **environment)
        return [sum(both) for both in zip(*map(costs, profiles))]


def profile_call(bench, call, contender):
    """The instructions of a call, without what a program needs to start."""
    counts = FEW_AND_MANY[call.operation]
    few, many = (costs_of_calls(bench, call, contender, count) for count in counts)
    in_memory, whole = ((m - f) / (counts[1] - counts[0]) for f, m in zip(few, many))
    return [
        {"measure": f"memory {call.operation}", "unit": "instr.", "value": round(in_memory)},
        {"measure": f"whole {call.operation}", "unit": "instr.", "value": round(whole)},
    ]
