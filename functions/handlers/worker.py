"""Backs up the users that a batch of messages names."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.backup_service import BackupService
from functions.runtime.batches import LambdaContext


@cache
def service() -> BackupService:
    """Give the service of this execution environment, made at its first invocation."""
    return BackupService.from_variables(os.environ)


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an SQS batch with those of its messages that must come again."""
    return service().run(event, context)
