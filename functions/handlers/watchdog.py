"""Looks for runs that have not ended or were not started. The event says nothing."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.batches import LambdaContext
from functions.runtime.watchdog_service import WatchdogService


@cache
def service() -> WatchdogService:
    """Give the service of this execution environment, made at its first invocation."""
    return WatchdogService.from_variables(os.environ)


def handle(_event: object, context: LambdaContext) -> dict[str, Any]:
    """Look at every source; answer with what was found."""
    return service().run(context)
