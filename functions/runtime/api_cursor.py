"""Opaque cursors: where a list goes on. They hold a place, never whose list it is, so a made-up one opens nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Final, NamedTuple

from functions.runtime.api_errors import CursorError

_BYTES: Final = 8


class Place(NamedTuple):
    """The last thing that was given: by what the list is ordered, and its name among equals."""

    order: str
    name: str


def write_cursor(scope: str, place: Place) -> str:
    """Give the cursor of a place in the list `scope`."""
    text = json.dumps([_mark(scope), *place], ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(scope: str, cursor: str | None) -> Place | None:
    """Undo `write_cursor`. CursorError for one of another list, or of none."""
    if cursor is None:
        return None
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise CursorError("the cursor cannot be read") from error
    match found:
        case [mark, str(order), str(name)] if mark == _mark(scope) and _is_text(order + name):
            return Place(order, name)
    raise CursorError("the cursor belongs to another list")


def _mark(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:_BYTES]


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
