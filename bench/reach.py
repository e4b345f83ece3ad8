# SPDX-License-Identifier: MIT
"""What stuballoc must reach, and whether it does."""

from dataclasses import dataclass

from remote import LIMIT
from results import number


class Goal:
    def bound(self):
        return f"at most {self.most:.3g}"


@dataclass
class Share(Goal):
    """At most this share of the best peer's figure."""

    workload: str
    most: float
    packaged_only: bool = False
    name: str = "stuballoc"

    def check(self, results, measure, ours):
        peers = results.peers(measure, self.packaged_only)
        best = min(peers, key=peers.get)
        share = ours / peers[best]
        return share <= self.most, f"{share:.2f} of {best}'s {number(peers[best])}"


@dataclass
class ShareOf(Goal):
    """At most this share of what another contender needs; the best one, if there are several."""

    workload: str
    most: float
    peers: tuple
    name: str = "stuballoc scope"

    def check(self, results, measure, ours):
        theirs = {peer: results.median(measure, peer) for peer in self.peers}
        theirs = {peer: value for peer, value in theirs.items() if value is not None}
        if not theirs:
            return None  # nobody to compare with: such a pool cannot do it, or is not installed
        best = min(theirs, key=theirs.get)
        share = ours / theirs[best]
        found = f"{share:.2f} of {best}'s {number(theirs[best])}"
        return share <= self.most, f"{self.name}: {found}"


@dataclass
class Limit(Goal):
    """At most this much, whatever the others do."""

    workload: str
    most: float
    name: str = "stuballoc"

    def check(self, results, measure, ours):
        return ours <= self.most, f"{number(ours)} {results.unit(measure)}"


@dataclass
class Gain(Goal):
    """At least this share of what the limit wins over a peer."""

    workload: str
    least: float
    limit: str = LIMIT
    peer: str = "glibc"
    name: str = "stuballoc"

    def bound(self):
        return f"at least {self.least:.3g}"

    def check(self, results, measure, ours):
        theirs, limit = (results.median(measure, name) for name in (self.peer, self.limit))
        if theirs is None or limit is None:
            return None
        share = (theirs - ours) / (theirs - limit)
        found = f"{share:.2f} of the gain from {self.peer}'s {number(theirs)} to {number(limit)}"
        return share >= self.least, found


MALLOCS = ("glibc", "mimalloc")
CALL = [  # whether a byte of each block is written, or all of them
    goal
    for call in ("stub-call", "stub-call written")
    for goal in (
        Share(call, 0.9),
        ShareOf(call, 1.6, ("stuballoc",), "stuballoc, hardened"),
        ShareOf(call, 1.0, ("scudo", "mimalloc-secure"), "stuballoc, hardened"),
        ShareOf(call, 0.8, ("APR pool, created",)),
        ShareOf(call, 1.0, ("APR pool, cleared",)),
        ShareOf(call, 1 / 6, ("glibc",)),
        ShareOf(call, 1 / 3, ("mimalloc", "jemalloc", "tcmalloc", "glibc")),
        ShareOf(call, 1 / 20, ("FreeDCE's rpc_ss",)),
    )
]
REACH = [
    *CALL,
    Share("pair", 0.9),
    Share("batch", 1.0),
    Share("handoff", 1.0, packaged_only=True),
    Limit("instructions", 40),
    Limit("idle ordered left", 10),
    Limit("idle shuffled left", 10),
    Limit("burst left", 10),
    Limit("steady 1024 most", 125),
    Limit("steady mixed most", 125),
    ShareOf("ncalrpc status", 1.0, MALLOCS, "stuballoc"),
    ShareOf("ncalrpc title", 1.0, MALLOCS, "stuballoc"),
    Gain("ncalrpc search", 0.8),
    Gain("ncalrpc mirror", 0.8),
    ShareOf("memory search", 1 / 5, ("glibc",), "stuballoc"),
    ShareOf("memory mirror", 1 / 5, ("glibc",), "stuballoc"),
    ShareOf("shared scope", 1 / 1.8, ("one thread in a scope",), "two threads in a scope"),
    ShareOf("blob 67108864", 0.1, ("FreeDCE, marshalled",), "FreeDCE, section"),
    ShareOf("blob 67108864", 1.5, ("memcpy",), "FreeDCE, section"),
    ShareOf("blob 4096", 1.0, ("FreeDCE, marshalled",), "FreeDCE, section"),
    ShareOf("scoped alloc", 1.2, ("a scope",), "a scope in a section"),
]


def covers(workload, measure):
    """'pair' covers 'pair 64' and itself, but not 'pairs'."""
    return f"{measure} ".startswith(f"{workload} ")


def measures_of(goal, results):
    """The measure of that name; or, if there is none, all whose names begin with it."""
    if goal.workload in results.measures:
        return [goal.workload]
    return [each for each in results.measures if covers(goal.workload, each)]


def check_reach(results):
    """Prints a line for each goal that was measured; returns whether all of them are reached."""
    verdicts = []
    for goal in [each for each in REACH if each.name in results.contenders]:
        for measure in measures_of(goal, results):
            ours = results.median(measure, goal.name)
            verdict = goal.check(results, measure, ours) if ours is not None else (False, "-")
            if verdict is None:
                continue
            holds, found = verdict
            verdicts.append(holds)
            print(f"{'holds ' if holds else 'MISSES'}  {measure:22} {found}, {goal.bound()}")
    print(f"{sum(verdicts)} hold, {len(verdicts) - sum(verdicts)} miss")
    return all(verdicts)
