"""Restore a Strongroom backup without Strongroom: this file, Python 3.11, `boto3` and `zstandard` are enough.

    python restore_without_us.py BUCKET SOURCE USER DIRECTORY [--backup ID] [--endpoint URL]

Why it exists: backups outlive programs. It is also the shortest description of the format that can be run;
`format.md` has the tables. It reads four kinds of things, in this order:

1. *Keys.* Everything of one user lies below `snapshots/SOURCE/USER/`, both names percent-encoded. A backup is a
   folder named by its time, so the last name is the newest. It exists if it holds `commit.json`, written last.
2. *The commit record* is JSON. It names the manifests of the backup with their SHA-256.
3. *A manifest* is JSON lines under zstd: a header, a line for each file, a trailer. A file's line holds everything
   about it, and its `chunks`: where its bytes stand, as [SHA-256, pack, offset, stored length, plain length].
4. *A pack* is an object that holds chunks back to back. A chunk whose two lengths are equal stands there as it is,
   any other as one zstd frame.

Nothing is believed: every manifest is checked against the commit record, every chunk against the SHA-256 that
names it, every file against its size. A file that fails is named and left out, the others are restored, and the
exit status is 1. No table, no key and no other bucket is needed; whoever may read the bucket may restore.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import zstandard
from botocore.exceptions import BotoCoreError, ClientError

FORMAT = 1
Fetch = Callable[[str], bytes]


class DamageError(Exception):
    """Bytes are not what was written."""


def encode_name(name: str) -> str:
    """Give the name of a source or user as it stands in keys; the user of files in no folder is `@root`."""
    return quote(name, safe="-_").replace(".", "%2E").replace("~", "%7E") if name else "@root"


def user_prefix(source: str, user: str) -> str:
    """Give the prefix of all backups of a user."""
    return f"snapshots/{encode_name(source)}/{encode_name(user)}/"


def newest_backup(s3: Any, bucket: str, prefix: str) -> str:
    """Give the id of the newest backup below `prefix`: backup ids sort by time."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    found = [key.split("/")[-2] for key in keys if key.endswith("/commit.json")]
    if not found:
        sys.exit(f"no backup lies below s3://{bucket}/{prefix}")
    return str(max(found))


def files_of(fetch: Fetch, prefix: str) -> Iterator[dict[str, Any]]:
    """Give the lines of all files of the backup below `prefix`, in the order of their keys."""
    record = json.loads(fetch(f"{prefix}commit.json"))
    if record["format"] != FORMAT:
        sys.exit(f"{prefix}commit.json has format {record['format']}; this program knows format {FORMAT}")
    if prefix != f"{user_prefix(record['source'], record['user'])}{record['backup_id']}/":
        raise DamageError(f"{prefix}commit.json belongs to another backup")
    for segment in record["segments"]:
        yield from manifest_lines(fetch, f"{prefix}{segment['number']:05d}.jsonl.zst", segment["sha256"])
    for item in record["unreadable"]:
        print(f"the backup itself could not read {item['key']!r}: {item['reason']}", file=sys.stderr)


def manifest_lines(fetch: Fetch, key: str, sha256: str) -> Iterator[dict[str, Any]]:
    """Give the lines of files of one manifest, once its SHA-256 is proven."""
    data = fetch(key)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamageError(f"manifest {key} does not have the SHA-256 that the commit record states")
    lines = [json.loads(line) for line in zstandard.ZstdDecompressor().decompressobj().decompress(data).splitlines()]
    if not lines or "end" not in lines[-1]:
        raise DamageError(f"manifest {key} is cut short")
    yield from (line for line in lines if "chunks" in line)


