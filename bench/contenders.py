# SPDX-License-Identifier: MIT
"""Who takes part: the allocators that are there, and how each is made to do the work."""

import json
import re
import shutil
from dataclasses import dataclass, field

from programs import Failed, execute
from remote import FREEDCE, LIMIT, PROFILED, TIMED, WINE, hand_over, one_processor, profile_call
from traces import TRACE, program, replay

PACKAGED = {  # by Debian; the dynamic linker knows where they are
    "mimalloc": "libmimalloc.so.2",
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}
# clang's; it is slow, and there to be compared with the hardened mode alone
SCUDO = "libclang_rt.scudo_standalone-x86_64.so"
HARDENED = {"STUBALLOC": "hardened=on"}
CALLERS = ("mimalloc",)  # that make remote calls, which take their time
FLOOR = "same block"  # what the calls and the writing take, without any allocator
SHARED = "shared scope"  # which malloc has not
BLOBS = tuple(f"blob {size}" for size in (4 << 10, 64 << 10, 1 << 20, 64 << 20))
SCOPED = ("scoped alloc", "scoped pair", "scoped call")
CALLS = ("stub-call", "stub-call written", "stub-call halved")
PAIRS = tuple(f"pair {size}" for size in (16, 64, 256, 1024, 16384))
GUARDED = (  # what is measured in the hardened mode
    *PAIRS,
    *CALLS[:2],
    "handoff 64 shallow",
    "handoff mixed deep",
)
POOLS = {  # by name: the program, its way, and the workloads that it can do
    "stuballoc scope": ("work_scope", "created", (*CALLS, TRACE)),
    "talloc": ("work_talloc", "plain", CALLS),
    "talloc pool, created": ("work_talloc", "created", CALLS),
    "talloc pool, cleared": ("work_talloc", "cleared", CALLS),
    "APR pool, created": ("work_apr", "created", CALLS[:2]),
    "APR pool, cleared": ("work_apr", "cleared", CALLS[:2]),
    "FreeDCE's rpc_ss": ("work_rpc_ss", "enabled", CALLS),
    "one thread in a scope": ("work_scope", "one", (SHARED,)),
    "two threads in a scope": ("work_scope", "two", (SHARED,)),
    "two threads, a scope each": ("work_scope", "apart", (SHARED,)),
    "a scope": ("work_section", "engine", SCOPED),
    "a scope in a section": ("work_section", "section", SCOPED),
}
CARRIERS = {  # of blobs, by name: the program or the runtime, and its way
    "memcpy": ("work_section", "memcpy"),
    "Unix socket": ("work_section", "socket"),
    "section": ("work_section", "section"),
    "section, copied to": ("work_section", "copied"),
    "section, opened": ("work_section", "opened"),
    "FreeDCE, section": (FREEDCE, "section"),
    "FreeDCE, section opened": (FREEDCE, "opened"),
    "FreeDCE, marshalled": (FREEDCE, "marshalled"),
    "Wine, section": (WINE, "section"),
    "Wine, section opened": (WINE, "opened"),
    "Wine, marshalled": (WINE, "marshalled"),
}
BY_FEW = (SHARED, *BLOBS, *SCOPED)  # which no allocator does below malloc
REMOTE = TIMED | PROFILED
COUNTED = ("instructions", *PROFILED)  # by valgrind
NO_THREAD_CACHE = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
FEW_PAIRS, MANY_PAIRS = 100_000, 200_000  # as many digits, so that reading them costs the same


@dataclass
class Contender:
    """An allocator, below the program `work` that knows nothing of it."""

    name: str
    library: str = ""  # to be preloaded; glibc needs none
    environment: dict = field(default_factory=dict)
    packaged: bool = False  # comes with Debian
    only: tuple = ()  # the workloads that it is there for, if it is not for all
    memory: str = ""  # what the programs of remote calls are linked with, if it makes them

    def does(self, workload):
        if self.only:
            return workload in self.only
        if workload in PROFILED:
            return self.name in ("stuballoc", "glibc")
        return bool(self.memory) if workload in REMOTE else workload not in BY_FEW

    def run(self, bench, workload):
        """Does the workload once; returns what it measured."""
        if workload == "instructions":
            return [{"measure": workload, "unit": "a pair", "value": self.instructions(bench)}]
        if workload in PROFILED:
            return profile_call(bench, PROFILED[workload], self)
        if workload == TRACE:
            return replay(bench, "malloc", LD_PRELOAD=self.library, **self.environment)
        return [json.loads(line) for line in self.work(bench, workload)]

    def work(self, bench, argument):
        output = self.execute([bench / "work", argument])
        if output.stderr:  # the dynamic linker complains there, and goes on without the library
            raise Failed(output.stderr.strip())
        return output.stdout.splitlines()

    def below_calls(self):
        """The environment of remote calls; a library is for programs that call malloc alone."""
        return {"LD_PRELOAD": self.library if self.memory == "malloc" else ""}

    def execute(self, command):
        return execute(command, LD_PRELOAD=self.library, **self.environment)

    def instructions(self, bench):
        """Instructions for a pair of 64 bytes: the loop, the calls and the touch included."""
        few, many = (self.callgrind(bench, pairs) for pairs in (FEW_PAIRS, MANY_PAIRS))
        difference = (many - few) / (MANY_PAIRS - FEW_PAIRS)
        return round(difference, 1)  # no two processes start in quite the same number

    def callgrind(self, bench, pairs):
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        output = self.execute([*tool, bench / "work", "-n", pairs, "pair 64"])
        return int(re.search(r"Collected : (\d+)", output.stderr)[1])


