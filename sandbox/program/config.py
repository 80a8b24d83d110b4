"""A stack's configuration as the Pulumi CLI hands it to the program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from bundle.paths import ROOT

REGION: Final = "aws:region"
_ENDPOINTS = "aws:endpoints"


def read_config(stack: str, endpoint: str, root: Path = ROOT) -> dict[str, str]:
    """Give texts by full key, objects as JSON, with the project's defaults; every service is asked at `endpoint`."""
    project = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
    values: dict[str, Any] = {
        key: spec["default"] for key, spec in project["config"].items() if isinstance(spec, dict) and "default" in spec
    }
    values |= yaml.safe_load((root / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    values[_ENDPOINTS] = [dict.fromkeys(services, endpoint) for services in values.get(_ENDPOINTS, ())]
    full = {key if ":" in key else f"{project['name']}:{key}": value for key, value in values.items()}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in full.items()}
