"""What S3 refuses, and what that means in the error tree.

Source: "Error responses" in the Amazon S3 API Reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from functions.adapters.s3.transport import Response, TransportError
from functions.engine.errors import (
    AccessError,
    BlobArchivedError,
    BlobNotFoundError,
    BucketNotFoundError,
    ConfigurationError,
    ConflictError,
    CredentialsError,
    RequestError,
    StrongroomError,
    UnavailableError,
)

_CODE = re.compile(rb"<Code>([^<]+)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
_RETRYABLE = frozenset({"RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "BadDigest"})
_FAILED_FOR_NOW = frozenset({b"InternalError", b"ServiceUnavailable", b"SlowDown"})
_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "RequestTimeTooSkewed",
    }
)
_BY_CODE: Mapping[str, type[StrongroomError]] = {
    **dict.fromkeys(_RETRYABLE, UnavailableError),
    "InvalidObjectState": BlobArchivedError,
}
_BY_STATUS: Mapping[int, type[StrongroomError]] = {
    HTTPStatus.UNAUTHORIZED: AccessError,
    HTTPStatus.FORBIDDEN: AccessError,
    HTTPStatus.NOT_FOUND: BlobNotFoundError,
    HTTPStatus.PRECONDITION_FAILED: ConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: UnavailableError,
}
_REDIRECTS = frozenset({HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.TEMPORARY_REDIRECT})
_ERROR_HEAD = 512


class S3Error(StrongroomError):
    """A refusal as it came. `status` is HTTP's, `s3_code` S3's; an answer to HEAD has no code."""

    def __init__(self, s3_code: str, text: str, response: Response) -> None:
        """Keep what S3 said."""
        super().__init__(text)
        self.status = response.status
        self.s3_code = s3_code
        self.headers = response.headers


def refuse_failure(response: Response) -> Response:
    """Give a successful answer back; raise S3Error for any other."""
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        return response
    code = _CODE.search(response.body)
    message = _MESSAGE.search(response.body)
    raise S3Error(
        code.group(1).decode() if code else "",
        message.group(1).decode(errors="replace") if message else "",
        response,
    )


def has_error_body(response: Response) -> bool:
    """Say whether the answer is an error, whatever its status says. Only for answers that hold no user's bytes."""
    return b"<Error>" in bytes(response.body[:_ERROR_HEAD])


def refuse_error_body(response: Response) -> Response:
    """Raise S3Error for an error that stands behind status 200, as CompleteMultipartUpload may answer."""
    if has_error_body(response):
        return refuse_failure(response._replace(status=HTTPStatus.INTERNAL_SERVER_ERROR))
    return response


def is_retryable(response: Response) -> bool:
    """Say whether a refusal with a 4xx status is one that S3's documentation says to retry."""
    if response.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT}:
        code = _CODE.search(response.body)
        return code is not None and code.group(1).decode() in _RETRYABLE
    return False


def is_retryable_completion(response: Response) -> bool:
    """Say whether a CompleteMultipartUpload failed for now, be it behind status 200."""
    code = _CODE.search(response.body) if has_error_body(response) else None
    return is_retryable(response) or (code is not None and code.group(1) in _FAILED_FOR_NOW)


def translate(error: BaseException, what: str, action: str, bucket: str) -> BaseException:
    """Give the tree's error for a refusal or a transport failure; other errors as they are.

    `what` says what was done, `action` names the right that it needs.
    """
    if isinstance(error, TransportError):
        return UnavailableError(f"{what}: S3 does not answer: {error}")
    if not isinstance(error, S3Error):
        return error
    if error.s3_code == "NoSuchBucket":
        return BucketNotFoundError(f"{what}: bucket {bucket} does not exist")
    if error.status in _REDIRECTS or error.s3_code == "AuthorizationHeaderMalformed":
        region = error.headers.get("x-amz-bucket-region", "another region")
        return ConfigurationError(f"{what}: bucket {bucket} lies in {region}", hint="set its region")
    text = f"{what}: {error.s3_code or error.status} {error.message}".rstrip()
    if error.s3_code in _CREDENTIALS:
        return CredentialsError(text)
    fallback = UnavailableError if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else RequestError
    found = _BY_CODE.get(error.s3_code) or _BY_STATUS.get(error.status, fallback)
    hint = f"grant {action} on {bucket}, and the use of its key in KMS" if found is AccessError else None
    return found(text, hint=hint)
