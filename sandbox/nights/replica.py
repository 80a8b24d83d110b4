"""The state of the second region: whether each object of the repository is there, locked, under that region's key."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from sandbox.nights.files import THREADS
from sandbox.nights.stack import Stack

_REPLICATED = {"COMPLETED", "REPLICA"}


class Replica(NamedTuple):
    """What was found: objects and bytes by kind, and what is wrong, in words."""

    objects: Counter[str]
    bytes: int
    key: str
    faults: list[str]


def look_at_replica(stack: Stack) -> Replica:
    """Compare every current object of the repository with its copy: length, ETag, key, lock and state."""
    state = stack.state
    exports, region = state.exports, state.replica_region
    here, there = stack.client("s3"), stack.client("s3", region)
    source, target, key = exports["BackupBucketName"], exports["ReplicationBucketName"], exports["ReplicationKeyArn"]
    pages = here.get_paginator("list_objects_v2").paginate(Bucket=source)
    listed = [item for page in pages for item in page.get("Contents", ())]
    copies = there.get_paginator("list_objects_v2").paginate(Bucket=target)
    kept = {item["Key"] for page in copies for item in page.get("Contents", ())}

    def one(item: dict[str, Any]) -> list[str]:
        if item["Key"] not in kept:
            return [f"{item['Key']} was not replicated"]
        original, copy = _head(here, source, item["Key"]), _head(there, target, item["Key"])
        return [f"{item['Key']}: {text}" for text in _faults(original, copy, key)]

    with ThreadPoolExecutor(THREADS) as threads:
        faults = [text for found in threads.map(one, listed) for text in found]
    strangers = sorted(kept - {item["Key"] for item in listed})
    faults += [f"{name} is in the replica only" for name in strangers]
    kinds = Counter(item["Key"].partition("/")[0] for item in listed)
    return Replica(kinds, sum(item["Size"] for item in listed), key, faults)


def _head(s3: Any, bucket: str, key: str) -> dict[str, Any]:  # noqa: ANN401 - boto3 makes its clients at run time
    try:
        return dict(s3.head_object(Bucket=bucket, Key=key))
    except ClientError as error:
        return {"error": str(error)}


def _faults(original: dict[str, Any], copy: dict[str, Any], key: str) -> list[str]:
    if "error" in original or "error" in copy:
        return [original.get("error") or copy.get("error") or ""]
    found = []
    if original["ETag"] != copy["ETag"] or original["ContentLength"] != copy["ContentLength"]:
        found.append("the replica is another object")
    if copy.get("SSEKMSKeyId") != key:
        found.append(f"the replica is encrypted with {copy.get('SSEKMSKeyId')} instead of {key}")
    if "ObjectLockRetainUntilDate" not in copy:
        found.append("the replica is not locked")
    states = {original.get("ReplicationStatus"), copy.get("ReplicationStatus")}
    if states - _REPLICATED:
        found.append(f"its replication is {' and '.join(sorted(map(str, states)))}")
    return found
