"""Messages on the queues: to text and back. A body is JSON with `version`, `kind` and the fields of its class."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar

from functions.contract.messages import KINDS, MESSAGE_VERSION, BackupMessage, RestoreMessage
from functions.engine.errors import MessageInvalidError
from functions.engine.model import BackupType

M = TypeVar("M", BackupMessage, RestoreMessage)

_KIND_OF = {kind: name for name, kind in KINDS.items()}
_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool}


def encode(message: BackupMessage | RestoreMessage) -> str:
    """Give the body of a message. The same message gives the same text."""
    document = {"version": MESSAGE_VERSION, "kind": _KIND_OF[type(message)], **asdict(message)}
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def decode(body: str, kind: type[M]) -> M:
    """Undo `encode`. MessageInvalidError, with all that is wrong, for anything but a message of this kind."""
    document = _document(body)
    if document.get("version") != MESSAGE_VERSION:
        raise MessageInvalidError(f"its version is {document.get('version')!r}, known is {MESSAGE_VERSION}")
    if document.get("kind") != _KIND_OF[kind]:
        raise MessageInvalidError(f"its kind is {document.get('kind')!r}, wanted is {_KIND_OF[kind]!r}")
    values = {name: value for name, value in document.items() if name not in {"version", "kind"}}
    problems = _problems(values, kind)
    if problems:
        raise MessageInvalidError("; ".join(problems))
    return kind(**values)


def _document(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise MessageInvalidError(f"it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MessageInvalidError("it is not a JSON object")
    return document


def _problems(values: dict[str, Any], kind: type[M]) -> list[str]:
    known = {field.name: field for field in fields(kind)}
    problems = [f"{name!r} is unknown" for name in values if name not in known]
    for name, field in known.items():
        if name not in values:
            if field.default is MISSING:
                problems.append(f"{name!r} is missing")
        elif type(values[name]) is not _TYPES[str(field.type)]:
            problems.append(f"{name!r} is {values[name]!r}, wanted is {field.type}")
    if not problems and kind is BackupMessage:
        problems = _backup_problems(values)
    return problems


def _backup_problems(values: dict[str, Any]) -> list[str]:
    allowed = [item.value for item in BackupType]
    problems = [] if values["type"] in allowed else [f"'type' is {values['type']!r}, allowed are {', '.join(allowed)}"]
    problems += [f"{name!r} is {values[name]}" for name in ("part", "hop") if values.get(name, 0) < 0]
    return problems
