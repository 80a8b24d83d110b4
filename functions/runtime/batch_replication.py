"""Jobs of S3 Batch Replication: copy to the replica what was in the repository before there was one.

Amazon S3 User Guide, "Replicating existing objects with Batch Replication"; Amazon S3 API Reference, CreateJob. S3
lists the objects itself, by the rule of the bucket and by the state of their replication, and copies them with the
role of the rule. Whoever calls needs s3:CreateJob, s3:ListJobs, s3:DescribeJob, and iam:PassRole for the job's role.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from functions.adapters.aws_calls import AwsCalls

if TYPE_CHECKING:
    from botocore.client import BaseClient

REPORTS: Final = "replicate-existing"
"""What the keys of reports begin with. The role may write nowhere else."""
NEVER_OR_FAILED: Final = ("NONE", "FAILED")
REPLICA: Final = "REPLICA"
UNDER_WAY: Final = ("Active", "New", "Paused", "Pausing", "Preparing", "Ready", "Suspended")
_WHAT: Final = "S3 Batch Operations"
_PRIORITY: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be copied, for whom, with which role, and where the report goes."""

    account_id: str
    bucket: str
    role_arn: str
    report_bucket: str
    partition: str = "aws"
    replicas: bool = False
    """Also what is a replica itself, of another bucket: the rule alone never copies that on."""

    @property
    def description(self) -> str:
        """Give what a job is known by."""
        return f"strongroom: replicate what is in {self.bucket}"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as S3 tells of it."""

    id: str
    status: str
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()


class BatchReplication:
    """Makes jobs and looks at them."""

    def __init__(self, client: Callable[[], BaseClient], sleep: Callable[[float], None] = time.sleep) -> None:
        """`client` of S3 Control, in the bucket's region, is asked once."""
        self._calls: AwsCalls[Any] = AwsCalls(client, _WHAT, sleep)

    def under_way(self, wish: Wish) -> str | None:
        """Give the id of a job that does the same and has not ended."""
        for page in self._pages(wish.account_id):
            for job in page:
                if job.get("Description") == wish.description:
                    return str(job["JobId"])
        return None

    def create(self, wish: Wish, token: str) -> str:
        """Make the job; give its id. The same `token` makes no second one."""
        request = job_request(wish, token)
        answer = self._calls.call("s3:CreateJob", lambda client: client.create_job(**request))
        return str(answer["JobId"])

    def look(self, account_id: str, job_id: str) -> Job:
        """Give how far a job is."""
        answer = self._calls.call(
            "s3:DescribeJob", lambda client: client.describe_job(AccountId=account_id, JobId=job_id)
        )
        return _job(answer["Job"])

    def _pages(self, account_id: str) -> Iterator[list[Mapping[str, Any]]]:
        more: dict[str, str] = {}
        while True:
            request = {"AccountId": account_id, "JobStatuses": list(UNDER_WAY), **more}
            answer = self._calls.call("s3:ListJobs", partial(_listed, request))
            yield answer.get("Jobs", [])
            if not answer.get("NextToken"):
                return
            more = {"NextToken": answer["NextToken"]}


def job_request(wish: Wish, token: str) -> dict[str, Any]:
    """Write the request. Pure.

    The list of objects is not kept. The report names what failed; S3 encrypts it with its own key.
    """
    arn = f"arn:{wish.partition}:s3:::"
    statuses = [*NEVER_OR_FAILED, *([REPLICA] if wish.replicas else [])]
    return {
        "AccountId": wish.account_id,
        "ConfirmationRequired": False,
        "Operation": {"S3ReplicateObject": {}},
        "Report": {
            "Enabled": True,
            "Bucket": f"{arn}{wish.report_bucket}",
            "Prefix": REPORTS,
            "Format": "Report_CSV_20180820",
            "ReportScope": "FailedTasksOnly",
        },
        "ClientRequestToken": token,
        "Description": wish.description,
        "Priority": _PRIORITY,
        "RoleArn": wish.role_arn,
        "ManifestGenerator": {
            "S3JobManifestGenerator": {
                "ExpectedBucketOwner": wish.account_id,
                "SourceBucket": f"{arn}{wish.bucket}",
                "EnableManifestOutput": False,
                "Filter": {"EligibleForReplication": True, "ObjectReplicationStatuses": statuses},
            }
        },
    }


def _listed(request: Mapping[str, Any], client: Any) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return client.list_jobs(**request)


def _job(found: Mapping[str, Any]) -> Job:
    progress = found.get("ProgressSummary", {})
    failures = found.get("FailureReasons", ())
    reasons = [f"{one.get('FailureCode', '')}: {one.get('FailureReason', '')}" for one in failures]
    return Job(
        str(found["JobId"]),
        str(found["Status"]),
        int(progress.get("TotalNumberOfTasks", 0)),
        int(progress.get("NumberOfTasksSucceeded", 0)),
        int(progress.get("NumberOfTasksFailed", 0)),
        tuple(reasons),
    )