def plain_chunk(fetch: Fetch, place: tuple[str, str, int, int, int]) -> bytes:
    """Give the bytes of a chunk, proven by the SHA-256 that names it."""
    sha256, pack, offset, stored, length = place
    data = fetch(f"packs/{pack[:2]}/{pack}")[offset : offset + stored]
    if stored != length:
        try:
            if zstandard.frame_content_size(data) != length:  # also keeps a false frame from filling the memory
                raise DamageError(f"chunk {sha256} in pack {pack} does not hold {length} bytes")
            data = zstandard.ZstdDecompressor().decompress(data)
        except zstandard.ZstdError as error:
            raise DamageError(f"chunk {sha256} in pack {pack}: {error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamageError(f"chunk {sha256} in pack {pack} has another SHA-256")
    return data


def local_path(root: Path, key: str) -> Path:
    """Give each key a path of its own below `root`.

    `%` and what file names cannot hold are percent-encoded, so names with a bare `%` are free for the rest: `%` for
    an empty name, `%` at the end of a folder beside a file of its name, `%-` at the end of a piece of a long name.
    """
    path = root
    *folders, name = [local_name(segment) for segment in key.split("/")]
    for folder in "/".join(folders).split("/") if folders else []:
        path /= folder
        while path.is_file():
            path = path.with_name(f"{path.name}%")
    return path / name


def local_name(segment: str) -> str:
    """Give a name, or a path of several when the segment is long, that any file system takes."""
    if segment in {"", ".", ".."}:
        return segment.replace(".", "%2E") or "%"
    safe = re.sub(r"[%\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", segment)
    return "%-/".join(safe[start : start + 60] for start in range(0, len(safe), 60))


def restore_file(fetch: Fetch, line: dict[str, Any], root: Path) -> Path:
    """Write one file under a scratch name, and give it its own when every byte is proven."""
    path, scratch = local_path(root, line["key"]), root / "%part"
    size = 0
    try:
        with scratch.open("wb") as file:
            for place in line["chunks"]:
                size += file.write(plain_chunk(fetch, place))
        if size != line["size"]:
            raise DamageError(f"{size} bytes instead of {line['size']}")
        modified = datetime.fromisoformat(line["modified"]).timestamp()
        os.utime(scratch, (modified, modified))
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise DamageError(f"{path} is taken: this file system cannot tell two names apart")
        scratch.rename(path)
    finally:
        scratch.unlink(missing_ok=True)
    return path


def restore(fetch: Fetch, prefix: str, root: Path) -> tuple[int, int]:
    """Restore a whole backup; give how many files are there, and how many are not."""
    done = failed = 0
    with (root / "%restored.jsonl").open("w", encoding="utf-8") as notes:
        for line in files_of(fetch, prefix):
            try:
                path = restore_file(fetch, line, root)
            except (DamageError, ClientError) as error:
                print(f"NOT restored: {line['key']!r}: {error}", file=sys.stderr)
                failed += 1
            else:
                facts = {name: line.get(name, {}) for name in ("system", "user", "tags")}
                notes.write(json.dumps({"path": str(path.relative_to(root)), "key": line["key"], **facts}) + "\n")
                done += 1
    return done, failed


def main() -> int:
    """Restore what the command line names."""
    parser = argparse.ArgumentParser(description="Restore a Strongroom backup without Strongroom.")
    parser.add_argument("bucket")
    parser.add_argument("source", help="name of the source, such as its bucket")
    parser.add_argument("user", help="first-level folder; '' for files in no folder")
    parser.add_argument("directory", type=Path, help="new or empty")
    parser.add_argument("--backup", help="id; default: the newest")
    parser.add_argument("--endpoint", help="another S3 endpoint")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    if any(options.directory.iterdir()):
        sys.exit(f"{options.directory} is not empty")
    s3: Any = boto3.client("s3", endpoint_url=options.endpoint)

    @lru_cache(maxsize=8)  # files next to each other mostly stand in the same packs, of up to 32 MiB
    def fetch(key: str) -> bytes:
        return s3.get_object(Bucket=options.bucket, Key=key)["Body"].read()  # type: ignore[no-any-return]

    try:
        user = user_prefix(options.source, options.user)
        backup = options.backup or newest_backup(s3, options.bucket, user)
        done, failed = restore(fetch, f"{user}{backup}/", options.directory)
    except (DamageError, ClientError, BotoCoreError, OSError, ValueError, KeyError) as error:
        sys.exit(f"cannot restore: {error}")
    print(f"backup {backup}: {done} files restored, {failed} NOT restored")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
