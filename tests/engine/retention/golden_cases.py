"""Reads golden cases of retention: backups of one user, a policy, holds and a time, and what is decided, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from functions.engine.repository import BackupName
from functions.engine.retention.decide import decide
from functions.engine.retention.policy import Candidate, Erasure, Hold, RetentionPolicy

SOURCE, USER = "reports", "alice"


def decisions(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Decide a case."""
    holds = [Hold(hold["id"], SOURCE, hold["user"], hold["backup"], hold["reason"]) for hold in case["holds"]]
    erasures = [Erasure(order["id"], SOURCE, USER, order["reason"]) for order in case.get("erasures", [])]
    found = decide(
        [_candidate(item) for item in case["backups"]],
        RetentionPolicy(**case["policy"]),
        holds,
        _moment(case["now"]),
        timedelta(hours=1),
        erasures,
    )
    return [
        {
            "id": decision.candidate.backup.backup_id,
            "keep": decision.keep,
            "reasons": [f"{reason.rule.value}: {reason.text}" for reason in decision.reasons],
        }
        for decision in found
    ]


def _candidate(item: dict[str, str]) -> Candidate:
    taken = datetime.strptime(item["id"].partition("-")[0], "%Y%m%dT%H%M%S%z")
    written = _moment(item["written"]) if "written" in item else taken
    status = item["status"]
    complete, readable = status in {"COMPLETED", "EMPTY"}, status != "UNREADABLE"
    return Candidate(BackupName(SOURCE, USER, item["id"]), taken, written, complete, readable, status == "EMPTY")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
