"""The users' data: real files as the files of some users, with metadata and tags, and what changes overnight."""

from __future__ import annotations

import gzip
import mimetypes
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from cli.render import size
from functions.engine.ports import Progress

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

THREADS = 8
_SKIPPED = frozenset({"__pycache__", "site-packages", "dist-packages"})
_CHANGED_SHARE = 0.05
_KEY_BYTES = 900
_TAGGED_BYTES = 8 * 1024 * 1024
"""Larger files are restored by multipart uploads, whose tags the embedded AWS drops; S3 keeps them."""
_COPIES = 5
"""Source, its older versions, the repository, the restored bucket, and room to breathe."""
_MARK = b"-- changed overnight --"
_KINDS = ("edited", "appended", "added", "deleted", "properties only")
_WEIGHTS = (40, 20, 15, 15, 10)
_DRAFT = {"stage": "draft: to be read & signed", "class": "internal"}


class UnusableFolderError(Exception):
    """The folder holds nothing to show, or too much."""


class Shelf(NamedTuple):
    """The bucket that holds users' files, and a client of many threads to reach it with."""

    s3: S3Client
    bucket: str


@dataclass(frozen=True, slots=True)
class Upload:
    """One object of the source: its key, where its bytes come from, and what it carries."""

    key: str
    body: Path | bytes
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        """Give the bytes."""
        return self.body if isinstance(self.body, bytes) else self.body.read_bytes()


class Change(NamedTuple):
    """What happens to a file overnight."""

    kind: str
    upload: Upload


def plan(root: Path, users: int) -> list[Upload]:
    """Deal the files below `root` out to so many users. Every eighth lies with two, as files sent around do."""
    uploads: list[Upload] = []
    for number, path in enumerate(_files(root)):
        name, owner, other = path.relative_to(root).as_posix(), _user(number, users), _user(number + 7, users)
        uploads.append(_upload(number, owner, f"{owner}/{name}", path))
        if number % 8 == 0:
            uploads.append(_upload(number, owner, f"{other}/from {owner}/{name}", path))
    if not uploads:
        raise UnusableFolderError(f"{root} holds no file that can be read; name another: make demo DATA=folder")
    total = sum(item.body.stat().st_size for item in uploads if isinstance(item.body, Path))
    room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _COPIES
    if total > room:
        raise UnusableFolderError(
            f"{root} holds {size(total)}, and the embedded AWS keeps everything in memory, more than once: "
            f"name a folder of up to {size(room)}: make demo DATA=folder"
        )
    return uploads + _odd_ones()


def upload(shelf: Shelf, uploads: Sequence[Upload], progress: Progress) -> None:
    """Put all of them into the source."""
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(lambda item: _put(shelf, item, item.read(), progress), uploads):
            pass


def plan_changes(uploads: Sequence[Upload]) -> list[Change]:
    """Choose 5 % of the files, the same ones each time, and what happens to each; every kind at least once."""
    random = Random(20)  # noqa: S311 - the same files each time, not a secret
    count = max(len(_KINDS), round(len(uploads) * _CHANGED_SHARE))
    kinds = [*_KINDS, *random.choices(_KINDS, _WEIGHTS, k=count - len(_KINDS))]
    return [Change(kind, item) for kind, item in zip(kinds, random.sample(uploads, count), strict=True)]


def change(shelf: Shelf, changes: Sequence[Change], progress: Progress) -> None:
    """Change the source as planned."""
    actions: dict[str, Callable[[Shelf, Upload, Progress], None]] = dict(
        zip(_KINDS, (_edit, _append, _add, _delete, _relabel), strict=True)
    )
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(lambda item: actions[item.kind](shelf, item.upload, progress), changes):
            pass


def in_words(changes: Sequence[Change]) -> str:
    """Say how many changes of each kind there are."""
    counts = Counter(item.kind for item in changes)
    return ", ".join(f"{counts[kind]} {kind}" for kind in _KINDS)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK) and _is_key(path):
                yield path


