"""Rules about buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.model import (
    UNKNOWN,
    Finding,
    Resource,
    Rule,
    Stack,
    allows,
    conditions,
    covers,
    known,
    listed,
    region_of,
    region_of_arn,
    rows,
    services,
    statements,
)

STATE_TAG = "strongroom:state"
_PARTS = (
    "s3.BucketVersioning",
    "s3.BucketPublicAccessBlock",
    "s3.BucketOwnershipControls",
    "s3.BucketServerSideEncryptionConfiguration",
    "s3.BucketLifecycleConfiguration",
    "s3.BucketPolicy",
)
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_IA = frozenset({"STANDARD_IA", "ONEZONE_IA"})
_FIRST_IA_DAY = 30


def _complete(stack: Stack) -> Iterator[Finding]:
    for bucket in stack.of("s3.Bucket"):
        name = bucket.get("bucket")
        if not known(name):
            continue
        parts = {kind: stack.one(kind, "bucket", name) for kind in _PARTS}
        for kind, part in parts.items():
            if part is None and stack.lacks(kind, "bucket", name):
                yield Finding(bucket, f"it has no {kind.removeprefix('s3.')}")
            elif part and (wrong := _wrong_part(part)):
                yield Finding(part, wrong)


def _wrong_part(part: Resource) -> str | None:
    """Say what is wrong with a part of a bucket."""
    if part.kind == "s3.BucketVersioning":
        enabled = part.get("versioningConfiguration", "status") in {"Enabled", UNKNOWN}
        return None if enabled else "versions are not kept"
    if part.kind == "s3.BucketPublicAccessBlock":
        return None if all(part.get(flag) in {True, UNKNOWN} for flag in _BLOCKS) else "it may be made public"
    if part.kind == "s3.BucketOwnershipControls":
        owned = part.get("rule", "objectOwnership") in {"BucketOwnerEnforced", UNKNOWN}
        return None if owned else "objects may belong to who wrote them"
    if part.kind == "s3.BucketPolicy" and known(part.get("policy")):
        tls = any(s.get("Effect") == "Deny" and "aws:securetransport" in conditions(s) for s in statements(part))
        return None if tls else "it can be used without TLS"
    return None


def _encrypted(stack: Stack) -> Iterator[Finding]:
    targets = {item.get("targetBucket") for item in stack.of("s3.BucketLogging")}
    for item in stack.of("s3.BucketServerSideEncryptionConfiguration"):
        if item.get("bucket") in targets | {UNKNOWN}:
            continue
        default = item.get("rules", 0, "applyServerSideEncryptionByDefault", default={})
        key = default.get("kmsMasterKeyId") if isinstance(default, dict) else UNKNOWN
        if key == UNKNOWN:
            continue
        if default.get("sseAlgorithm") != "aws:kms" or not key:
            yield Finding(item, "objects are not encrypted with a key of ours")
        elif region_of_arn(key) not in {region_of(item), None} and region_of(item):
            yield Finding(item, f"its key is in {region_of_arn(key)}, it is in {region_of(item)}")
        elif item.get("rules", 0, "bucketKeyEnabled") is not True:
            yield Finding(item, "every object would be a request to KMS: it has no bucket key")


def _log_targets(stack: Stack) -> Iterator[Finding]:
    for logging in stack.of("s3.BucketLogging"):
        target = logging.get("targetBucket")
        if not known(target):
            continue
        bucket = stack.one("s3.Bucket", "bucket", target)
        if bucket is None:
            if stack.lacks("s3.Bucket", "bucket", target):
                yield Finding(logging, f"its target {target} is not of this stack")
            continue
        encryption = stack.one("s3.BucketServerSideEncryptionConfiguration", "bucket", target)
        algorithm = encryption and encryption.get("rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm")
        if algorithm not in {None, "AES256", UNKNOWN}:
            yield Finding(bucket, "S3 delivers access logs only into buckets that are encrypted with SSE-S3")
        if bucket.get("objectLockEnabled") is True or stack.one("s3.BucketObjectLockConfiguration", "bucket", target):
            yield Finding(bucket, "S3 delivers no access logs into buckets with Object Lock")
        if stack.one("s3.BucketLogging", "bucket", target):
            yield Finding(bucket, "it logs the delivery of logs, for ever")
        here, there = region_of(logging), region_of(bucket)
        if here and there and here != there:
            yield Finding(logging, f"its target is in {there}, it is in {here}")


def _locked(stack: Stack) -> list[Resource]:
    """Give the lifecycles of buckets with Object Lock: repositories, whose objects share what they hold."""
    names = {item.get("bucket") for item in stack.of("s3.BucketObjectLockConfiguration")} - {None, UNKNOWN}
    kept = {bucket.get("bucket") for bucket in stack.of("s3.Bucket") if bucket.get("objectLockEnabled") is True}
    return [
        item for item in stack.of("s3.BucketLifecycleConfiguration") if item.get("bucket") in names | kept - {UNKNOWN}
    ]


def _by_tag_only(stack: Stack) -> Iterator[Finding]:
    trails = {trail.get("s3BucketName") for trail in stack.of("cloudtrail.Trail")}
    for item in _locked(stack):
        if item.get("bucket") in trails:
            continue
        for rule in rows(item.get("rules")):
            ends = rule.get("expiration") or {}
            by_age = ends.get("days") or ends.get("date") or rule.get("noncurrentVersionExpiration")
            filter_ = rule.get("filter") or {}
            tags = [filter_.get("tag") or {}, *listed((filter_.get("and") or {}).get("tags"))]
            tagged = STATE_TAG in {tag.get("key") for tag in tags} | set((filter_.get("and") or {}).get("tags") or {})
            if by_age and not tagged:
                yield Finding(item, f"the rule {rule.get('id')} lets go of packs by their age")


def _clears(stack: Stack) -> Iterator[Finding]:
    for item in _locked(stack):
        rules = [rule for rule in rows(item.get("rules")) if rule.get("status") == "Enabled"]
        wanted = {
            "noncurrent versions": any(rule.get("noncurrentVersionExpiration") for rule in rules),
            "delete markers with nothing behind them": any(
                (rule.get("expiration") or {}).get("expiredObjectDeleteMarker") for rule in rules
            ),
            "uploads that broke off": any(rule.get("abortIncompleteMultipartUpload") for rule in rules),
        }
        for what, done in wanted.items():
            if not done:
                yield Finding(item, f"nothing clears {what}: it grows for ever")


def _least_days(stack: Stack) -> Iterator[Finding]:
    for item in stack.of("s3.BucketLifecycleConfiguration"):
        for rule in rows(item.get("rules")):
            moves = [(move, move.get("days")) for move in rows(rule.get("transitions"))]
            moves += [(move, move.get("noncurrentDays")) for move in rows(rule.get("noncurrentVersionTransitions"))]
            for move, days in moves:
                if move.get("storageClass") in _IA and isinstance(days, int | float) and days < _FIRST_IA_DAY:
                    says = f"the rule {rule.get('id')} moves to {move['storageClass']} on day {days:g}"
                    yield Finding(item, f"{says}, S3 refuses it before day {_FIRST_IA_DAY}")


def _replicated(stack: Stack) -> Iterator[Finding]:
    for config in stack.of("s3.BucketReplicationConfig"):
        source = config.get("bucket")
        for rule in rows(config.get("rules")):
            for says in [*_rule_lacks(rule), *_places_lack(stack, source, rule)]:
                yield Finding(config, says)


def _rule_lacks(rule: Mapping[str, Any]) -> Iterator[str]:
    """Say what a replication rule lacks."""
    chosen = Resource("", "", rule)
    if chosen.get("sourceSelectionCriteria", "sseKmsEncryptedObjects", "status") not in {"Enabled", UNKNOWN}:
        yield "objects that are encrypted with a key of ours are not replicated"
    if not chosen.get("destination", "encryptionConfiguration", "replicaKmsKeyId"):
        yield "it names no key of the other region"
    if chosen.get("destination", "metrics", "status") not in {"Enabled", UNKNOWN}:
        yield "nothing measures how late it is"
    if chosen.get("deleteMarkerReplication", "status") not in {"Disabled", UNKNOWN}:
        yield "who hides an object here hides its copy as well"


def _places_lack(stack: Stack, source: object, rule: Mapping[str, Any]) -> Iterator[str]:
    """Say what the two buckets of a rule lack."""
    arn = Resource("", "", rule).get("destination", "bucket")
    copy = stack.one("s3.Bucket", "arn", arn) if known(arn) else None
    if not known(source, arn):
        return
    if copy is None:
        if stack.lacks("s3.Bucket", "arn", arn):
            yield f"its destination {arn} is not of this stack"
        return
    names = {"source": source, "destination": copy.get("bucket")}
    for what, name in names.items():
        # A source that was taken over is judged in the stack that made it.
        if not stack.lacks("s3.Bucket", "bucket", name) and stack.lacks("s3.BucketVersioning", "bucket", name):
            yield f"the {what} has no versions"
    lock = "s3.BucketObjectLockConfiguration"
    if stack.one(lock, "bucket", source) and stack.lacks(lock, "bucket", names["destination"]):
        yield "the destination has no Object Lock: nothing arrives"
    if stack.lacks("s3.BucketLifecycleConfiguration", "bucket", names["destination"]):
        yield "the destination has no lifecycle of its own: what is let go here stays there for ever"


def _trail_written(stack: Stack) -> Iterator[Finding]:
    for trail in stack.of("cloudtrail.Trail"):
        for flag in ("enableLogFileValidation", "isMultiRegionTrail", "enableLogging"):
            if trail.get(flag, default=flag == "enableLogging") not in {True, UNKNOWN}:
                yield Finding(trail, f"{flag} is off")
        policy = stack.one("s3.BucketPolicy", "bucket", trail.get("s3BucketName"))
        if stack.lacks("s3.BucketPolicy", "bucket", trail.get("s3BucketName")):
            yield Finding(trail, "its bucket lets nobody write")
        elif policy and known(policy.get("policy")) and not _lets(policy, "cloudtrail.amazonaws.com", "s3:PutObject"):
            yield Finding(trail, "its bucket does not let CloudTrail write")


def _lets(policy: Resource, service: str, action: str) -> bool:
    return any(allows(s) and service in services(s) and covers(s, action) for s in statements(policy))


RULES = (
    Rule(
        "bucket-complete",
        "A bucket keeps versions, is private and its owner's, speaks TLS only, and has a lifecycle.",
        "Each of it is a resource of its own at S3 and is forgotten as easily.",
        _complete,
    ),
    Rule(
        "bucket-encrypted-with-our-key",
        "A bucket encrypts with a key of ours in its own region, and with a bucket key.",
        "Without the key nobody reads it; without a bucket key every object costs a request to KMS. Targets of access "
        "logs are excepted: S3 takes only SSE-S3 there.",
        _encrypted,
    ),
    Rule(
        "access-logs-arrive",
        "A target of access logs has SSE-S3, no Object Lock, no logs of its own, and is in the same region.",
        "S3 delivers nothing otherwise and says so to nobody (Amazon S3 User Guide, 'Enabling Amazon S3 server access "
        "logging').",
        _log_targets,
    ),
    Rule(
        "repository-lets-go-by-tag",
        "In a bucket with Object Lock nothing expires but what carries the tag strongroom:state.",
        "Lifecycle counts from an object's birth, and an old pack can serve today's backup.",
        _by_tag_only,
    ),
    Rule(
        "locked-bucket-is-cleared",
        "A bucket with Object Lock clears noncurrent versions, empty delete markers and broken uploads.",
        "A delete in a versioned bucket deletes nothing; without these rules it grows for ever.",
        _clears,
    ),
    Rule(
        "infrequent-access-after-30-days",
        "Nothing moves to an infrequent access class before day 30, noncurrent versions neither.",
        "S3 refuses the whole lifecycle (Amazon S3 User Guide, 'Transitioning objects using Amazon S3 Lifecycle').",
        _least_days,
    ),
    Rule(
        "replication-arrives",
        "Replication takes encrypted objects, has a key there, versions on both sides, a lock where there is one here, "
        "metrics, no delete markers, and a destination with a lifecycle of its own.",
        "Each of these, left out, replicates nothing, or hides what must stay, without an error.",
        _replicated,
    ),
    Rule(
        "trail-is-written",
        "A trail is on, in all regions, validated, and its bucket lets CloudTrail write.",
        "A trail that cannot write is an audit that never was.",
        _trail_written,
    ),
)
