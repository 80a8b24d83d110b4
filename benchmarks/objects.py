"""Bulk work on buckets for the harness: `python -m benchmarks.objects ENDPOINT ACTION BUCKET ...`.

It runs in its own process: the memory it uses would otherwise count as a floor of the measured children.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from obstore.store import S3Store

from benchmarks import manifest

THREADS = 16
SLOW_THREADS = 64
BATCH = 1_000


def open_store(endpoint: str, bucket: str) -> S3Store:
    """Open a bucket of the bench server."""
    return S3Store(
        bucket,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": "120s"},
    )


def each(action: Callable[[str], object], items: Iterable[str], threads: int = THREADS) -> None:
    """Run an action for all items on several threads; the first failure is raised."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(action, items):
            pass


def upload(store: S3Store, root: Path, paths: Iterable[str], threads: int = THREADS) -> None:
    """Put files below `root`; a file's key is its relative path."""
    each(lambda path: store.put(path, root / path), paths, threads)


def sync(store: S3Store, before: Path, after: Path, root: Path) -> None:
    """Turn a bucket that holds one manifest into another: put what differs, delete what is gone."""
    old = {entry.path: entry.sha256 for entry in manifest.read(before)}
    new = {entry.path: entry.sha256 for entry in manifest.read(after)}
    upload(store, root, [path for path, sha256 in new.items() if old.get(path) != sha256])
    remove(store, sorted(old.keys() - new.keys()))


def remove(store: S3Store, keys: list[str]) -> None:
    """Delete keys in batches."""
    for start in range(0, len(keys), BATCH):
        store.delete(keys[start : start + BATCH])


def listing(store: S3Store, prefix: str = "") -> dict[str, int]:
    """Return key -> size."""
    pages = store.list(prefix=prefix or None)
    return {meta["path"]: meta["size"] for page in pages for meta in page}


def verify(store: S3Store, expected: Path) -> list[str]:
    """Compare the content of a bucket with a manifest."""
    found: dict[str, str] = {}

    def digest(key: str) -> None:
        sha256 = hashlib.sha256()
        for part in store.get(key).stream(min_chunk_size=8 << 20):
            sha256.update(part)
        found[key] = sha256.hexdigest()

    each(digest, listing(store))
    return manifest.differences(manifest.read(expected), found)


def main(arguments: list[str]) -> None:
    """Run one action; results are printed as JSON."""
    endpoint, action, bucket, *rest = arguments
    store = open_store(endpoint, bucket)
    if action in ("upload", "upload-slow"):
        paths = [entry.path for entry in manifest.read(Path(rest[1]))]
        upload(store, Path(rest[0]), paths, THREADS if action == "upload" else SLOW_THREADS)
    elif action == "sync":
        sync(store, Path(rest[0]), Path(rest[1]), Path(rest[2]))
    elif action == "usage":
        sizes = listing(store, rest[0] if rest else "")
        print(json.dumps([len(sizes), sum(sizes.values())]))
    elif action == "verify":
        print(json.dumps(verify(store, Path(rest[0]))))
    elif action == "empty":
        remove(store, sorted(listing(store)))
    else:
        raise SystemExit(f"unknown action: {action}")


if __name__ == "__main__":
    main(sys.argv[1:])
