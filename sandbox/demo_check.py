"""Compares what was restored with the source: every byte, and all metadata.

Nothing of the engine is used here. The buckets are read with boto3 and the folder as a person would read it, with
the metadata file that lies in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sandbox.demo_cloud import THREADS

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from functions.engine.ports import Progress

_BLOCK = 1024 * 1024
_METADATA_FILE = ".strongroom-metadata.jsonl"
_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
)
_USER = "x-amz-meta-"
_CLOCK_SECONDS = 1.0
"""HTTP gives times in whole seconds."""


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Give up to `size` bytes, none at the end."""
        ...


class Opened(NamedTuple):
    """One file: its bytes, everything it carries as names and values, and its times."""

    stream: Stream
    facts: dict[str, str]
    times: tuple[float, ...]


@dataclass
class Findings:
    """What was compared, and every difference in words."""

    objects: int = 0
    files: int = 0
    bytes: int = 0
    differences: list[str] = field(default_factory=list)


class Bucket:
    """Objects by key. S3 sets their times itself."""

    keeps_times = False

    def __init__(self, s3: S3Client, name: str) -> None:
        """List the bucket."""
        self.name = f"bucket {name}"
        self._s3 = s3
        self._bucket = name
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name)
        self.keys = {item["Key"] for page in pages for item in page.get("Contents", [])}

    def open(self, key: str, closing: ExitStack) -> Opened:
        """Open one object."""
        answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        body = closing.enter_context(answer["Body"])
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        facts = {name: value for name, value in headers.items() if name in _HEADERS or name.startswith(_USER)}
        if answer.get("TagCount"):
            tags = self._s3.get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"]
            facts |= {f"tag {tag['Key']}": tag["Value"] for tag in tags}
        return Opened(body, facts, (answer["LastModified"].timestamp(),))


class Folder:
    """Files by the key that the metadata file gives them."""

    keeps_times = True

    def __init__(self, root: Path) -> None:
        """Read the metadata file and look at every file."""
        self.name = "folder"
        self._root = root
        with (root / _METADATA_FILE).open(encoding="utf-8") as lines:
            self._records: dict[str, Any] = {record["key"]: record for record in map(json.loads, lines)}
        there = {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}
        noted = {record["path"] for record in self._records.values()}
        strangers = {f"(a file without a key) {path}" for path in there - noted - {_METADATA_FILE}}
        self.keys = {key for key, record in self._records.items() if record["path"] in there} | strangers

    def open(self, key: str, closing: ExitStack) -> Opened:
        """Open one file."""
        record = self._records[key]
        path = self._root / record["path"]
        facts = dict(record["system"])
        facts |= {f"{_USER}{name}": value for name, value in record["user"].items()}
        facts |= {f"tag {name}": value for name, value in record["tags"].items()}
        times = (path.stat().st_mtime, datetime.fromisoformat(record["modified"]).timestamp())
        return Opened(closing.enter_context(path.open("rb")), facts, times)


def compare(s3: S3Client, original: str, restored: str, folder: Path, progress: Progress) -> Findings:
    """Compare the bucket `original` with the bucket `restored` and with the restored folder."""
    source, bucket, local = Bucket(s3, original), Bucket(s3, restored), Folder(folder)
    found = Findings(len(bucket.keys), len(local.keys))
    for side in (bucket, local):
        found.differences += [f"{side.name}: {key!r} is missing" for key in sorted(source.keys - side.keys)]
        found.differences += [f"{side.name}: {key!r} is not in the source" for key in sorted(side.keys - source.keys)]

    def one(key: str) -> tuple[int, list[str]]:
        sides = [side for side in (bucket, local) if key in side.keys]
        size, differences = _compare_one(source, sides, key)
        progress.advance(files=1, read=size)
        return size, differences

    with ThreadPoolExecutor(THREADS) as threads:
        for size, differences in threads.map(one, sorted(source.keys)):
            found.bytes += size
            found.differences += differences
    return found


def _compare_one(source: Bucket, sides: Sequence[Bucket | Folder], key: str) -> tuple[int, list[str]]:
    """Give the bytes of the object, and how the sides differ from the source."""
    with ExitStack() as closing:
        original = source.open(key, closing)
        copies = [side.open(key, closing) for side in sides]
        size, same = _same_bytes(original.stream, [copy.stream for copy in copies])
        differences: list[str] = []
        for side, copy, equal in zip(sides, copies, same, strict=True):
            what = f"{side.name}: {key!r}"
            if not equal:
                differences.append(f"{what}: the bytes differ")
            differences += [f"{what}: {line}" for line in _different_facts(original.facts, copy.facts)]
            if side.keeps_times and any(abs(time - original.times[0]) > _CLOCK_SECONDS for time in copy.times):
                differences.append(f"{what}: the time differs")
        return size, differences


def _same_bytes(original: Stream, copies: Sequence[Stream]) -> tuple[int, list[bool]]:
    """Read all streams side by side to their ends; say which of the copies equal the original."""
    size = 0
    same = [True] * len(copies)
    while True:
        block = _full_block(original)
        size += len(block)
        for number, copy in enumerate(copies):
            same[number] = _full_block(copy) == block and same[number]
        if not block:
            return size, same


def _full_block(stream: Stream) -> bytes:
    """Read one block; only the last of a stream is shorter."""
    parts: list[bytes] = []
    missing = _BLOCK
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _different_facts(original: dict[str, str], copy: dict[str, str]) -> Iterator[str]:
    for name in sorted(original.keys() | copy.keys()):
        if original.get(name) != copy.get(name):
            yield f"{name} is {copy.get(name)!r} instead of {original.get(name)!r}"
