"""An office's bucket in the embedded S3: made up, written, changed and read back."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

from functions.adapters.s3.client import S3Client
from functions.adapters.s3.source import S3Source
from functions.engine.model import Properties
from functions.engine.safety import KIB, MIB
from tests.faults.scenario import Content, noise

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client as Boto3S3

Connect: TypeAlias = Callable[[str, str], S3Client]
"""Gives a client of the product's own: `connect(endpoint, bucket)`."""

_TYPE = {"content-type": "text/x"}


def office(users: int, files: int, seed: int) -> Content:
    """Make up a source: many users with small files, some shared, and one file that is read in parts."""
    random = Random(seed)
    shared = noise(30 * KIB, seed)
    content: Content = {}
    for user in range(users):
        for file in range(files):
            data = shared if file == 0 else random.randbytes(random.randint(0, 40 * KIB))
            tags = {"class": "secret"} if file % 3 == 0 else {}
            content[f"clients/user {user:02}/file+{file}"] = (data, Properties(_TYPE, {"number": str(file)}, tags))
    content["clients/user 00/large"] = (noise(11 * MIB, seed + 1), Properties(_TYPE))
    return content


def fill(s3: Boto3S3, bucket: str, content: Content) -> None:
    """Write the content into a bucket."""
    for key, (data, properties) in content.items():
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=data,
            ContentType=properties.system["content-type"],
            Metadata=properties.user,
            Tagging=urlencode(properties.tags),
        )


def stored(client: S3Client) -> Content:
    """Read a bucket, over a good network."""
    source = S3Source(client)
    reads = [(item, source.read(item)) for item in source.list("")]
    return {item.key: (bytes(read.result(20).data), read.result(20).properties) for item, read in reads}
