# SPDX-License-Identifier: MIT
"""What the catalog demo's server did, once more: see doc/traces.md."""

import json
from pathlib import Path

from programs import execute

TRACE = "trace catalog"
FILE = Path(__file__).with_name("catalog.trace")


def program(bench):
    return bench.parent / "tools/replay-trace"


def replay(bench, allocator, **environment):
    """By an allocator that replay-trace knows; `malloc` is what the environment makes it."""
    time, memory = (
        json.loads(execute([program(bench), what, allocator, FILE], **environment).stdout)
        for what in ("time", "memory")
    )
    return [
        {"measure": TRACE, "unit": "us", "value": time["nanoseconds"] / 1000},
        {"measure": "traced catalog peak", "unit": "MiB", "value": memory["peak"] / (1 << 20)},
    ]
