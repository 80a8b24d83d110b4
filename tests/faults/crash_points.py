"""Lists every point at which a job can die: each call of each port, before and after its effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from functions.adapters.faults import CrashPoint, Faults, Moment


@cache
def counted(job: Callable[[Faults], object]) -> Mapping[str, int]:
    """Run `job` undisturbed, once, and say how often it calls what."""
    faults = Faults()
    job(faults)
    return dict(faults.counts)


def every_point(job: Callable[[Faults], object]) -> list[CrashPoint]:
    """Give all crash points of `job`."""
    return [
        CrashPoint(call, number, moment)
        for call, count in sorted(counted(job).items())
        for number in range(1, count + 1)
        for moment in Moment
    ]


def name_of(point: object) -> str:
    """Give a crash point's name in a test's name: `after-store.put_new-3`."""
    if not isinstance(point, CrashPoint):
        return str(point)
    return f"{point.moment}-{point.call or 'any'}-{point.number}"
