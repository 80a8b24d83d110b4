"""What the exit statuses mean. `docs/cli.md` shows this table; the errors of the engine say which one is theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

DONE: Final = 0
BUG: Final = 1
DAMAGE: Final = 7
PARTIAL: Final = 9
TROUBLE: Final = 10
INTERRUPTED: Final = 130

MEANINGS: Final = {
    DONE: "done",
    BUG: "a bug, or a worker process that died; everything else that can be foreseen has a status of its own",
    2: "a value, an option or a combination of options cannot be used; nothing was done",
    3: "a bucket, a table, a user or a backup that was named does not exist",
    4: "a right is missing, or the credentials are missing, wrong or expired",
    5: "a service does not answer, or refuses for a reason of its own",
    6: "the repository was written by a newer release",
    DAMAGE: "damage was found, and everything that it touches was named",
    8: "something that must be new exists already, or another run holds the source",
    PARTIAL: "done in part; what is missing was named",
    TROUBLE: "something is wrong, and was named: a run or a drill that failed, or what `doctor` has found",
    INTERRUPTED: "interrupted",
}


def worst(statuses: Iterable[int]) -> int:
    """Give one status for several things that went wrong: the highest; 0 for none."""
    return max(statuses, default=DONE)
