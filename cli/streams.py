"""Prints results of any length as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from cli.render import plain


def stream_json(name: str, rows: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> None:
    """Print one JSON document: an array of one row a line under `name`, then the facts.

    `facts` is read after the last row, so it may be filled meanwhile.
    """
    write = sys.stdout.write
    write(f'{{\n  "{name}": [')
    between = "\n    "
    for row in rows:
        write(between + json.dumps(row, ensure_ascii=False))
        between = ",\n    "
    write("\n  ]")
    for key, value in facts.items():
        write(f",\n  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    write("\n}\n")


def stream_columns(widths: Iterable[int], rows: Iterable[tuple[str, ...]]) -> None:
    """Print columns: those with a width to the right of it, the last one as long as it is."""
    pads = list(widths)
    for *cells, last in rows:
        row = "  ".join(plain(cell).rjust(width) for cell, width in zip(cells, pads, strict=True))
        sys.stdout.write(f"{row}  {plain(last)}\n")
