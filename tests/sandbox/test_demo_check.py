"""The demo's comparison sees every kind of difference."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from functions.engine.ports import Silence
from sandbox.demo_check import Findings, compare

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KEY = "alice/plan.txt"
DATA = b"the plan" * 400_000
CARRIED: dict[str, Any] = {
    "ContentType": "text/plain",
    "CacheControl": "no-cache",
    "Metadata": {"owner": "alice"},
    "Tagging": "class=internal",
}


class Scene:
    """A source with one object, and both restores of it."""

    def __init__(self, s3: "S3Client", make_bucket: Callable[..., str], folder: Path) -> None:
        self.s3, self.folder = s3, folder
        self.source, self.bucket = make_bucket(versioned=True), make_bucket(versioned=True)
        for bucket in (self.source, self.bucket):
            s3.put_object(Bucket=bucket, Key=KEY, Body=DATA, **CARRIED)
        modified = s3.head_object(Bucket=self.source, Key=KEY)["LastModified"]
        self.path = folder / "alice" / "plan.txt"
        self.path.parent.mkdir()
        self.path.write_bytes(DATA)
        os.utime(self.path, (modified.timestamp(), modified.timestamp()))
        self.record: dict[str, Any] = {
            "path": KEY,
            "key": KEY,
            "modified": modified.isoformat(),
            "system": {"content-type": "text/plain", "cache-control": "no-cache"},
            "user": {"owner": "alice"},
            "tags": {"class": "internal"},
        }

    def put(self, **changes: object) -> None:
        """Put the restored object again, with changes."""
        self.s3.put_object(Bucket=self.bucket, Key=KEY, **{"Body": DATA, **CARRIED, **changes})

    def compare(self) -> Findings:
        """Write the metadata file and compare."""
        (self.folder / ".strongroom-metadata.jsonl").write_text(json.dumps(self.record) + "\n")
        return compare(self.s3, self.source, self.bucket, self.folder, Silence())


@pytest.fixture
def scene(s3: "S3Client", make_bucket: Callable[..., str], tmp_path: Path) -> Scene:
    """A source with one object, and both restores of it."""
    return Scene(s3, make_bucket, tmp_path)


def test_equal_is_equal(scene: Scene) -> None:
    """Nothing differs, and what was compared is counted."""
    assert scene.compare() == Findings(objects=1, files=1, bytes=len(DATA))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Body": DATA[:-1] + b"!"}, "the bytes differ"),
        ({"Body": DATA + b"!"}, "the bytes differ"),
        ({"Body": DATA[:-1]}, "the bytes differ"),
        ({"Body": b""}, "the bytes differ"),
        ({"ContentType": "text/html"}, "content-type is 'text/html' instead of 'text/plain'"),
        ({"CacheControl": "no-store"}, "cache-control is 'no-store' instead of 'no-cache'"),
        ({"ContentLanguage": "en"}, "content-language is 'en' instead of None"),
        ({"Metadata": {}}, "x-amz-meta-owner is None instead of 'alice'"),
        ({"Metadata": {"owner": "bob"}}, "x-amz-meta-owner is 'bob' instead of 'alice'"),
        ({"Tagging": ""}, "tag class is None instead of 'internal'"),
    ],
)
def test_a_difference_of_an_object_is_named(scene: Scene, changes: dict[str, Any], words: str) -> None:
    """With the bucket, the key and both values."""
    scene.put(**changes)
    assert scene.compare().differences == [f"bucket {scene.bucket}: {KEY!r}: {words}"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"system": {"content-type": "text/plain"}}, "cache-control is None instead of 'no-cache'"),
        ({"user": {"owner": "bob"}}, "x-amz-meta-owner is 'bob' instead of 'alice'"),
        ({"tags": {"class": "internal", "more": ""}}, "tag more is '' instead of None"),
        ({"modified": "2001-01-01T00:00:00Z"}, "the time differs"),
    ],
)
def test_a_difference_of_a_file_s_metadata_is_named(scene: Scene, changes: dict[str, Any], words: str) -> None:
    """What the metadata file says counts."""
    scene.record |= changes
    assert scene.compare().differences == [f"folder: {KEY!r}: {words}"]


def test_a_difference_of_a_file_is_named(scene: Scene) -> None:
    """Its bytes and its time count."""
    scene.path.write_bytes(DATA[:-1] + b"!")
    os.utime(scene.path, (0, 0))
    assert scene.compare().differences == [f"folder: {KEY!r}: the bytes differ", f"folder: {KEY!r}: the time differs"]


def test_what_is_missing_and_what_is_too_much_is_named(scene: Scene) -> None:
    """On both sides."""
    scene.s3.delete_object(Bucket=scene.bucket, Key=KEY)
    scene.s3.put_object(Bucket=scene.bucket, Key="more", Body=b"")
    scene.path.rename(scene.folder / "more")
    assert scene.compare().differences == [
        f"bucket {scene.bucket}: {KEY!r} is missing",
        f"bucket {scene.bucket}: 'more' is not in the source",
        f"folder: {KEY!r} is missing",
        "folder: '(a file without a key) more' is not in the source",
    ]
