"""Settings to count a month of."""

from __future__ import annotations

from components.settings import Settings, load
from tests.program.kit import read_config


def stack(name: str, **changes: object) -> Settings:
    """Give the settings of a stack of this repository, with some keys changed."""
    return load(read_config(name) | changes)


PRODUCTION = stack("prod")
