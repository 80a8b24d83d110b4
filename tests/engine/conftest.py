"""A fresh world for each test of the engine."""

import pytest

from tests.engine.kit import World


@pytest.fixture
def world() -> World:
    """An empty source, an empty repository and an empty dedup index."""
    return World()
