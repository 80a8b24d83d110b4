"""Calls of AWS services through boto3: a client made when it is first needed, retries, and errors of our tree."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from functions.engine.errors import (
    AccessError,
    CredentialsError,
    NotFoundError,
    RequestError,
    StrongroomError,
    UnavailableError,
)

C = TypeVar("C")
T = TypeVar("T")

_ATTEMPTS = 10
_REACHED_AFTER = 3
"""Attempts after which nobody waits for a service that could not be connected to even once."""
_BACKOFF_CAP = 5.0
_SERVER_ERROR = 500

_TRANSIENT = frozenset(
    {
        "InternalError",
        "InternalErrorException",
        "InternalFailure",
        "InternalServerError",
        "KMSThrottlingException",
        "KmsThrottled",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "Throttled",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_CANCELLED = "TransactionCanceledException"
_TRANSIENT_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Why a transaction was cancelled that may go through the next time (Amazon DynamoDB API Reference)."""
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "KMSAccessDeniedException",
        "KmsAccessDenied",
    }
)
_MISSING = frozenset(
    {
        "NoSuchBucket",
        "NonExistentQueue",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"}
)
_NO_CREDENTIALS = frozenset(
    {"CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"}
)
_UNREACHED = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"})
_INVALID = "ParamValidationError"
"""botocore's classes, by name: importing them takes longer than most runs need a table for."""


class AwsCalls(Generic[C]):
    """Calls of one table, queue or topic. Safe from any thread."""

    def __init__(
        self,
        client: Callable[[], C],
        what: str,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = _ATTEMPTS,
    ) -> None:
        """Call through what `client` gives, asked once; `what` stands in messages, such as `table runs`."""
        self._make = client
        self._what = what
        self._sleep = sleep
        self._attempts = attempts
        self._client: C | None = None
        self._answered = False
        self._lock = threading.Lock()

    def call(self, action: str, request: Callable[[C], T]) -> T:
        """Give what `request` gives; do it again while the service is in trouble. `action` is the right it needs."""
        attempt = 0
        while True:
            try:
                answer = request(self._connected())
            except Exception as error:
                if not _is_the_services(error):
                    raise
                translated = self._translate(error, action)
                if not translated.retryable or attempt >= self._most(error) - 1:
                    raise translated from error
            else:
                self._answered = True
                return answer
            self._pause(attempt)
            attempt += 1

    def _most(self, error: Exception) -> int:
        never = type(error).__name__ in _UNREACHED and not self._answered
        return min(self._attempts, _REACHED_AFTER) if never else self._attempts

    def until_done(self, action: str, items: list[Any], request: Callable[[C, list[Any]], list[Any]]) -> None:
        """Repeat `request` on what it hands back until that is nothing."""
        for attempt in range(_ATTEMPTS):
            items = self.call(action, partial(_swapped, request, items))
            if not items:
                return
            self._pause(attempt)
        raise UnavailableError(f"{action} on {self._what}: throttled {_ATTEMPTS} times")

    def _connected(self) -> C:
        with self._lock:
            if self._client is None:
                self._client = self._make()
            return self._client

    def _pause(self, attempt: int) -> None:
        self._sleep(random.uniform(0, min(_BACKOFF_CAP, 0.05 * 2**attempt)))  # noqa: S311 - jitter

    def _translate(self, error: Exception, action: str) -> StrongroomError:
        """Give the tree's error. botocore's own classes are not imported for it: they carry all in `response`."""
        what, code, noun = f"{action} on {self._what}: {error}", code_of(error), self._what.partition(" ")[0]
        if type(error).__name__ in _NO_CREDENTIALS or code in _CREDENTIALS:
            return CredentialsError(what)
        if code in _DENIED:
            return AccessError(what, hint=f"grant {action} on the {noun}, and its key's use in KMS")
        if code in _MISSING:
            return NotFoundError(what, hint=f"check the {noun}'s name and region")
        if type(error).__name__ == _INVALID or not (code == "" or _transient(error, code)):
            return RequestError(what)
        return UnavailableError(what)


def code_of(error: Exception) -> str:
    """Give the service's code of an error that boto3 raised, without a namespace; empty for any other error."""
    response = getattr(error, "response", None)
    details = response.get("Error", {}) if isinstance(response, Mapping) else {}
    return str(details.get("Code", "")).rpartition(".")[2]


def cancellations(error: Exception) -> list[Mapping[str, Any]]:
    """Give why a transaction was cancelled, one reason an action; nothing for any other error."""
    response = getattr(error, "response", None)
    if code_of(error) != _CANCELLED or not isinstance(response, Mapping):
        return []
    return list(response.get("CancellationReasons", []))


def _swapped(request: Callable[[C, list[Any]], list[Any]], items: list[Any], client: C) -> list[Any]:
    return request(client, items)


def _is_the_services(error: Exception) -> bool:
    """Say whether an error comes from the service or from the way there, and not from a mistake of ours."""
    return isinstance(error, OSError) or any(kind.__module__.startswith("botocore") for kind in type(error).__mro__)


def _transient(error: Exception, code: str) -> bool:
    if code == _CANCELLED:
        return any(reason.get("Code") in _TRANSIENT_REASONS for reason in cancellations(error))
    metadata = getattr(error, "response", {}).get("ResponseMetadata", {})
    return code in _TRANSIENT or metadata.get("HTTPStatusCode", 0) >= _SERVER_ERROR
