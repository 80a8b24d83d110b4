"""The API's function: answers what API Gateway asks in HTTP's name."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.runtime.api_service import ApiService
from functions.runtime.batches import LambdaContext


@cache
def service() -> ApiService:
    """Give the service of this execution environment, made at its first invocation."""
    return ApiService.from_variables(os.environ)


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request, told in payload format 2.0; docs/openapi.json says what may be asked."""
    return service().run(event, context)
