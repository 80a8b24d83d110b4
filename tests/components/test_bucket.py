"""Buckets: what an auditor asks of each kind, and what each kind refuses."""

from __future__ import annotations

from typing import Any

import pytest

from components.bucket import HOLDS_BACKUPS, Bucket, BucketArgs, Kind
from components.bucket_policy import Lock
from components.lifecycle import ByAge, ByTag
from components.refs import BucketRef
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, REGION, deploy, policy
from tests.components.policies import Request, decide, wildcards
from tests.program.kit import ACCOUNT, Program

ARN = "arn:aws:s3:::test"
"""As the mocks give it."""
OBJECT = f"{ARN}/packs/00/1"
SOURCE = "arn:aws:s3:::test-primary"
GLASS = f"arn:aws:iam::{ACCOUNT}:role/break-glass"
EXPIRER = f"arn:aws:iam::{ACCOUNT}:role/expirer"
OTHER_KEY = "arn:aws:kms:eu-central-1:999999999999:key/theirs"
LOGS = BucketRef("test-logs", "arn:aws:s3:::test-logs")
KINDS: tuple[Kind, ...] = ("repository", "replica", "logs", "trail", "scratch")
ENCRYPTED: tuple[Kind, ...] = ("repository", "replica", "trail", "scratch")
LOCKED = Lock("GOVERNANCE", 30)
SSE, SSE_KEY = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
REMAINING, MODE = "s3:object-lock-remaining-retention-days", "s3:object-lock-mode"
CREATION = "s3:ObjectCreationOperation"
DELETES = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:ReplicateDelete")


def _args(kind: Kind, **changes: Any) -> BucketArgs:  # noqa: ANN401 - fields of any type
    backups = kind in HOLDS_BACKUPS
    given: dict[str, Any] = {
        "name": "test",
        "kind": kind,
        "region": REGION,
        "account_id": ACCOUNT,
        "lifecycle": ByTag(14) if backups else ByAge(90),
        "key": None if kind == "logs" else KEY,
        "lock": LOCKED if backups else None,
        "log_target": None if kind == "logs" else LOGS,
        "log_sources": [SOURCE] if kind == "logs" else (),
        "break_glass": [GLASS],
        "expirers": [EXPIRER] if backups else (),
    }
    return BucketArgs(**{**given, **changes})


def _deploy(kind: Kind, **changes: Any) -> Program:  # noqa: ANN401 - fields of any type
    return deploy(lambda: Bucket("bucket", _args(kind, **changes)))


def _one(program: Program, what: str) -> dict[str, Any]:
    (found,) = [
        item for item in program.resources if item.type.startswith("aws:s3/") and item.type.endswith(f":{what}")
    ]
    return found.inputs