@dataclass
class Pool(Contender):
    """A pool library, in a program of its own that is linked to it."""

    command: tuple = ()

    def run(self, bench, workload):
        if workload == TRACE:
            return replay(bench, "scopes")
        program, way = self.command
        output = self.execute([bench / program, way, workload]).stdout
        return [json.loads(output)]


@dataclass
class Carrier(Pool):
    """A way to hand over a blob. Both sides take turns on one processor, as in a remote call."""

    def run(self, bench, workload):
        carrier, way = self.command
        if carrier in (FREEDCE, WINE):
            return [hand_over(bench, carrier, way, workload)]
        with one_processor():
            return super().run(bench, workload)


def can_be_preloaded(contender, bench):
    try:
        return bool(contender.work(bench, "list"))
    except Failed:
        return False


def find_contenders(bench, stuballoc, given):
    """stuballoc, which must be there; what Debian packages; what was given as NAME=PATH; pools. Under
    Wine, only those that a program for Windows is linked with."""
    if is_for_windows(bench):
        return [
            Contender("stuballoc", memory="stuballoc"),
            Contender("msvcrt", memory="malloc"),
            Contender(LIMIT, memory="arena", only=tuple(TIMED)),
            *find_carriers(bench),
        ]
    mandatory = [Contender("stuballoc", stuballoc, memory="stuballoc")]
    mandatory += [Contender(name, library) for name, library in given]
    for contender in mandatory:
        contender.work(bench, "list")

    packaged = [
        Contender(name, library, packaged=True, memory="malloc" if name in CALLERS else "")
        for name, library in PACKAGED.items()
    ]
    return [
        mandatory[0],
        Contender("glibc", packaged=True, memory="malloc"),
        *(contender for contender in packaged if can_be_preloaded(contender, bench)),
        *mandatory[1:],
        Contender("stuballoc, hardened", stuballoc, HARDENED, only=GUARDED),
        *find_scudo(bench),
        Contender("glibc, no thread cache", environment=NO_THREAD_CACHE, only=("reverse",)),
        Contender(FLOOR, bench / ".libs/same_block.so", only=(*PAIRS, *CALLS)),
        Contender(LIMIT, memory="arena", only=tuple(TIMED)),
        *find_pools(bench),
        *find_carriers(bench),
    ]


def find_scudo(bench):
    clang = shutil.which("clang")
    path = clang and execute([clang, f"-print-file-name={SCUDO}"]).stdout.strip()
    scudo = Contender("scudo", path or "", only=GUARDED)
    return [scudo] if path and can_be_preloaded(scudo, bench) else []


def find_pools(bench):
    pools = [
        Pool(name, only=workloads, command=(program, way))
        for name, (program, way, workloads) in POOLS.items()
        if (bench / program).exists()
    ]
    hardened = Pool(
        "stuballoc scope, hardened", "", HARDENED, only=CALLS, command=("work_scope", "created")
    )
    floor = Pool(
        f"{FLOOR} in a scope",
        bench / ".libs/same_block_in_scope.so",
        only=CALLS[:2],  # for no scope can free that block
        command=("work_scope", "created"),
    )
    return [*pools, hardened, floor]


def find_carriers(bench):
    return [
        Carrier(name, only=BLOBS, command=command)
        for name, command in CARRIERS.items()
        if carrier_of(bench, *command).exists()
    ]


def carrier_of(bench, carrier, _):
    return carrier.program(bench, "blob") if carrier in (FREEDCE, WINE) else bench / carrier


def is_for_windows(bench):
    return WINE.program(bench, "blob").exists()


def find_workloads(bench):
    """Every workload there is; instructions can be counted only by valgrind."""
    remote = [name for name, call in REMOTE.items() if call.is_built(bench)]
    if is_for_windows(bench):
        return [*BLOBS, *remote]
    local = [*Contender("glibc").work(bench, "list"), *BY_FEW]
    traces = [TRACE] if program(bench).exists() else []
    every = [*local, *traces, *remote, "instructions"]
    return [name for name in every if name not in COUNTED or shutil.which("valgrind")]
