"""Starts the runs that the event asks for."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.batches import LambdaContext
from functions.runtime.initiator_service import InitiatorService


@cache
def service() -> InitiatorService:
    """Give the service of this execution environment, made at its first invocation."""
    return InitiatorService.from_variables(os.environ)


def handle(event: object, context: LambdaContext) -> dict[str, Any]:
    """Do what the event asks for (see contract.messages.StartEvent); answer with what became of each source."""
    return service().run(event, context)
