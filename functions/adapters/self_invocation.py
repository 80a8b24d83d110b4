"""Lets a Lambda function start itself once more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from functions.adapters.aws_calls import AwsCalls

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient


class SelfInvocation:
    """Invokes one function asynchronously: Lambda takes the event, at least once, and answers before it runs.

    Lambda stops a function that has invoked itself 16 times in a row, unless its recursive loop detection is set to
    `Allow` (AWS Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops").
    """

    def __init__(
        self, client: Callable[[], LambdaClient], function: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Invoke `function`. `client` is called once, at the first invocation."""
        self._function = function
        self._calls: AwsCalls[LambdaClient] = AwsCalls(client, f"function {function}", sleep)

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Start the function with `event`. Raises when Lambda did not take it."""
        payload = json.dumps(event).encode()
        self._calls.call(
            "lambda:InvokeFunction",
            lambda client: client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload),
        )
