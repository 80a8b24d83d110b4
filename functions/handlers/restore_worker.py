"""The restore worker: does the tasks of restores, as a queue hands them out."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.batches import LambdaContext
from functions.runtime.restore_services import RestoreWorkerService


@cache
def service() -> RestoreWorkerService:
    """Give the service of this execution environment, made at its first invocation."""
    return RestoreWorkerService.from_variables(os.environ)


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work on a batch of messages; give Lambda's partial batch response."""
    return service().run(event, context)
