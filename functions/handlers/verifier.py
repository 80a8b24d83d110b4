"""Verifies the repository and proves users by restore drills, as the event asks."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.batches import LambdaContext
from functions.runtime.verifying import VerifyService


@cache
def service() -> VerifyService:
    """Give the service of this execution environment, made at its first invocation."""
    return VerifyService.from_variables(os.environ)


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do what `{"verify": "sample" | "structure" | "drill"}` names; answer with what was looked at and found."""
    return service().run(event, context)
