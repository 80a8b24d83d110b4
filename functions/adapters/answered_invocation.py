"""Calls a Lambda function and waits for its answer, as a person does."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from functions.adapters.aws_calls import AwsCalls
from functions.engine import errors
from functions.engine.errors import FunctionFailedError, StrongroomError, UnavailableError

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient


class AnsweredInvocation:
    """Calls one function, once: whether it has begun is not known of a call without an answer."""

    def __init__(
        self, client: Callable[[], LambdaClient], function: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Call `function`. `client` is called once, must wait 15 minutes, and must not repeat a call by itself."""
        self._function = function
        self._calls: AwsCalls[LambdaClient] = AwsCalls(client, f"function {function}", sleep, attempts=1)

    def __call__(self, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Give what the function answers. Raises its error as ours when it is one, else FunctionFailedError."""
        payload = json.dumps(event).encode()

        def ask(client: LambdaClient) -> tuple[str | None, bytes]:
            answer = client.invoke(FunctionName=self._function, Payload=payload)
            return answer.get("FunctionError"), answer["Payload"].read()

        try:
            failed, answer = self._calls.call("lambda:InvokeFunction", ask)
        except UnavailableError as error:
            raise UnavailableError(error.message, hint="it may have begun: look before it is asked again") from error
        try:
            document = json.loads(answer)
        except ValueError:
            raise FunctionFailedError(f"function {_short(self._function)} answered no JSON: {answer[:100]!r}") from None
        if failed:
            raise _error_of(self._function, document)
        return document


def _error_of(function: str, document: object) -> StrongroomError:
    """Give a function's error as what it was there: it says its code, and what to do next."""
    name = _short(function)
    found = document if isinstance(document, Mapping) else {}
    text = str(found.get("errorMessage", document))
    code, colon, rest = text.partition(": ")
    kind = _by_code().get(code) if colon else None
    if kind is not None:
        return kind(f"function {name}: {rest}", hint="")
    return FunctionFailedError(f"function {name}: {found.get('errorType', 'an error')}: {text}")


def _short(function: str) -> str:
    """Give a function's name without the rest of its ARN, as `arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS`."""
    return function.partition(":function:")[2].partition(":")[0] or function


@cache
def _by_code() -> Mapping[str, type[StrongroomError]]:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, StrongroomError)]
    return {kind.code: kind for kind in kinds}
