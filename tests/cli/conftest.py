"""The tool against the embedded AWS."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from sandbox.ministack import MiniStack
from tests.cli.history import History, make_history
from tests.cli.kit import Tool, World, make_world

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(scope="session")
def tool(ministack: MiniStack) -> Tool:
    """The tool, pointed at the embedded AWS."""
    return Tool(ministack.endpoint)


@pytest.fixture
def world(s3: "S3Client", tool: Tool, make_bucket: Callable[..., str]) -> World:
    """A source with three users, and an empty repository."""
    return make_world(s3, tool, make_bucket)


@pytest.fixture(scope="module")
def kept(s3: "S3Client", tool: Tool, make_bucket: Callable[..., str]) -> World:
    """A source with one backup of every user, shared by tests that change nothing of it."""
    world = make_world(s3, tool, make_bucket)
    assert world.back_up().status == 0
    return world


@pytest.fixture(scope="session")
def history(
    s3: "S3Client", tool: Tool, make_bucket: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> History:
    """Forty nights of two users that nobody changes, and the stack's outputs in `prod.json`."""
    return make_history(s3, tool, make_bucket, tmp_path_factory.mktemp("history"))
