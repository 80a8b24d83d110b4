"""Office documents made from real ones: a real container, real text and real pictures, fixed times."""

from __future__ import annotations

import html
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

TEXT_PART = {
    "docx": "word/document.xml",
    "pptx": "ppt/slides/slide1.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
}
MEDIA_FOLDER = {"docx": "word/media", "pptx": "ppt/media", "xlsx": "xl/media"}
FIXED_TIME = (2026, 1, 1, 0, 0, 0)
TAG = re.compile(rb"<[^>]*>")
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@dataclass(frozen=True)
class Container:
    """A real office file whose parts are reused."""

    kind: str
    parts: dict[str, bytes]


def load_container(path: Path) -> Container:
    """Read a real office file as a container."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    return Container(path.suffix[1:], parts)


def plain_lines(data: bytes) -> list[str]:
    """Return the text lines of an HTML or text file."""
    text = TAG.sub(b" ", data).decode("utf-8", "ignore")
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in html.unescape(text))
    return [line.strip() for line in text.split("\n") if line.strip()]


def compose(container: Container, lines: list[str], pictures: list[bytes]) -> bytes:
    """Return a new document: the container with other text and added pictures."""
    parts = dict(container.parts)
    parts[TEXT_PART[container.kind]] = _body(container.kind, lines).encode()
    for number, picture in enumerate(pictures, 1):
        parts[f"{MEDIA_FOLDER[container.kind]}/picture{number}.png"] = picture
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in parts.items():
            info = zipfile.ZipInfo(name, FIXED_TIME)
            packed = zipfile.ZIP_STORED if name.endswith((".png", ".jpg")) else zipfile.ZIP_DEFLATED
            archive.writestr(info, data, packed)
    return buffer.getvalue()


def _body(kind: str, lines: list[str]) -> str:
    """Return the XML of the part that holds a document's text."""
    escaped = [html.escape(line, quote=False) for line in lines]
    if kind == "docx":
        rows = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in escaped)
        return f"<w:document {WORD}><w:body>{rows}</w:body></w:document>"
    if kind == "pptx":
        rows = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in escaped)
        return f"<a:txBody {DRAWING}>{rows}</a:txBody>"
    rows = "".join(_sheet_row(line) for line in escaped)
    return f"<worksheet {SHEET}><sheetData>{rows}</sheetData></worksheet>"


def _sheet_row(line: str) -> str:
    """Return one row of a sheet; commas separate the cells."""
    cells = "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in line.split(","))
    return f"<row>{cells}</row>"
