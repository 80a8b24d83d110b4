"""What a dry run shows: which backups would go, and which rules changed their mind since the decisions before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from functions.contract.object_keys import user_prefix
from functions.engine.repository import BackupName
from functions.engine.retention.policy import Decision, Reason


class Change(StrEnum):
    """What becomes of a backup, compared with the decisions before. What exists was kept, if nobody decided before."""

    GOES = "goes"
    STAYS = "stays"
    STAYS_AFTER_ALL = "stays after all"
    GOES_AS_BEFORE = "goes as before"


class Difference(NamedTuple):
    """One backup in a diff, with the reasons of the new decision."""

    backup: BackupName
    change: Change
    reasons: tuple[Reason, ...]

    def document(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        reasons = [[reason.rule.value, reason.text] for reason in self.reasons]
        return {**self.backup._asdict(), "change": self.change.value, "reasons": reasons}


_CHANGES = {
    (True, True): Change.STAYS,
    (True, False): Change.GOES,
    (False, True): Change.STAYS_AFTER_ALL,
    (False, False): Change.GOES_AS_BEFORE,
}
_SIGNS = {Change.STAYS: "=", Change.GOES: "-", Change.STAYS_AFTER_ALL: "+", Change.GOES_AS_BEFORE: "~"}


def diff(before: Iterable[Decision], after: Iterable[Decision]) -> list[Difference]:
    """Compare decisions, in the order of `after`. A backup that `before` does not know was kept until now."""
    kept = {decision.candidate.backup: decision.keep for decision in before}
    return [
        Difference(name, _CHANGES[kept.get(name, True), decision.keep], decision.reasons)
        for decision in after
        for name in [decision.candidate.backup]
    ]


def render(differences: Iterable[Difference]) -> Iterator[str]:
    """Give a diff as lines of text: a sign and a backup each, its reasons below it, and the counts at the end."""
    counts = dict.fromkeys(Change, 0)
    for difference in differences:
        counts[difference.change] += 1
        name = difference.backup
        yield f"{_SIGNS[difference.change]} {user_prefix(name.source, name.user)}{name.backup_id}"
        yield from (f"    {reason.rule.value}: {reason.text}" for reason in difference.reasons)
    yield ", ".join(f"{count} {change.value}" for change, count in counts.items() if count) or "no backups"
