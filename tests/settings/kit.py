"""A configuration that can be used, and what to do with it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from components.settings import Settings, load
from functions.engine.errors import ConfigurationError

steadily = settings(deadline=None)
"""For properties: that a busy machine is slow says nothing about the code."""
ROOT = Path(__file__).resolve().parents[2]
SOURCE = {"name": "reports", "bucket": "acme-reports", "prefix": "clients/"}
DEV: dict[str, Any] = {"environment": "dev", "accountId": "123456789012", "sources": [SOURCE]}
PROD: dict[str, Any] = {**DEV, "environment": "prod", "notifications": {"email": "backup-alerts@example.com"}}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9"


def config(**changes: object) -> dict[str, Any]:
    """Give a configuration for development with some keys changed."""
    return {**DEV, **changes}


def loaded(**changes: object) -> Settings:
    """Give settings for development with some keys changed."""
    return load(config(**changes))


def refused(configuration: dict[str, Any], *secrets: str) -> list[str]:
    """Give the lines of the one error, without the first and the last."""
    with pytest.raises(ConfigurationError) as caught:
        load(configuration, secrets)
    first, *lines = caught.value.message.splitlines()
    count = "1 setting" if len(lines) == 1 else f"{len(lines)} settings"
    assert first == f"{count} cannot be used:"
    assert "docs/configuration.md" in caught.value.remedy
    return [line.removeprefix("  ") for line in lines]


def read_yaml(name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read one of Pulumi's files as Pulumi does. PyYAML brings no types."""
    return importlib.import_module("yaml").safe_load((ROOT / name).read_text(encoding="utf-8"))
