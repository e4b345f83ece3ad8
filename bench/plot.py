# SPDX-License-Identifier: MIT
"""Plots by gnuplot, as SVG."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

# Okabe and Ito's colours, which colour-blind people can tell apart, but for their yellow, which is
# too pale here. The ground is white, so that no dark page swallows the text.
COLOURS = ["#000000", "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2"]

STYLE = """
set terminal svg size 960,420 dynamic font 'sans-serif,13' background '#ffffff'
set style data histograms
set style histogram clustered gap 1.5
set style fill solid 1 border rgb '#ffffff'
set boxwidth 1
set grid ytics linecolor '#cccccc'
set border 3
set tics nomirror
set bmargin 3.5
set xtics font ',11'
set key outside top center horizontal
set datafile missing '-'
"""

# One allocator may take a hundred times as long as another.
RELATIVE_AXIS = "set logscale y 2; set yrange [0.5:*]"
PER_CENT_AXIS = "set yrange [0:*]"


@dataclass
class Plot:
    file: str
    title: str
    workloads: tuple
    relative: bool = True  # to the base; else as measured, in per cent
    base: str = "stuballoc"
    names: tuple = ()  # the contenders shown; else the allocators

    def shows(self, measure, unit):
        of_these = measure.split()[0] in self.workloads
        return of_these and (self.relative or unit.startswith("%"))

    def figure(self, results, measure, name):
        relative = self.relative
        value = results.ratio(measure, name, self.base) if relative else results.median(measure, name)
        return "-" if value is None else f"{value:.3f}"


PLOTS = [
    Plot("pairs.svg", "Allocate and free one block: time, stuballoc = 1", ("pair",)),
    Plot("calls.svg", "Many blocks at a time: time, stuballoc = 1", ("batch", "stub-call", "trace")),
    Plot(
        "scopes.svg",
        "The memory of one call: time, in a scope = 1",
        ("stub-call",),
        base="stuballoc scope",
        names=(
            "stuballoc",
            "glibc",
            "mimalloc",
            "tcmalloc",
            "APR pool, created",
            "APR pool, cleared",
            "talloc pool, created",
        ),
    ),
    Plot("threads.svg", "Several threads: time, stuballoc = 1", ("reverse", "handoff", "churn")),
    Plot("remote.svg", "Remote calls over FreeDCE: time, stuballoc = 1", ("ncalrpc", "tcp")),
    Plot(
        "blobs.svg",
        "Handing over a blob: time, one memcpy = 1",
        ("blob",),
        base="memcpy",
        names=("Unix socket", "section", "FreeDCE, section", "FreeDCE, marshalled"),
    ),
    Plot("memory.svg", "Resident memory, % of peak or of live", ("idle", "burst", "steady"), False),
]


def label(measure):
    """In two lines, so that neighbours do not run into each other."""
    return measure.replace(" ", r"\n", 1)


def look(index):
    """Where there are more of them than colours, the colours come again with a pattern."""
    turn, colour = divmod(index, len(COLOURS))
    fill = f"pattern {3 + turn}" if turn else "solid 1"
    return f"fillstyle {fill} linecolor '{COLOURS[colour]}'"


def script(plot, results, measures, target):
    names = [name for name in plot.names if name in results.contenders] or results.allocators()
    lines = [
        f'"{label(measure)}" ' + " ".join(plot.figure(results, measure, name) for name in names)
        for measure in measures
    ]
    bars = [
        f"$data using {i + 2}:xtic(1) title '{name}' {look(i)}"
        for i, name in enumerate(names)
    ]
    return "\n".join(
        [
            "$data << end_of_data",
            *lines,
            "end_of_data",
            STYLE,
            RELATIVE_AXIS if plot.relative else PER_CENT_AXIS,
            f"set xrange [-0.6:{len(measures) - 0.4}]",
            f"set output '{target}'",
            f"set title '{plot.title}'",
            f"plot {', '.join(bars)}",
        ]
    )


def draw(results, directory, files=None):
    """All that there are figures for, or those of `files`."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    for plot in PLOTS:
        if files is not None and plot.file not in files:
            continue
        measures = [each for each in results.measures if plot.shows(each, results.unit(each))]
        if measures:
            commands = script(plot, results, measures, Path(directory) / plot.file)
            subprocess.run(["gnuplot"], input=commands, text=True, check=True)
