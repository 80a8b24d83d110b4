"""The copy of another stack as the repository of this one (`promote`), when that stack's region is lost.

Bucket, key and tables are named, never looked up and never registered: a preview needs no access to them, and nothing
that this program does can replace or delete them. Their settings stay those of the stack that made them: versions,
encryption, Object Lock, lifecycle, logging and policy. Its bucket policy only forbids, and its key's policy lets the
account's own policies decide, so the roles of this stack need no more than their own rights. One thing is added: the
rule that copies the bucket on, into a region that is not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.refs import BucketRef, KeyRef, TableRef
from components.settings import Names, Settings
from components.tables import TABLES

COLLECTOR: Final = "collector"


@dataclass(frozen=True)
class Adopted:
    """What is taken over."""

    repository: BucketRef
    key: KeyRef
    tables: Mapping[str, TableRef]
    """By the names of the contract. Never the dedup index, which may name packs that did not arrive."""


def adopt(settings: Settings, names: Names) -> Adopted | None:
    """Give what this stack takes over; None when it takes over nothing."""
    if settings.promote is None:
        return None
    copied = [table for table, spec in TABLES.items() if spec.replicated and settings.promote.tables]
    return Adopted(
        BucketRef(names.repository(), names.repository_arn()),
        KeyRef(settings.promote.key_arn),
        {table: TableRef(names.promoted_table(table), names.promoted_table_arn(table)) for table in copied},
    )


def successors(settings: Settings) -> list[str]:
    """Give what matches the roles that may tag objects of the replica when another stack has taken it over.

    This must be said beforehand: the policy of the replica belongs to this stack. The name of a role ends in a few
    random characters; `ArnNotEquals` takes a `*` (IAM User Guide, "IAM JSON policy elements: Condition operators").
    """
    if settings.replica is None or settings.replica.promoted_as is None:
        return []
    role = f"strongroom-{settings.replica.promoted_as}-{COLLECTOR}-*"
    return [f"arn:{settings.partition}:iam::{settings.account_id}:role/{role}"]
