"""A function that starts itself once more: what is sent, and what a refusal becomes."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from functions.adapters.self_invocation import SelfInvocation
from functions.engine.errors import AccessError, NotFoundError, StrongroomError, UnavailableError

EVENT = {"verify": "sample", "seed": 7, "continue": {"after": "ü"}}
REQUEST = {"FunctionName": "verifier", "InvocationType": "Event", "Payload": json.dumps(EVENT).encode()}


def invoke(*answers: str | None) -> None:
    """Invoke a function that gives these errors, one after the other; None is success."""
    client = boto3.client("lambda", region_name="us-east-1")
    stubber = Stubber(client)
    for code in answers:
        if code is None:
            response: dict[str, Any] = {"StatusCode": 202}
            stubber.add_response("invoke", response, REQUEST)
        else:
            status = 500 if code == "ServiceException" else 400
            stubber.add_client_error("invoke", code, "no", status, expected_params=REQUEST)
    with stubber:
        SelfInvocation(lambda: client, "verifier", lambda _seconds: None)(EVENT)
    stubber.assert_no_pending_responses()


def test_lambda_takes_the_event_and_nobody_waits() -> None:
    """An asynchronous invocation, with the event as it is."""
    invoke(None)


def test_it_is_repeated_while_lambda_asks_for_time() -> None:
    """What is left to do must not be lost to a busy moment."""
    invoke("TooManyRequestsException", "ServiceException", None)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", AccessError),
        ("ResourceNotFoundException", NotFoundError),
        ("RecursiveInvocationException", StrongroomError),
    ],
)
def test_a_refusal_is_an_error_that_names_right_and_function(code: str, error: type[StrongroomError]) -> None:
    """So that the invocation fails, and is repeated and alarmed."""
    with pytest.raises(error, match=r"lambda:InvokeFunction on function verifier: .*"):
        invoke(code)


def test_an_outage_ends_as_one() -> None:
    """After so many attempts."""
    with pytest.raises(UnavailableError):
        invoke(*["ServiceException"] * 10)
