# SPDX-License-Identifier: MIT
"""figures.py FORMAT: reads figures from the standard input as strictly as those who get them might, and
checks that they tell what the calls of figures.c did."""

import json
import re
import sys

# Name of a column: what it is to be for operation 7 of "catalog"; None: more than 0.
CALLS = {
    "calls": 3,
    "faults": 1,
    "over_budget": 1,
    "blocks": 2,
    "bytes": 112 + 20000,
    "peak_bytes": None,
    "mean_bytes": None,
    "nanoseconds": None,
    "longest_nanoseconds": None,
}
NAMES = {
    'say "A\\B"',
    "two?lines ?[2J",
    "latin ?",
    "a name that is longer than ther",
    "same",
    "same#2",
    "same#3",
    "catalog",
}


def check(row):
    assert CALLS.keys() <= row.keys(), f"there is no {CALLS.keys() - row.keys()}"
    for column, expected in CALLS.items():
        assert row[column] == expected if expected is not None else row[column] > 0, (column, row)
    assert row["mean_bytes"] <= row["peak_bytes"] <= 100000, row


def read_text(text):
    assert not re.search(r"[^\x20-\x7e\n]", text), "it is not printable"
    heading, *lines = text.split("\noperations\n")[1].splitlines()
    columns = heading.split()
    assert columns[:2] == ["interface", "operation"]
    numbers = len(columns) - 1
    rows = [line.rsplit(maxsplit=numbers) for line in lines]
    return {(row[0], int(row[1])): dict(zip(columns[2:], map(int, row[2:]))) for row in rows}


def read_json(text):
    def object_of(pairs):
        assert len(dict(pairs)) == len(pairs), "a name stands twice in an object"
        return dict(pairs)

    figures = json.loads(text, object_pairs_hook=object_of)
    assert figures["live_bytes"] + figures["cached_bytes"] + figures["overhead_bytes"] \
        == figures["mapped_bytes"]
    return {(row.pop("interface"), row.pop("operation")): row for row in figures["operations"]}


LABEL = r'([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"([a-z_]+)(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\d+)")


def read_prometheus(text):
    """By the rules of the text format: each metric once, told of before its samples, and no sample twice."""
    rows, seen, told = {}, set(), []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            told.append(line.split()[2])
            assert told.count(told[-1]) == 1, f"{told[-1]} is told of twice"
            continue
        if line.startswith("# TYPE "):
            _, _, metric, kind = line.split()
            assert metric == told[-1] and kind == ("counter" if metric.endswith("_total") else "gauge")
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample and sample[1] == told[-1], line
        key = sample[1], sample[2]
        assert key not in seen, f"{line} comes twice"
        seen.add(key)
        labels = {name: re.sub(r"\\(.)", r"\1", value) for name, value in re.findall(LABEL, sample[2] or "")}
        if sample[1].startswith("stuballoc_operation_"):
            column = sample[1].removeprefix("stuballoc_operation_").removesuffix("_total")
            rows.setdefault((labels["interface"], int(labels["operation"])), {})[column] = \
                int(line.split()[-1])
    return rows


def main():
    read = {"text": read_text, "json": read_json, "prometheus": read_prometheus}[sys.argv[1]]
    rows = read(sys.stdin.buffer.read().decode())
    assert {name for name, _ in rows} == NAMES, rows.keys()
    check(rows["catalog", 7])


main()
