"""The trail: sees every object of both buckets, cannot be forged, and is kept for seven years."""

from __future__ import annotations

from typing import Any

import pytest

from components.audit import Audit, AuditArgs
from components.bucket_policy import Lock
from components.refs import BucketRef
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, REGION, deploy, policy
from tests.components.policies import Request, decide
from tests.program.kit import ACCOUNT, Program

TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/test-trail"
FILES = "arn:aws:s3:::test-trail"
BUCKETS = [
    BucketRef("test-primary", "arn:aws:s3:::test-primary"),
    BucketRef("test-replica", "arn:aws:s3:::test-replica"),
]
ACL = {"s3:x-amz-acl": "bucket-owner-full-control"}


def _args(**changes: Any) -> AuditArgs:  # noqa: ANN401 - fields of any type
    given: dict[str, Any] = {
        "trail_name": "test-trail",
        "trail_arn": TRAIL,
        "bucket_name": "test-trail",
        "bucket_arn": FILES,
        "buckets": BUCKETS,
        "key": KEY,
        "topic_name": "test-files",
        "region": REGION,
        "account_id": ACCOUNT,
    }
    return AuditArgs(**{**given, **changes})


def _program(*, preview: bool = False, **changes: Any) -> Program:  # noqa: ANN401 - fields of any type
    return deploy(lambda: Audit("audit", _args(**changes)), preview=preview)


def _trail(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of any type
    (trail,) = _program(**changes).of("aws:cloudtrail/trail:Trail")
    return trail.inputs


def _selected(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {field.pop("field"): field for field in selector["fieldSelectors"]}
        for selector in inputs["advancedEventSelectors"]
    ]


def test_the_trail_is_encrypted_validated_and_of_all_regions() -> None:
    """The replica is in another region."""
    trail = _trail()
    assert trail["enableLogFileValidation"] is True
    assert trail["kmsKeyId"] == KEY.arn
    assert trail["isMultiRegionTrail"] is True
    assert trail["includeGlobalServiceEvents"] is True
    assert trail["enableLogging"] is True
    assert (trail["name"], trail["s3BucketName"], trail["region"]) == ("test-trail", "test-trail", REGION)


def test_every_read_and_write_of_an_object_of_both_buckets_is_recorded() -> None:
    """And of no bucket whose name only begins like theirs."""
    objects = _selected(_trail())[0]
    assert objects["eventCategory"] == {"equals": ["Data"]}
    assert objects["resources.type"] == {"equals": ["AWS::S3::Object"]}
    assert objects["resources.ARN"] == {"startsWiths": [f"{bucket.arn}/" for bucket in BUCKETS]}
    assert "readOnly" not in objects


def test_what_changes_the_account_is_recorded() -> None:
    """Also what takes a key away: the watch over keys hears of it by the trail."""
    changes = _selected(_trail())[1]
    assert changes == {"eventCategory": {"equals": ["Management"]}, "readOnly": {"equals": ["false"]}}


def test_files_are_kept_for_seven_years_unless_told_otherwise() -> None:
    """By age: nobody refers to an old log file."""

    def kept(**changes: Any) -> int:  # noqa: ANN401 - fields of any type
        (found,) = _program(**changes).of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
        return int(found.inputs["rules"][0]["expiration"]["days"])

    assert (kept(), kept(retention_days=400)) == (2_555, 400)


def test_files_can_be_locked() -> None:
    """In production who deletes backups cannot delete what shows it."""
    program = _program(lock=Lock("GOVERNANCE", 365, extension_days=0))
    (lock,) = program.of("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")
    assert lock.inputs["rule"]["defaultRetention"] == {"mode": "GOVERNANCE", "days": 365}
    assert _program().of("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration") == []


def test_only_this_trail_writes_files() -> None:
    """Of this account, and with its files given to us."""
    (found,) = _program().of("aws:s3/bucketPolicy:BucketPolicy")
    statements = policy(found)

    def answer(action: str, resource: str, source: str = TRAIL, principal: str = "cloudtrail.amazonaws.com") -> str:
        return decide(statements, Request(action, resource, principal, {"aws:SourceArn": source, **ACL}))

    path = f"{FILES}/AWSLogs/{ACCOUNT}/CloudTrail/x.json.gz"
    assert answer("s3:GetBucketAcl", FILES) == "allowed"
    assert answer("s3:PutObject", path) == "allowed"
    assert answer("s3:PutObject", path, source=TRAIL.replace("test-trail", "other")) == "not allowed"
    assert answer("s3:PutObject", path, principal="config.amazonaws.com") == "not allowed"
    assert answer("s3:PutObject", f"{FILES}/AWSLogs/999999999999/x.json.gz") == "not allowed"
    assert answer("s3:GetObject", path) == "not allowed"


def test_a_trail_that_watches_nothing_is_refused() -> None:
    """It would cost money and show nothing."""
    with pytest.raises(ConfigurationError, match="no bucket"):
        _args(buckets=[])


def test_a_lock_that_outlives_the_files_is_refused() -> None:
    """Lifecycle could not do what it was told."""
    with pytest.raises(ConfigurationError, match="locked for 91"):
        _args(retention_days=90, lock=Lock("GOVERNANCE", 91))


def test_a_preview_works() -> None:
    """ARNs are unknown until the buckets are made."""
    assert _program(preview=True).of("aws:cloudtrail/trail:Trail")


def test_a_year_of_the_trail_can_be_asked_at_once() -> None:
    """In an encrypted log group, written by a role that only this trail can take on, into its own streams."""
    program = _program()
    trail = _trail()
    (group,) = program.of("aws:cloudwatch/logGroup:LogGroup")
    (role,) = program.of("aws:iam/role:Role")
    (rights,) = program.of("aws:iam/rolePolicy:RolePolicy")
    assert (group.inputs["retentionInDays"], group.inputs["kmsKeyId"]) == (365, KEY.arn)
    assert group.inputs["name"] == "/aws/cloudtrail/test-trail"
    assert str(trail["cloudWatchLogsGroupArn"]).endswith(":/aws/cloudtrail/test-trail:*")
    assert trail["snsTopicName"] == "test-files"
    (may_take_on,) = policy(role, "assumeRolePolicy")
    assert may_take_on["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    assert may_take_on["Condition"] == {"StringEquals": {"aws:SourceArn": TRAIL}}
    (write,) = policy(rights)
    assert write["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert write["Resource"][0].endswith(f":/aws/cloudtrail/test-trail:log-stream:{ACCOUNT}_CloudTrail_{REGION}*")
