"""What the API answers when it does not do what it was asked: a status, a stable code and a remedy for each."""

from __future__ import annotations

from typing import ClassVar, Final

from functions.engine.errors import OutOfTimeError, StrongroomError, UnavailableError


class ApiError(StrongroomError):
    """The root of what a caller can mend. `status` is HTTP's."""

    code = "REQUEST_INVALID"
    status: ClassVar[int] = 400
    hint = "correct the request; docs/openapi.json says what is taken"


class InputError(ApiError):
    """A path, a query or a body holds what is not taken; the message names every place."""

    code = "INPUT_INVALID"


class CursorError(ApiError):
    """The cursor is not one of this list."""

    code = "CURSOR_INVALID"
    hint = "leave the cursor out: the list begins anew"


class UnknownError(ApiError):
    """What was named does not exist, or not for this user."""

    code = "NOT_FOUND"
    status = 404
    hint = "check the name: capital letters count"


class NoBackupError(UnknownError):
    """No backup that can be restored answers to the name or time."""

    code = "BACKUP_NOT_FOUND"
    hint = "list the user's backups"


class RouteError(ApiError):
    """There is nothing at this path."""

    code = "ROUTE_UNKNOWN"
    status = 404
    hint = "check the path; docs/openapi.json lists all of them"


class MethodError(ApiError):
    """The path takes other methods."""

    code = "METHOD_NOT_ALLOWED"
    status = 405
    hint = "see the header Allow"


class TokenReusedError(ApiError):
    """The client token has been used for another request."""

    code = "TOKEN_REUSED"
    status = 409
    hint = "choose another client_token"


class SourceBusyError(ApiError):
    """A run of the source is under way."""

    code = "SOURCE_BUSY"
    status = 409
    hint = "wait until it has ended, then ask again"


class BodyTooLargeError(ApiError):
    """The body has more bytes than are taken."""

    code = "BODY_TOO_LARGE"
    status = 413
    hint = "ask for less at once"


class MediaTypeError(ApiError):
    """The body is not JSON."""

    code = "MEDIA_TYPE_UNSUPPORTED"
    status = 415
    hint = "send JSON, with the header Content-Type: application/json"


EVERYWHERE: Final = (InputError, UnknownError)
"""What every path may answer."""

BUSY: Final = (UnavailableError, OutOfTimeError)
"""What the same request, sent again, may get past: 503."""
INTERNAL: Final = "INTERNAL"
"""The code of whatever the caller can do nothing about. What it was stands in the function's log."""
