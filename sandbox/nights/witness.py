"""What a bucket holds, read with boto3 and remembered by digests: the judge of every restore.

Nothing of the engine is used here, so that what the engine forgets is not forgotten twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from sandbox.nights.files import THREADS

_BLOCK = 1024 * 1024
_HEADERS: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
)
_USER = "x-amz-meta-"


class Seen(NamedTuple):
    """One object: its length, the SHA-256 of all its bytes, and everything else that it carries, by name."""

    size: int
    sha256: str
    facts: Mapping[str, str]


Witness = dict[str, Seen]
"""Objects by key."""


class Watcher:
    """Looks at the objects below a prefix again and again, and reads what S3 says was written since the last time."""

    def __init__(self, s3: Any, bucket: str, prefix: str = "") -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        """Nothing is read yet."""
        self._s3, self._bucket, self._prefix = s3, bucket, prefix
        self._seen: dict[tuple[str, str, str], Seen] = {}

    def look(self) -> Witness:
        """Read every byte and all metadata of what is new."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        items = [item for page in pages for item in page.get("Contents", ())]
        stamps = {(item["Key"], item["ETag"], str(item["LastModified"])): item["Key"] for item in items}
        new = {stamp: key for stamp, key in stamps.items() if stamp not in self._seen}
        with ThreadPoolExecutor(THREADS) as threads:
            read = threads.map(lambda key: _see(self._s3, self._bucket, key), new.values())
            self._seen |= dict(zip(new, read, strict=True))
        return {key: self._seen[stamp] for stamp, key in stamps.items()}


def look(s3: Any, bucket: str, prefix: str = "") -> Witness:  # noqa: ANN401 - the same
    """Read every byte and all metadata of the objects below a prefix."""
    return Watcher(s3, bucket, prefix).look()


def differences(wanted: Mapping[str, Seen], found: Mapping[str, Seen]) -> Iterator[str]:
    """Say in words how what was found differs from what was wanted."""
    for key in sorted(wanted.keys() | found.keys()):
        if key not in found:
            yield f"{key!r} is missing"
        elif key not in wanted:
            yield f"{key!r} should not be there"
        else:
            yield from (f"{key!r}: {text}" for text in _differs(wanted[key], found[key]))


def total(witness: Mapping[str, Seen]) -> int:
    """Give the bytes of all objects."""
    return sum(seen.size for seen in witness.values())


def of_user(witness: Mapping[str, Seen], folder: str) -> Witness:
    """Give the objects of one user, whose keys begin with `folder`."""
    return {key: seen for key, seen in witness.items() if key.startswith(folder)}


def _see(s3: Any, bucket: str, key: str) -> Seen:  # noqa: ANN401 - the same
    answer = s3.get_object(Bucket=bucket, Key=key)
    digest, size = hashlib.sha256(), 0
    for block in answer["Body"].iter_chunks(_BLOCK):
        digest.update(block)
        size += len(block)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    facts = {name: value for name, value in headers.items() if name in _HEADERS or name.startswith(_USER)}
    if answer.get("TagCount"):
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        facts |= {f"tag {tag['Key']}": tag["Value"] for tag in tags}
    return Seen(size, digest.hexdigest(), facts)


def _differs(wanted: Seen, found: Seen) -> Iterator[str]:
    if (wanted.size, wanted.sha256) != (found.size, found.sha256):
        yield f"the bytes differ: {found.size:,} instead of {wanted.size:,}, or others"
    for name in sorted(wanted.facts.keys() | found.facts.keys()):
        if wanted.facts.get(name) != found.facts.get(name):
            yield f"{name} is {found.facts.get(name)!r} instead of {wanted.facts.get(name)!r}"
