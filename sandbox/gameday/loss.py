"""Loses the first region, and brings it back."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import ClientError

from sandbox.nights.stack import FaultError, Stack


@contextmanager
def lost(stack: Stack) -> Iterator[None]:
    """Let no service of the stack's region answer during the block, IAM's included; everything of it is idle.

    FaultError when anybody has asked for it meanwhile.
    """
    region = stack.state.region
    _lose(stack.state.endpoint, region)
    try:
        _prove(stack)
        yield
    finally:
        asked = _lose(stack.state.endpoint, None)
    # What `_prove` has asked for.
    del asked[next(iter(asked))]
    if asked:
        raise FaultError(f"{sum(asked.values())} requests went to {region}, which is lost: {', '.join(asked)}")


def _prove(stack: Stack) -> None:
    with contextlib.suppress(ClientError):
        stack.client("s3").list_objects_v2(Bucket=stack.state.exports["BackupBucketName"], MaxKeys=1)
        raise FaultError(f"{stack.state.region} was to be lost, and still answers")


def _lose(endpoint: str, region: str | None) -> dict[str, int]:
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
        f"{endpoint}/_sandbox/lost", data=json.dumps({"region": region}).encode(), method="PUT"
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
        asked: Mapping[str, int] = json.load(answer)
    return dict(asked)
