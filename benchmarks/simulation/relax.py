"""Which limit binds: the one without which it would end soonest. Found by taking one away at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.simulation.backup import simulate_run
from benchmarks.simulation.limits import RELAXED, Limits, relax
from benchmarks.simulation.restore import simulate_restore
from benchmarks.simulation.shapes import Kind, Shape
from benchmarks.simulation.world import Outcome

WINDOW = 4 * 3_600.0
"""Seconds that a run may take."""

RTO = 2 * 3_600.0
"""Seconds that a restore may take. Promised for 1 TB, compared with everywhere."""

NOTHING = 1.02
"""A limit whose absence saves less than 2 % does not bind."""


@dataclass(frozen=True, slots=True)
class Result:
    """One size, one kind of work, and what each limit costs: how many times faster without it."""

    shape: Shape
    kind: Kind
    outcome: Outcome
    gains: Mapping[str, float]

    @property
    def allowed(self) -> float:
        """The seconds it may take."""
        return RTO if self.kind is Kind.RESTORE else WINDOW

    @property
    def passed(self) -> bool:
        """Whether it ends in time."""
        return self.outcome.seconds <= self.allowed

    @property
    def objects_a_second(self) -> float:
        """Objects protected, or restored, a second: all of them, not only those that changed."""
        return self.shape.objects / self.outcome.seconds

    @property
    def binding(self) -> tuple[str, float] | None:
        """The limit that binds first, and how many times faster it would be without it; None if none does alone."""
        name = max(self.gains, key=lambda limit: self.gains[limit])
        return (name, self.gains[name]) if self.gains[name] >= NOTHING else None


def simulate(shape: Shape, kind: Kind, limits: Limits, *, seed: int = 1) -> Outcome:
    """Simulate one size and kind of work."""
    if kind is Kind.RESTORE:
        return simulate_restore(shape, limits, seed=seed)
    return simulate_run(shape, kind, limits, seed=seed)


def examine(shape: Shape, kind: Kind, limits: Limits, *, seed: int = 1) -> Result:
    """Simulate it, and again without each of the limits."""
    outcome = simulate(shape, kind, limits, seed=seed)
    gains = {name: outcome.seconds / simulate(shape, kind, relax(limits, name), seed=seed).seconds for name in RELAXED}
    return Result(shape, kind, outcome, gains)
