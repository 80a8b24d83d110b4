"""Gives every S3 key a path of its own on a local disk, and every such path its key back.

Keys may hold what file names may not: empty and dot segments, control characters, segments over 255 bytes, and
`a` beside `a/b`. Those, and `%`, are escaped; anything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from urllib.parse import unquote

_UNSAFE = re.compile(r"[%\x00-\x1f\x7f]")
_DOTS = frozenset({".", ".."})
_PIECE = 200
_CONTINUED = "%"
_MARKER = "%-"
_EMPTY = "%_"
_BESIDE = "%d"
_FILE = "%f"
RESERVED = ".strongroom-"
"""Names that start with this are ours: the metadata file and the scratch folder."""


class LocalNames:
    """Maps keys, given in key order, to relative paths with `/` between folders.

    What no escape of a character looks like stands for the special cases: `%-` is the name of a folder marker (a
    key that ends with `/`), `%_` a folder without a name, and a folder ends with `%d` when a file has its name.
    A key without folders that has the name of one of `users` ends with `%f`: users are restored side by side, so
    the file cannot be known when the folder is made.
    """

    def __init__(self, users: AbstractSet[str] = frozenset()) -> None:
        """Start before the first key."""
        self._users = users
        self._prefixes: list[str] = []

    def path(self, key: str) -> str:
        """Give the path of `key`."""
        self._prefixes = [name for name in self._prefixes if key.startswith(name)]
        *folders, name = key.split("/")
        if not folders and name in self._users:
            return _encode(name) + _FILE
        pieces: list[str] = []
        position = -1
        for folder in folders:
            position += len(folder) + 1
            beside = _BESIDE if key[:position] in self._prefixes else ""
            pieces.append((_encode(folder) if folder else _EMPTY) + beside)
        pieces.append(_encode(name) if name else _MARKER)
        self._prefixes.append(key)
        return "/".join(pieces)


def key_of(path: str) -> str:
    """Undo `LocalNames.path`."""
    return "/".join(_decode(piece) for piece in path.replace(f"{_CONTINUED}/", "").split("/"))


def _decode(piece: str) -> str:
    if piece == _MARKER:
        return ""
    name = piece.removesuffix(_BESIDE).removesuffix(_FILE)
    return "" if name == _EMPTY else unquote(name, errors="strict")


def _encode(segment: str) -> str:
    encoded = _UNSAFE.sub(lambda match: f"%{ord(match.group()):02X}", segment)
    if encoded in _DOTS:
        encoded = encoded.replace(".", "%2E")
    elif encoded.startswith(RESERVED):
        encoded = "%2E" + encoded[1:]
    return encoded if len(encoded.encode()) <= _PIECE else _split(encoded)


def _split(encoded: str) -> str:
    """Cut a long segment into folders; each but the last ends with a single `%`, which nothing else does."""
    pieces: list[str] = []
    piece = ""
    for token in re.findall(r"%[0-9A-F]{2}|.", encoded, re.DOTALL):
        if len((piece + token).encode()) > _PIECE:
            pieces.append(piece + _CONTINUED)
            piece = ""
        piece += token
    rest = piece.replace(".", "%2E") if piece in _DOTS else piece
    return "/".join([*pieces, rest])
