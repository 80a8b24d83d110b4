"""Shows results: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_STEP = 1000


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def show_line(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{plain(text)}\n")


def note(text: str) -> None:
    """Print one line to stderr."""
    sys.stderr.write(f"{plain(text)}\n")


def aside(text: str) -> None:
    """Print one line to stderr, dim on a terminal: what is good to know, and asks for nothing."""
    shown = plain(text)
    sys.stderr.write(f"\x1b[2m{shown}\x1b[0m\n" if sys.stderr.isatty() else f"{shown}\n")


def show_lines(lines: Iterable[str]) -> None:
    """Print lines to stdout."""
    sys.stdout.writelines(f"{plain(line)}\n" for line in lines)


def plain(text: str) -> str:
    """Give `text` with everything escaped that a terminal could take for a command: keys may hold anything."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def show_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """Print a table of names and values."""
    show_table(title, ("", ""), facts)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, plain columns elsewhere. The first column is text, the others numbers."""
    if sys.stdout.isatty():
        _draw(title, columns, rows)
        return
    header = [column.replace("\n", " ") for column in columns]
    table = [row for row in (header, *([plain(cell) for cell in row] for row in rows)) if any(row)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    sys.stdout.write(f"{title}\n" if title else "")
    for row in table:
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _draw(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that a program's output does not need
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=title, title_justify="left", show_header=any(columns))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console().print(table)


def size(count: float) -> str:
    """Give bytes as people read them: `1.2 GB`."""
    value = float(count)
    for unit in _UNITS:
        if value < _STEP or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _STEP
    raise AssertionError("unreachable")


def rate(count: float, seconds: float) -> str:
    """Give MB/s."""
    return f"{count / max(seconds, 1e-9) / 1e6:.1f} MB/s"


def ratio(whole: float, part: float) -> str:
    """Give how many times `part` goes into `whole`: `2.3 x`."""
    return f"{whole / part:.2f} x" if part else "-"
