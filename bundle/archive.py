"""Zip archives whose bytes depend on nothing but the names and bytes of their files."""

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

UNPACKED_LIMIT = 150_000_000
"""Bytes. Lambda's own limit is 250 MB for the archive and its layers together (Lambda quotas); the rest is reserve."""

_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644
_UNIX = 3


class BundleError(RuntimeError):
    """An archive could not be built. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive on disk."""

    path: Path

    @property
    def unpacked_bytes(self) -> int:
        """The size of all files in it."""
        with ZipFile(self.path) as archive:
            return sum(entry.file_size for entry in archive.infolist())

    @property
    def code_sha256(self) -> str:
        """What Lambda calls `CodeSha256`: it changes exactly when the archive does."""
        return base64.b64encode(hashlib.sha256(self.path.read_bytes()).digest()).decode()


def write_archive(path: Path, files: Mapping[str, bytes]) -> Archive:
    """Write `files` by name to `path`, at once or not at all.

    The same files give the same bytes with the same zlib. Raises BundleError above UNPACKED_LIMIT.
    """
    size = sum(len(content) for content in files.values())
    if size > UNPACKED_LIMIT:
        raise BundleError(f"{path.name} would unpack to {size:,} bytes, more than {UNPACKED_LIMIT:,}; leave more out")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as raw, ZipFile(raw, "w", ZIP_DEFLATED, compresslevel=6) as archive:
            for name in sorted(files):
                archive.writestr(_entry(name), files[name])
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return Archive(path)


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _TIME)
    entry.compress_type = ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = _MODE << 16
    return entry