def _is_key(path: Path) -> bool:
    """Say whether S3 could take the path as a key: UTF-8, and not too long."""
    try:
        return len(str(path).encode()) < _KEY_BYTES
    except UnicodeEncodeError:
        return False


def _user(number: int, users: int) -> str:
    return f"user-{number % users + 1:02d}"


def _upload(number: int, owner: str, key: str, path: Path) -> Upload:
    """Give every file a content type, and some of them more."""
    headers = {"ContentType": mimetypes.guess_type(path.name)[0] or "application/octet-stream"}
    if number % 5 == 0:
        headers["CacheControl"] = "private, max-age=3600"
    if number % 7 == 0:
        headers["ContentDisposition"] = f"attachment; filename*=UTF-8''{quote(path.name)}"
    if number % 11 == 0:
        headers["ContentLanguage"] = "en"
    metadata = {"origin": quote(path.name), "mode": f"{path.stat().st_mode & 0o777:o}"} if number % 3 == 0 else {}
    tags = _for_size(path.stat().st_size, {"class": "internal", "owner": owner}) if number % 4 == 0 else {}
    return Upload(key, path, headers, metadata, tags)


def _for_size(size: int, tags: dict[str, str]) -> dict[str, str]:
    """Give the tags that an object of this size may have here."""
    return tags if size < _TAGGED_BYTES else {}


def _odd_ones() -> list[Upload]:
    """Give keys that S3 allows and file systems do not, or not beside each other."""
    marker = {"ContentType": "application/x-directory"}
    return [
        Upload("user-01/empty folder/", b"", marker),
        Upload("user-02/two//slashes.txt", b"a folder without a name"),
        Upload("user-03/notes", b"a file"),
        Upload("user-03/notes/today.txt", b"a file below a file", tags=_DRAFT),
        Upload("user-04/Pr\u00fcfbericht \u2116 7, 100 %.txt", "f\u00fcnf \u20ac".encode()),
        Upload("user-05/../up.txt", b"a segment of two dots"),
    ]


def _put(shelf: Shelf, item: Upload, data: bytes, progress: Progress) -> None:
    shelf.s3.put_object(
        Bucket=shelf.bucket,
        Key=item.key,
        Body=data,
        Metadata=item.metadata,
        Tagging=urlencode(item.tags),
        **item.headers,  # type: ignore[arg-type]
    )
    progress.advance(files=1, read=len(data))


def _edit(shelf: Shelf, item: Upload, progress: Progress) -> None:
    data = item.read()
    middle = len(data) // 2
    _put(shelf, item, data[:middle] + _MARK + data[middle + len(_MARK) :], progress)


def _append(shelf: Shelf, item: Upload, progress: Progress) -> None:
    _put(shelf, item, item.read() + _MARK, progress)


def _add(shelf: Shelf, item: Upload, progress: Progress) -> None:
    data = gzip.compress(item.read(), mtime=0)
    tags = _for_size(len(data), _DRAFT)
    added = Upload(f"{item.key}.overnight.gz", b"", {"ContentType": "application/gzip"}, item.metadata, tags)
    _put(shelf, added, data, progress)


def _delete(shelf: Shelf, item: Upload, progress: Progress) -> None:
    shelf.s3.delete_object(Bucket=shelf.bucket, Key=item.key)
    progress.advance(files=1)


def _relabel(shelf: Shelf, item: Upload, progress: Progress) -> None:
    """Copy the object onto itself with other metadata and tags: the bytes and the etag stay as they were."""
    shelf.s3.copy_object(
        Bucket=shelf.bucket,
        Key=item.key,
        CopySource={"Bucket": shelf.bucket, "Key": item.key},
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        ContentType="text/x-relabelled",
        Metadata={**item.metadata, "relabelled": "overnight"},
        Tagging=urlencode(_for_size(len(item.read()), _DRAFT)),
    )
    progress.advance(files=1)
