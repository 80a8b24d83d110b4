"""Customer managed keys: rotated every year, with an alias, usable by exactly those whom the policy names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.key_policy import own_account
from components.policy import document
from components.refs import KeyRef
from components.rights_policy import Statement
from functions.engine.errors import ConfigurationError

_WINDOW: Final = (7, 30)
"""Days from the wish to delete a key to its end (AWS KMS API Reference, ScheduleKeyDeletion)."""


@dataclass(frozen=True)
class KeyArgs:
    """A key. `statements` are added to that which lets the account's own policies decide; see `key_policy`."""

    alias: str
    """Begins with `alias/`."""
    description: str
    account_id: str
    region: str
    statements: Sequence[Statement] = ()
    deletion_window_days: int = 30
    protect: bool = True
    """Refuses to destroy the key, and leaves it when it goes out of the program: with it goes every backup."""
    partition: str = "aws"

    def __post_init__(self) -> None:
        """Refuse what KMS would refuse."""
        low, high = _WINDOW
        if not low <= self.deletion_window_days <= high:
            raise ConfigurationError(
                f"key {self.alias}: a deletion window of {self.deletion_window_days} days is not from {low} to {high}"
            )
        if not self.alias.startswith("alias/") or self.alias.startswith("alias/aws/"):
            raise ConfigurationError(f"key {self.alias}: an alias is alias/<name>, and alias/aws/ belongs to AWS")


class Key(ComponentResource):
    """A key of one region. Keys of two regions are not related: losing one leaves the other whole."""

    ref: KeyRef
    key_id: Output[str]

    def __init__(self, name: str, args: KeyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Key", name, None, opts)
        key = aws.kms.Key(
            f"{name}-key",
            description=args.description,
            deletion_window_in_days=args.deletion_window_days,
            enable_key_rotation=True,
            policy=document([own_account(args.account_id, args.partition), *args.statements]),
            region=args.region,
            opts=ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect),
        )
        aws.kms.Alias(
            f"{name}-alias",
            name=args.alias,
            target_key_id=key.key_id,
            region=args.region,
            opts=ResourceOptions(parent=self),
        )
        self.ref, self.key_id = KeyRef(key.arn), key.key_id
        self.register_outputs({"arn": key.arn})
