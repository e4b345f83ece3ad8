"""Who takes part: the allocators that are there, and how each is made to do the work."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

PACKAGED = {  # by Debian; the dynamic linker knows where they are
    "mimalloc": "libmimalloc.so.2",
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}
POOLS = {"talloc": "work_talloc", "APR": "work_apr"}
NO_THREAD_CACHE = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
FEW_PAIRS, MANY_PAIRS = 20_000, 120_000


class Failed(Exception):
    """A contender could not do the work; says why."""


def execute(command, **environment):
    result = subprocess.run(
        list(map(str, command)), env=os.environ | environment, capture_output=True, text=True
    )
    if result.returncode:
        raise Failed(result.stderr.strip().splitlines()[-1:] or f"status {result.returncode}")
    return result


@dataclass
class Contender:
    """An allocator below the program `work`, which knows nothing of it."""

    name: str
    library: str = ""  # preloaded; glibc needs none
    environment: dict = field(default_factory=dict)
    packaged: bool = False  # by Debian
    only: str = ""  # the one workload that it is there for

    def run(self, bench, workload):
        """Does the workload once; returns what it measured, as dicts."""
        if workload == "instructions":
            return [{"measure": workload, "unit": "a pair", "value": self.instructions(bench)}]
        output = self.preloaded([bench / "work", workload])
        if output.stderr:  # the dynamic linker says so there when it could not preload
            raise Failed(output.stderr.strip())
        return list(map(json.loads, output.stdout.splitlines()))

    def preloaded(self, command):
        return execute(command, LD_PRELOAD=self.library, **self.environment)

    def instructions(self, bench):
        """Instructions for a pair of 64 bytes: loop, calls and touching the block included."""
        few, many = (self.callgrind(bench, pairs) for pairs in (FEW_PAIRS, MANY_PAIRS))
        return (many - few) / (MANY_PAIRS - FEW_PAIRS)

    def callgrind(self, bench, pairs):
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        output = self.preloaded([*tool, bench / "work", "-n", pairs, "pair 64"])
        return int(re.search(r"Collected : (\d+)", output.stderr)[1])


@dataclass
class Pool(Contender):
    """A pool library, by a program of its own that is linked to it."""

    program: str = ""
    way: str = ""  # "created" or "cleared"

    def run(self, bench, workload):
        return [json.loads(execute([bench / self.program, self.way]).stdout)]


def is_there(contender, bench):
    try:
        return bool(contender.run(bench, "list-nothing"))
    except Failed:
        return False
