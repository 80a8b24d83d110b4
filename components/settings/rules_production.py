"""What must not be relaxed in production."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from components.settings.problems import Problem
from components.settings.stack import PRODUCTION, Settings

_ALSO: Final = ("production", "prd", "live", "prod")
_ALIKE: Final = 0.75
_ZONES: Final = 2
_EMAIL: Final = "backup-alerts@example.com"


def called_prod(settings: Settings) -> Iterator[Problem]:
    """Whatever is called like production (`production`, `prd`, `live`) must be called `prod`, or begin with `prod-`."""
    first = settings.environment.split("-")[0]
    if not settings.production and (first.startswith(PRODUCTION) or get_close_matches(first, _ALSO, 1, _ALIKE)):
        must = f"must be {PRODUCTION}, or begin with {PRODUCTION}-, when it is production, or differ more from it"
        yield Problem(("environment",), settings.environment, must, PRODUCTION)


def keeps_its_data(settings: Settings) -> Iterator[Problem]:
    """In `prod`, `protect` must be true: nobody destroys it by one command."""
    if settings.production and not settings.protect:
        yield _relaxed("protect", found=False, example=True)


def has_a_replica(settings: Settings) -> Iterator[Problem]:
    """In `prod`, `replica` must be set: a region may be lost."""
    if settings.production and settings.replica is None:
        must = f"must be set in {PRODUCTION}: its backups survive the loss of a region"
        yield Problem(("replica",), {}, must, {"region": "us-west-2"})


def is_isolated(settings: Settings) -> Iterator[Problem]:
    """In `prod`, `network` must be isolated and span two zones: what reads all files must not reach the internet."""
    if settings.production and not settings.network.isolated:
        yield _relaxed("network", "isolated", found=False, example=True)
    if settings.production and settings.network.zones < _ZONES:
        yield _relaxed("network", "zones", found=settings.network.zones, example=_ZONES)


def comes_by_itself(settings: Settings) -> Iterator[Problem]:
    """In `prod`, `schedules.paused` must be false, but with `promote`, to stand by: backups come by themselves."""
    if settings.production and settings.schedules.paused and settings.promote is None:
        yield _relaxed("schedules", "paused", found=True, example=False)


def tells_somebody(settings: Settings) -> Iterator[Problem]:
    """In `prod`, `notifications.email` must be set: an alarm that nobody gets is a silence."""
    if settings.production and settings.notifications.email is None:
        must = f"must be set in {PRODUCTION}: an alarm that nobody gets is a silence"
        yield Problem(("notifications", "email"), None, must, _EMAIL)


def _relaxed(*path: str, found: object, example: object) -> Problem:
    return Problem(path, found, f"must not be relaxed in {PRODUCTION}", example)
