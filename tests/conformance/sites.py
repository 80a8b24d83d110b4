"""Places to restore to, and persons who look at them without the adapter's help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from functions.adapters.faults import Faults, FaultyDestination
from functions.adapters.local_directory import METADATA_FILE, LocalDirectory
from functions.adapters.local_names import RESERVED, key_of
from functions.adapters.memory import MemoryDestination, MemoryFile
from functions.adapters.s3.client import S3Client
from functions.adapters.s3.destination import S3Destination
from functions.adapters.s3.source import SYSTEM_HEADERS
from functions.engine.conflict import Conflict
from functions.engine.model import Properties
from functions.engine.ports import Destination

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client as Boto3S3

LABEL = "again"
PLAIN = Properties()


class Seen(NamedTuple):
    """What stands at a destination under one name."""

    data: bytes
    properties: Properties


class Site(Protocol):
    """A place to restore to, and a person who looks at it."""

    def open(self, conflict: Conflict = Conflict.SKIP, *, cut: str = "", prefix: str = "") -> Destination:
        """Give an adapter on the place, as a new process makes it. Local directories put no prefix before keys."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Let something stand there already."""
        ...

    def seen(self) -> dict[str, Seen]:
        """Give everything that is visible, by key."""
        ...

    def leftovers(self) -> list[str]:
        """Name what is there beside visible files, after the end of a restore."""
        ...


class MemorySite:
    """A destination in memory."""

    def __init__(self, *, faulty: bool) -> None:
        """Start empty."""
        self._faulty = faulty
        self._files: dict[str, MemoryFile] = {}
        self._opened: list[MemoryDestination] = []

    def open(self, conflict: Conflict = Conflict.SKIP, *, cut: str = "", prefix: str = "") -> Destination:
        """See Site."""
        inner = MemoryDestination(cut=cut, prefix=prefix, conflict=conflict, label=LABEL)
        inner.files = self._files
        self._opened.append(inner)
        return FaultyDestination(inner, Faults()) if self._faulty else inner

    def put(self, name: str, data: bytes) -> None:
        """See Site."""
        self._files[name] = MemoryFile(data, PLAIN, "2026-11-20T02:00:00Z", name)

    def seen(self) -> dict[str, Seen]:
        """See Site."""
        return {name: Seen(file.data, file.properties) for name, file in self._files.items()}

    def leftovers(self) -> list[str]:
        """See Site."""
        return ["a large write"] * sum(inner.unfinished for inner in self._opened)


class LocalSite:
    """A local directory."""

    def __init__(self, root: Path) -> None:
        """Use `root`."""
        self._root = root

    def open(self, conflict: Conflict = Conflict.SKIP, *, cut: str = "", prefix: str = "") -> Destination:
        """See Site."""
        assert not prefix, "the directory itself says where files go"
        return LocalDirectory(self._root, prefix=cut, conflict=conflict, label=LABEL)

    def put(self, name: str, data: bytes) -> None:
        """See Site."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def seen(self) -> dict[str, Seen]:
        """See Site."""
        noted = self._noted()
        paths = [path for path in self._root.rglob("*") if path.is_file()]
        names = {path.relative_to(self._root).as_posix(): path for path in paths}
        return {
            key_of(name): Seen(path.read_bytes(), noted.get(name, PLAIN))
            for name, path in names.items()
            if not name.startswith(RESERVED)
        }

    def leftovers(self) -> list[str]:
        """See Site."""
        return [path.name for path in self._root.iterdir() if path.name.startswith(RESERVED) and path.is_dir()]

    def _noted(self) -> dict[str, Properties]:
        file = self._root / METADATA_FILE
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return {item["path"]: Properties(item["system"], item["user"], item["tags"]) for item in map(json.loads, lines)}


class S3Site:
    """A bucket of the embedded S3, looked at through boto3."""

    def __init__(self, boto: Boto3S3, bucket: str, client: S3Client) -> None:
        """Use `bucket`."""
        self._boto = boto
        self._bucket = bucket
        self._client = client

    def open(self, conflict: Conflict = Conflict.SKIP, *, cut: str = "", prefix: str = "") -> Destination:
        """See Site."""
        return S3Destination(self._client, cut=cut, prefix=prefix, conflict=conflict, label=LABEL)

    def put(self, name: str, data: bytes) -> None:
        """See Site."""
        self._boto.put_object(Bucket=self._bucket, Key=name, Body=data)

    def seen(self) -> dict[str, Seen]:
        """See Site."""
        pages = self._boto.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        return {item["Key"]: self._look(item["Key"]) for page in pages for item in page.get("Contents", [])}

    def leftovers(self) -> list[str]:
        """See Site."""
        uploads = self._boto.list_multipart_uploads(Bucket=self._bucket).get("Uploads", [])
        return [upload["Key"] for upload in uploads]

    def _look(self, key: str) -> Seen:
        answer = self._boto.get_object(Bucket=self._bucket, Key=key)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        tags = self._boto.get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"]
        properties = Properties(
            {name: headers[name] for name in SYSTEM_HEADERS if name in headers},
            dict(answer["Metadata"]),
            {tag["Key"]: tag["Value"] for tag in tags},
        )
        return Seen(answer["Body"].read(), properties)
