"""HTTP as API Gateway tells it: events of payload format 2.0 in, answers out.

Its paths come decoded once, all but `%25` (Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations
for HTTP APIs"; the exception is as the embedded AWS has it, which compared with AWS). No path is put in order here:
`..` and empty parts are names like others, and lead nowhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from functions.engine.errors import StrongroomError
from functions.runtime.api_errors import BUSY, INTERNAL, ApiError, BodyTooLargeError, InputError, MediaTypeError

BODY_BYTES: Final = 100_000
"""A request for a restore with a hundred long patterns."""
_QUERY_FIELDS: Final = 50
_JSON_TYPE: Final = "application/json"
_HEADERS: Final = {
    "content-type": _JSON_TYPE,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. `parts` are those of the path, decoded; `query` has each name once."""

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes = b""
    content_type: str = ""
    request_id: str = ""

    def document(self) -> bytes:
        """Give the body if it may be JSON. MediaTypeError, BodyTooLargeError."""
        if len(self.body) > BODY_BYTES:
            raise BodyTooLargeError(f"the body has {len(self.body):,} bytes, {BODY_BYTES:,} are taken at most")
        if self.content_type != _JSON_TYPE:
            raise MediaTypeError(f"the body is {self.content_type[:100] or 'of no type'}, must be {_JSON_TYPE}")
        return self.body


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: JSON."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def event(self) -> dict[str, Any]:
        """Give it as API Gateway wants it."""
        return {"statusCode": self.status, "headers": {**_HEADERS, **self.headers}, "body": self.text}


def read_request(event: Mapping[str, Any]) -> Request:
    """Read an event. InputError when the query or the body cannot be read."""
    context = event["requestContext"]
    headers = event.get("headers") or {}
    return Request(
        method=str(context["http"]["method"]),
        parts=tuple(part.replace("%25", "%") for part in str(event["rawPath"]).split("/")[1:]),
        query=_query(str(event.get("rawQueryString") or "")),
        body=_body(event),
        content_type=str(headers.get("content-type", "")).partition(";")[0].strip().lower(),
        request_id=str(context.get("requestId", "")),
    )


def refusal(error: Exception, request_id: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer an error: code, message and remedy. Of what the caller cannot mend, nothing but the request's id."""
    if isinstance(error, ApiError):
        return _reply(error.status, error.code, error.message, error.remedy, request_id, headers)
    if isinstance(error, BUSY) and isinstance(error, StrongroomError):
        return _reply(503, error.code, "this took too long, or a store did not answer", "ask again", request_id)
    return _reply(500, INTERNAL, "this could not be done", "tell the operators the request_id", request_id)


def _reply(
    status: int, code: str, message: str, remedy: str, request_id: str, headers: Mapping[str, str] | None = None
) -> Reply:
    told = {"code": code, "message": message, "remedy": remedy, "request_id": request_id}
    return Reply(status, json.dumps({"error": told}, ensure_ascii=True), headers or {})


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_QUERY_FIELDS)
    except ValueError as error:
        raise InputError("the query cannot be read: it must be UTF-8, percent-encoded") from error
    query = dict(pairs)
    if len(query) < len(pairs):
        raise InputError("the query gives a parameter more than once")
    return query


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise InputError("the body cannot be read") from error
