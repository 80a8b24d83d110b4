"""What tests of the API get."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from sandbox.ministack import MiniStack
from tests.api.kit import Site

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture
def site(s3: S3Client, ministack: MiniStack, make_bucket: Callable[..., str]) -> Site:
    """A stack of its own."""
    return Site(s3, ministack.endpoint, make_bucket)
