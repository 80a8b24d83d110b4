"""Lets go of what no kept backup needs, and keeps locked what one does."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.batches import LambdaContext
from functions.runtime.collecting import CollectService


@cache
def service() -> CollectService:
    """Give the service of this execution environment, made at its first invocation."""
    return CollectService.from_variables(os.environ)


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Collect, as `{}`, `{"measure": true}` or `{"dry_run": true}` says; answer with counts and troubles."""
    return service().run(event, context)
