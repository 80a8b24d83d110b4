"""Mends what may be mended without a person, within bounds."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.batches import LambdaContext
from functions.runtime.remediation_service import RemediationService


@cache
def service() -> RemediationService:
    """Give the service of this execution environment, made at its first invocation."""
    return RemediationService.from_variables(os.environ)


def handle(event: object, context: LambdaContext) -> dict[str, Any]:
    """Do what the event asks for (see contract.messages.RemediateEvent); answer with what came of it."""
    return service().run(event, context)
