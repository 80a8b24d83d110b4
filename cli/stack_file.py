"""Reads the settings of a stack from its file, as Pulumi does, without Pulumi."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from components.settings import Settings, load
from functions.engine.errors import ConfigurationError

_STACK = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def read_stack(folder: Path, stack: str) -> Settings:
    """Give the settings of `Pulumi.<stack>.yaml`. ConfigurationError for a stack, a file or a value that is none.

    A stack may be named as the Pulumi CLI names it, `organization/project/stack`.
    """
    name = stack.rpartition("/")[2]
    if not _STACK.fullmatch(name):
        raise ConfigurationError(f"--stack is {stack!r}, must be a stack's name, e.g. prod")
    return load(_config(folder, name))


def _config(folder: Path, name: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - 20 ms that the other commands do not need

    path = folder / f"Pulumi.{name}.yaml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in folder.glob("Pulumi.*.yaml"))
        hint = f"stacks there: {', '.join(known)}" if known else "name the program's folder with --program"
        raise ConfigurationError(f"{path} does not exist", hint=hint) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise ConfigurationError(f"{path} holds no configuration", hint="it must have keys below `config:`")
    return config
