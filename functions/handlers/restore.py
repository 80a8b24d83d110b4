"""The restore function: takes requests for restores, plans them, fans them out and looks after them."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.batches import LambdaContext
from functions.runtime.restore_services import RestoreService


@cache
def service() -> RestoreService:
    """Give the service of this execution environment, made at its first invocation."""
    return RestoreService.from_variables(os.environ)


def handle(event: object, context: LambdaContext) -> dict[str, Any]:
    """Do what the event asks for (see contract.messages.RestoreEvent); give how the restore stands."""
    return service().run(event, context)
