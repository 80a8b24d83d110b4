"""Jobs of S3 Batch Replication, word for word: the embedded AWS has none, so botocore's own model is the judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from functions.engine.errors import AccessError, UnavailableError
from functions.runtime.batch_replication import UNDER_WAY, BatchReplication, Job, Wish

ACCOUNT, BUCKET = "123456789012", "strongroom-prod-primary-123456789012-us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/backfill-role-1a2b3c4"
LOGS = "strongroom-prod-logs-123456789012-us-east-1"
WISH = Wish(account_id=ACCOUNT, bucket=BUCKET, role_arn=ROLE, report_bucket=LOGS)
JOB = "00e123a4-c0d8-41f4-a0eb-b46f9ba5b07c"
BORN = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """A client that answers what a test says, and refuses what S3's model does not have."""
    with Stubber(boto3.client("s3control", region_name="us-east-1")) as stub:
        yield stub
        stub.assert_no_pending_responses()


def jobs(stub: Stubber) -> BatchReplication:
    """What is tested, without waiting."""
    return BatchReplication(lambda: stub.client, lambda _seconds: None)


def request(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of the request
    """The whole request."""
    generator = {
        "ExpectedBucketOwner": ACCOUNT,
        "SourceBucket": f"arn:aws:s3:::{BUCKET}",
        "EnableManifestOutput": False,
        "Filter": {
            "EligibleForReplication": True,
            "ObjectReplicationStatuses": changes.pop("statuses", ["NONE", "FAILED"]),
        },
    }
    return {
        "AccountId": ACCOUNT,
        "ConfirmationRequired": False,
        "Operation": {"S3ReplicateObject": {}},
        "Report": {
            "Enabled": True,
            "Bucket": f"arn:aws:s3:::{LOGS}",
            "Prefix": "replicate-existing",
            "Format": "Report_CSV_20180820",
            "ReportScope": "FailedTasksOnly",
        },
        "ClientRequestToken": "a token",
        "Description": f"strongroom: replicate what is in {BUCKET}",
        "Priority": 10,
        "RoleArn": ROLE,
        "ManifestGenerator": {"S3JobManifestGenerator": generator},
        **changes,
    }


def test_a_job_copies_what_was_never_copied_or_failed(stub: Stubber) -> None:
    """S3 lists the objects; nothing is kept of the list, and what fails is reported."""
    stub.add_response("create_job", {"JobId": JOB}, request())
    assert jobs(stub).create(WISH, "a token") == JOB


def test_a_promoted_repository_is_copied_on_with_its_replicas(stub: Stubber) -> None:
    """They are replicas of the lost one, which no rule copies on by itself."""
    stub.add_response("create_job", {"JobId": JOB}, request(statuses=["NONE", "FAILED", "REPLICA"]))
    wish = Wish(account_id=ACCOUNT, bucket=BUCKET, role_arn=ROLE, report_bucket=LOGS, replicas=True)
    assert jobs(stub).create(wish, "a token") == JOB


def test_a_job_that_is_under_way_is_found_on_any_page(stub: Stubber) -> None:
    """Of many others; one that has ended is not asked for."""
    other = {"JobId": "11111111", "Description": "something else", "Status": "Active", "CreationTime": BORN}
    ours = {**other, "JobId": JOB, "Description": WISH.description}
    asked = {"AccountId": ACCOUNT, "JobStatuses": list(UNDER_WAY)}
    stub.add_response("list_jobs", {"Jobs": [other], "NextToken": "more"}, asked)
    stub.add_response("list_jobs", {"Jobs": [other, ours]}, {**asked, "NextToken": "more"})
    assert jobs(stub).under_way(WISH) == JOB
    stub.add_response("list_jobs", {"Jobs": [other]}, asked)
    assert jobs(stub).under_way(WISH) is None
    assert not {"Complete", "Failed", "Cancelled"} & set(UNDER_WAY)


def test_a_job_tells_how_far_it_is_and_why_it_failed(stub: Stubber) -> None:
    """Before it has begun there are no counts."""
    stub.add_response(
        "describe_job", {"Job": {"JobId": JOB, "Status": "Preparing"}}, {"AccountId": ACCOUNT, "JobId": JOB}
    )
    assert jobs(stub).look(ACCOUNT, JOB) == Job(JOB, "Preparing")
    failed = {
        "JobId": JOB,
        "Status": "Failed",
        "ProgressSummary": {
            "TotalNumberOfTasks": 64_001,
            "NumberOfTasksSucceeded": 64_000,
            "NumberOfTasksFailed": 1,
        },
        "FailureReasons": [{"FailureCode": "AccessDenied", "FailureReason": "the role"}],
    }
    stub.add_response("describe_job", {"Job": failed}, {"AccountId": ACCOUNT, "JobId": JOB})
    assert jobs(stub).look(ACCOUNT, JOB) == Job(JOB, "Failed", 64_001, 64_000, 1, ("AccessDenied: the role",))


def test_what_s3_refuses_is_an_error_of_ours(stub: Stubber) -> None:
    """A right that is missing is named; a service in trouble is asked again, and then given up."""
    stub.add_client_error("create_job", "AccessDenied", "no iam:PassRole", 403, expected_params=ANYTHING)
    with pytest.raises(AccessError, match="s3:CreateJob on S3 Batch Operations"):
        jobs(stub).create(WISH, "a token")
    for _ in range(10):
        stub.add_client_error("list_jobs", "InternalServerError", http_status_code=500)
    with pytest.raises(UnavailableError):
        jobs(stub).under_way(WISH)


ANYTHING = dict.fromkeys(request(), ANY)
