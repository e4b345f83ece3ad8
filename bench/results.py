# SPDX-License-Identifier: MIT
"""What was measured, and the tables of it."""

import json
import os
import platform
import re
from pathlib import Path
from statistics import median


CALL_UNIT = "us a call"


def describe_machine():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    models = re.findall(r"model name\s*: (.*)", cpuinfo) or [platform.machine()]
    libc = " ".join(platform.libc_ver())
    return f"{models[0]}, {os.cpu_count()} processors, Linux {platform.release()}, {libc}"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


class Results:
    """Every measured value, by measure and contender, in a form that JSON can hold."""

    def __init__(self, data):
        self.data = data
        self.contenders = {each["name"]: each for each in data["contenders"]}
        self.measures = data["measures"]

    @classmethod
    def of(cls, contenders, rounds):
        described = [
            {"name": each.name, "packaged": each.packaged, "only": each.only} for each in contenders
        ]
        return cls(
            {
                "machine": describe_machine(),
                "rounds": rounds,
                "contenders": described,
                "measures": {},
            }
        )

    @classmethod
    def load(cls, path):
        return cls(json.loads(Path(path).read_text()))

    def save(self, path):
        Path(path).write_text(json.dumps(self.data, indent=1) + "\n")

    def add(self, contender, result):
        entry = {"unit": result["unit"], "values": {}}
        entry = self.measures.setdefault(result["measure"], entry)
        entry["values"].setdefault(contender.name, []).append(result["value"])

    def median(self, measure, name):
        """None when the contender did not do this."""
        values = self.measures[measure]["values"].get(name)
        return median(values) if values else None

    def unit(self, measure):
        return self.measures[measure]["unit"]

    def ratio(self, measure, name, base="stuballoc"):
        """By how much a contender's figure is the base's; None where that says nothing."""
        ours, theirs = self.median(measure, base), self.median(measure, name)
        return theirs / ours if ours and theirs is not None else None

    def allocators(self):
        """Those that do all the work, stuballoc first."""
        return [name for name, contender in self.contenders.items() if not contender["only"]]

    def peers(self, measure, packaged_only=False):
        """The medians of the allocators that stuballoc is measured against."""
        names = [
            name
            for name in self.allocators()
            if name != "stuballoc" and (self.contenders[name]["packaged"] or not packaged_only)
        ]
        medians = {name: self.median(measure, name) for name in names}
        return {name: value for name, value in medians.items() if value is not None}

    def cell(self, measure, name):
        value, ratio = self.median(measure, name), self.ratio(measure, name)
        if value is None:
            return "-"
        if name == "stuballoc" or ratio is None:
            return number(value)
        return f"{number(value)} ({ratio:.2f}×)"

    def rows(self):
        """The table: a row for each measure, a column for each allocator that does all the work."""
        names = self.allocators()
        yield ["", "unit", *names]
        for measure in self.measures:
            if any(self.median(measure, name) is not None for name in names):
                yield [measure, self.unit(measure), *(self.cell(measure, name) for name in names)]

    def remarks(self):
        """What those measured that are there for one workload alone."""
        for name, contender in self.contenders.items():
            for measure in contender["only"]:
                if measure in self.measures and self.median(measure, name) is not None:
                    yield f"{measure} by {name}: {self.cell(measure, name)} {self.unit(measure)}"
        for measure in self.measures:
            if self.unit(measure) == CALL_UNIT:
                yield f"{measure}: {self.rates(measure)} calls a second"

    def rates(self, measure):
        """As many calls as a client makes one after another."""
        medians = {name: self.median(measure, name) for name in self.contenders}
        return ", ".join(
            f"{name} {1e6 / value:.0f}" for name, value in medians.items() if value is not None
        )

    def text(self):
        rows = list(self.rows())
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([*lines, "", *self.remarks(), "", self.caption()])

    def markdown(self):
        header, *rows = self.rows()
        alignment = ["---", "---", *("--:" for _ in header[2:])]
        lines = [f"| {' | '.join(row)} |" for row in [header, alignment, *rows]]
        remarks = [f"- {remark}" for remark in self.remarks()]
        return "\n".join([*lines, "", *remarks, "", self.caption()])

    def caption(self):
        rounds = f"{self.data['rounds']} rounds" if self.data["rounds"] > 1 else "one round"
        return (
            f"Medians of {rounds}; in parentheses, how many times stuballoc's figure. "
            f"Less is better. {self.data['machine']}."
        )