def _policy(kind: Kind, **changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - fields of any type
    (found,) = _deploy(kind, **changes).of("aws:s3/bucketPolicy:BucketPolicy")
    return policy(found)


def _denied(statements: list[dict[str, Any]], action: str, resource: str = OBJECT, **given: Any) -> bool:  # noqa: ANN401
    return decide(statements, Request(action, resource, **given)) == "denied"


@pytest.mark.parametrize("kind", KINDS)
def test_every_bucket_is_versioned_closed_to_the_public_and_without_access_lists(kind: Kind) -> None:
    """Whatever it is for."""
    program = _deploy(kind)
    assert _one(program, "BucketVersioning")["versioningConfiguration"] == {"status": "Enabled"}
    assert _one(program, "BucketOwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    block = _one(program, "BucketPublicAccessBlock")
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [block[switch] for switch in switches] == [True] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_everything_of_a_bucket_is_in_its_region(kind: Kind) -> None:
    """A setting without a region would be made in the provider's, on a bucket that is not there."""
    program = deploy(lambda: Bucket("bucket", _args(kind, region="eu-west-1")))
    settings = [item for item in program.resources if item.type.startswith("aws:")]
    assert {item.inputs["region"] for item in settings} == {"eu-west-1"}
    assert {item.inputs["bucket"] for item in settings} == {"test"}


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_a_bucket_encrypts_with_our_key_and_a_bucket_key(kind: Kind) -> None:
    """Without a bucket key every object is a call of KMS."""
    (rule,) = _one(_deploy(kind), "BucketServerSideEncryptionConfiguration")["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY.arn}
    assert rule["bucketKeyEnabled"] is True


def test_access_logs_are_encrypted_by_s3_itself() -> None:
    """S3 delivers them into no other kind of bucket."""
    (rule,) = _one(_deploy("logs"), "BucketServerSideEncryptionConfiguration")["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_a_bucket_logs_who_asks_below_a_prefix_of_its_own(kind: Kind) -> None:
    """Several buckets share one for their logs."""
    logging = _one(_deploy(kind), "BucketLogging")
    assert (logging["targetBucket"], logging["targetPrefix"]) == ("test-logs", "test/")


@pytest.mark.parametrize("kind", HOLDS_BACKUPS)
def test_backups_are_locked_at_birth(kind: Kind) -> None:
    """For the days and in the mode of the settings."""
    program = _deploy(kind, lock=Lock("COMPLIANCE", 60))
    assert _one(program, "Bucket")["objectLockEnabled"] is True
    lock = _one(program, "BucketObjectLockConfiguration")
    assert lock["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 60}}


@pytest.mark.parametrize("kind", ["logs", "scratch", "trail"])
def test_what_is_not_locked_has_no_lock_at_all(kind: Kind) -> None:
    """A lock can never be taken from a bucket again."""
    program = _deploy(kind)
    assert _one(program, "Bucket")["objectLockEnabled"] is False
    assert program.of("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration") == []


def test_a_bucket_is_protected_unless_its_stack_may_go() -> None:
    """In production nothing is destroyed by mistake."""
    (kept,) = _deploy("repository").of("aws:s3/bucket:Bucket")
    (loose,) = _deploy("repository", protect=False).of("aws:s3/bucket:Bucket")
    assert (kept.protect, kept.retain, loose.protect, loose.retain) == (True, True, False, False)
    assert "forceDestroy" not in kept.inputs
    assert loose.inputs["forceDestroy"] is True, "or destroying a stack stops at the first bucket that holds something"


@pytest.mark.parametrize("kind", KINDS)
def test_plain_http_and_old_tls_are_refused(kind: Kind) -> None:
    """To everybody, for every action, on bucket and objects."""
    statements = _policy(kind)
    plain, old = {"aws:SecureTransport": "false"}, {"aws:SecureTransport": "true", "s3:TlsVersion": "1.1"}
    modern = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.2"}
    for action, resource in (("s3:GetObject", OBJECT), ("s3:ListBucket", ARN)):
        assert _denied(statements, action, resource, principal=GLASS, context=plain)
        assert _denied(statements, action, resource, principal=GLASS, context=old)
        assert not _denied(statements, action, resource, context=modern)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", DELETES)
def test_nobody_deletes_but_the_break_glass_role(kind: Kind, action: str) -> None:
    """Administrators included."""
    statements = _policy(kind)
    assert _denied(statements, action, principal=f"arn:aws:iam::{ACCOUNT}:role/admin")
    assert not _denied(statements, action, principal=GLASS)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_break_glass_role_nobody_deletes_at_all(kind: Kind) -> None:
    """No role is no condition, not an empty one that lets everybody through."""
    statements = _policy(kind, break_glass=())
    for action in DELETES:
        assert _denied(statements, action, principal=GLASS)
    assert _denied(statements, "s3:DeleteBucket", ARN, principal=GLASS)
    assert not any("aws:PrincipalArn" in str(statement) for statement in statements if statement["Sid"] == "NoDeletes")


@pytest.mark.parametrize("kind", ["repository", "replica", "scratch"])
@pytest.mark.parametrize(
    "headers",
    [
        {SSE: "AES256"},
        {SSE: "aws:kms"},
        {SSE: "aws:kms:dsse", SSE_KEY: KEY.arn},
        {SSE: "aws:kms", SSE_KEY: OTHER_KEY},
        {SSE_KEY: OTHER_KEY},
        {"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ],
)
def test_an_upload_with_another_key_is_refused(kind: Kind, headers: dict[str, str]) -> None:
    """Who encrypts with a key of his own takes the backup hostage."""
    assert _denied(_policy(kind), "s3:PutObject", context=headers)


@pytest.mark.parametrize("kind", ["repository", "replica", "scratch"])
@pytest.mark.parametrize("headers", [{}, {SSE: "aws:kms", SSE_KEY: str(KEY.arn)}])
def test_an_upload_with_our_key_or_without_a_word_of_it_is_not_refused(kind: Kind, headers: dict[str, str]) -> None:
    """The parts of an upload in parts name none."""
    assert not _denied(_policy(kind), "s3:PutObject", context=headers)


@pytest.mark.parametrize("kind", HOLDS_BACKUPS)
def test_an_upload_must_ask_for_a_free_key(kind: Kind) -> None:
    """So nobody puts a commit record over another one, administrators included; who repairs may."""
    statements, blind = _policy(kind), {CREATION: "true"}
    assert _denied(statements, "s3:PutObject", context=blind, principal=f"arn:aws:iam::{ACCOUNT}:role/admin")
    assert not _denied(statements, "s3:PutObject", context={**blind, "s3:if-none-match": "*"})
    assert not _denied(statements, "s3:PutObject", context=blind, principal=GLASS)
    assert _denied(_policy(kind, break_glass=()), "s3:PutObject", context=blind, principal=GLASS)


@pytest.mark.parametrize("kind", HOLDS_BACKUPS)
def test_parts_and_replicas_need_not_ask(kind: Kind) -> None:
    """The requests that begin an upload in parts take no condition, and S3 itself replicates."""
    assert not _denied(_policy(kind), "s3:PutObject", context={CREATION: "false"})
    assert not _denied(_policy(kind), "s3:ReplicateObject")


def test_what_is_restored_to_scratch_may_lie_over_what_was() -> None:
    """Drills overwrite."""
    assert not _denied(_policy("scratch"), "s3:PutObject", context={CREATION: "true"})


@pytest.mark.parametrize("kind", ["logs", "trail"])
def test_services_that_encrypt_in_their_own_way_are_not_refused(kind: Kind) -> None:
    """Digest files of CloudTrail and access logs come with S3's own encryption."""
    assert not _denied(_policy(kind), "s3:PutObject", context={SSE: "AES256"})


@pytest.mark.parametrize("kind", HOLDS_BACKUPS)
@pytest.mark.parametrize("action", ["s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging"])
def test_only_who_lets_backups_go_may_tag_them(kind: Kind, action: str) -> None:
    """The tag makes the lifecycle delete."""
    statements = _policy(kind)
    assert _denied(statements, action)
    assert not _denied(statements, action, principal=EXPIRER)
    assert _denied(_policy(kind, expirers=()), action, principal=EXPIRER)
    assert not _denied(statements, "s3:ReplicateTags")


def test_drills_may_tag_what_they_restore_to_scratch() -> None:
    """A restored file has its tags."""
    assert not _denied(_policy("scratch"), "s3:PutObjectTagging")


@pytest.mark.parametrize("kind", HOLDS_BACKUPS)
def test_a_lock_can_be_extended_by_a_step_and_not_for_a_hundred_years(kind: Kind) -> None:
    """Junk under a long lock is a bill that nobody can stop."""
    statements = _policy(kind)
    assert not _denied(statements, "s3:PutObjectRetention", context={REMAINING: "40", MODE: "GOVERNANCE"})
    assert _denied(statements, "s3:PutObjectRetention", context={REMAINING: "41", MODE: "GOVERNANCE"})
    assert _denied(
        statements, "s3:PutObjectRetention", context={REMAINING: "36500", MODE: "GOVERNANCE"}, principal=GLASS
    )


def test_the_bound_of_locks_can_be_set() -> None:
    """For those who extend in longer steps."""
    statements = _policy("repository", lock=Lock("GOVERNANCE", 30, extension_days=60))
    assert not _denied(statements, "s3:PutObjectRetention", context={REMAINING: "90", MODE: "GOVERNANCE"})
    assert _denied(statements, "s3:PutObjectRetention", context={REMAINING: "91", MODE: "GOVERNANCE"})


def test_no_other_mode_and_no_legal_hold() -> None:
    """Neither ends by itself when it should."""
    statements = _policy("repository")
    assert _denied(statements, "s3:PutObjectRetention", context={REMAINING: "1", MODE: "COMPLIANCE"})
    assert _denied(statements, "s3:PutObjectLegalHold")


@pytest.mark.parametrize(("days", "more"), [(0, 10), (30, -1), (36_500, 10), (36_501, 0)])
def test_an_impossible_lock_is_refused(days: int, more: int) -> None:
    """Before a bucket is born with it: S3 would refuse it, or every upload."""
    with pytest.raises(ConfigurationError, match="lock"):
        Lock("GOVERNANCE", days, more)


def test_logs_are_delivered_of_the_named_buckets_only() -> None:
    """By S3's log service, of this account."""
    statements = _policy("logs")
    ours = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": SOURCE}
    log = f"{ARN}/test-primary/2026-11-20"

    def decide_for(service: str, **context: str) -> str:
        named = {key.replace("__", ":"): value for key, value in context.items()}
        return decide(statements, Request("s3:PutObject", log, service, {**ours, **named}))

    assert decide_for("logging.s3.amazonaws.com") == "allowed"
    assert decide_for("logging.s3.amazonaws.com", aws__SourceAccount="999999999999") == "not allowed"
    assert decide_for("logging.s3.amazonaws.com", aws__SourceArn="arn:aws:s3:::other") == "not allowed"
    assert decide_for("delivery.logs.amazonaws.com") == "not allowed"


@pytest.mark.parametrize("kind", KINDS)
def test_no_bucket_policy_opens_a_bucket_to_everybody(kind: Kind) -> None:
    """What is for everybody is a denial."""
    statements = _policy(kind)
    assert wildcards(statements) == []
    assert len({statement["Sid"] for statement in statements}) == len(statements)


def test_more_statements_are_added_and_lift_nothing() -> None:
    """A denial wins over any permission."""
    everything = {"Sid": "Mine", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}
    statements = _policy("repository", statements=[everything])
    assert statements[-1]["Sid"] == "Mine"
    assert _denied(statements, "s3:DeleteObjectVersion")
    assert decide(statements, Request("s3:GetObject", OBJECT)) == "allowed"


@pytest.mark.parametrize(
    ("kind", "changes", "problem"),
    [
        ("repository", {"lifecycle": ByAge(60)}, "must not expire by age"),
        ("replica", {"lifecycle": ByAge(60)}, "must not expire by age"),
        ("repository", {"lock": None}, "needs Object Lock"),
        ("replica", {"lock": None}, "needs Object Lock"),
        ("repository", {"key": None}, "needs a KMS key"),
        ("trail", {"key": None}, "needs a KMS key"),
        ("scratch", {"lock": LOCKED}, "must not be locked"),
        ("scratch", {"lifecycle": ByTag(14)}, "must expire by age"),
        ("logs", {"key": KEY}, "without a KMS key"),
        ("logs", {"lock": LOCKED}, "without a KMS key and Object Lock"),
        ("logs", {"log_target": LOGS}, "must not be logged"),
        ("logs", {"log_sources": ()}, "needs the buckets"),
    ],
)
def test_a_bucket_that_would_lose_data_or_logs_is_refused(kind: Kind, changes: dict[str, Any], problem: str) -> None:
    """Before it is made."""
    with pytest.raises(ConfigurationError, match=problem):
        _args(kind, **changes)


def test_all_problems_of_a_bucket_are_told_at_once() -> None:
    """Nobody likes to be told one by one."""
    with pytest.raises(ConfigurationError) as caught:
        _args("repository", lifecycle=ByAge(60), lock=None, key=None)
    assert caught.value.message.count(";") == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_of_a_bucket_that_is_not_there_yet_works(kind: Kind) -> None:
    """Its ARN and its id are unknown until it is made; what it is set to is shown all the same."""
    program = deploy(lambda: Bucket("bucket", _args(kind)), preview=True)
    assert _one(program, "Bucket")["bucket"] == "test"
    assert _one(program, "BucketLifecycleConfiguration")["rules"]
