"""Asks AWS KMS how a key is: whether it can be used, whether it rotates, and when it ends.

AWS KMS API Reference, DescribeKey and GetKeyRotationStatus. Whoever asks needs these two rights on the key.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from functions.adapters.aws_calls import AwsCalls
from functions.runtime.cloud import Cloud


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key. What KMS does not say is None."""

    state: str
    """As KMS names it: Enabled, Disabled, PendingDeletion ..."""
    deleted_on: datetime | None = None
    rotates: bool | None = None
    period_days: int | None = None
    next_rotation: datetime | None = None
    rotating_since: datetime | None = None
    """When a rotation on demand was begun that has not ended."""


def read_key(cloud: Cloud, arn: str, sleep: Callable[[float], None] = time.sleep) -> KeyState:
    """Give a key's state. KMS tells nothing of the rotation of a key that is not enabled."""
    calls: AwsCalls[Any] = AwsCalls(partial(cloud.any, "kms"), f"key {arn}", sleep)
    found = calls.call("kms:DescribeKey", lambda client: client.describe_key(KeyId=arn))["KeyMetadata"]
    state, deleted_on = str(found["KeyState"]), found.get("DeletionDate")
    if state != "Enabled":
        return KeyState(state, deleted_on)
    rotation = calls.call("kms:GetKeyRotationStatus", lambda client: client.get_key_rotation_status(KeyId=arn))
    return KeyState(
        state,
        deleted_on,
        bool(rotation["KeyRotationEnabled"]),
        rotation.get("RotationPeriodInDays"),
        rotation.get("NextRotationDate"),
        rotation.get("OnDemandRotationStartDate"),
    )
