# SPDX-License-Identifier: MIT
"""Traces, to be made wrong: src/engine/trace_file.h has the format."""

import struct

HEADER = 64
SEGMENT = struct.Struct("=IIIIQII")
MASK = (1 << 64) - 1
ODD = 0x9E3779B97F4A7C15


def segments(trace):
    """Where each begins, and ends."""
    found, at = [], HEADER
    while at < len(trace):
        length = SEGMENT.unpack_from(trace, at)[3]
        found.append((at, at + SEGMENT.size + length))
        at = found[-1][1]
    return found


def add_up(first, data):
    sums = [first, 1, 2, 3]
    data = bytes(data) + bytes(32 - len(data) % 32)
    for at in range(0, len(data), 32):
        words = struct.unpack_from("=4Q", data, at)
        sums = [((s << 5 | s >> 59) + word) & MASK for s, word in zip(sums, words)]
    total = sums[0]
    for other in sums[1:]:
        total = ((total ^ total >> 29) * ODD + other) & MASK
    return (total ^ total >> 32) * ODD & MASK


def with_sums(trace):
    """As if it had been written so."""
    trace = bytearray(trace)
    for start, end in segments(trace):
        header = bytearray(trace[start : start + SEGMENT.size])
        header[28:32] = bytes(4)
        total = add_up(add_up(1, header), trace[start + SEGMENT.size : end])
        trace[start + 28 : start + 32] = struct.pack("=I", total >> 32)
    return bytes(trace)
