"""The role with which S3 Batch Replication copies what was there before the replica: `strongroom replicate-existing`.

It may start the copying of an object and list which objects wait for it; the copying itself is done with the role of
the replication (Amazon S3 User Guide, "Configuring an IAM role for S3 Batch Replication"). Its report goes where the
access logs go: S3 encrypts reports with its own key only, which every other bucket here refuses ("Examples: S3 Batch
Operations completion reports").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.policy import document, trust
from components.refs import BucketRef
from components.resources import below
from components.rights_policy import Statement, allow

SERVICE: Final = "batchoperations.s3.amazonaws.com"
REPORTS: Final = "replicate-existing"
"""What the keys of reports begin with."""


@dataclass(frozen=True)
class BackfillArgs:
    """What is copied, and where the report goes."""

    source: BucketRef
    reports: BucketRef


class Backfill(ComponentResource):
    """The role. A job that names it is made by the tool, once, and not by the program."""

    role_arn: Output[str]

    def __init__(self, name: str, args: BackfillArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Backfill", name, None, opts)
        role = aws.iam.Role(
            f"{name}-role",
            description="S3 Batch Replication copies what was there before the replica",
            # No condition on the source: AWS documents none. A role is handed over within its own account only.
            assume_role_policy=trust(SERVICE),
            opts=ResourceOptions(parent=self),
        )
        aws.iam.RolePolicy(
            f"{name}-role",
            role=role.name,
            policy=document(role_statements(args)),
            opts=ResourceOptions(parent=self),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": role.arn})


def role_statements(args: BackfillArgs) -> list[Statement]:
    """Give what the role may. The list of objects is made by S3 itself and kept in no bucket of ours."""
    return [
        allow("Copy", ("s3:InitiateReplication",), [below(args.source.arn, "/*")]),
        allow("List", ("s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"), [args.source.arn]),
        allow("Report", ("s3:PutObject",), [below(args.reports.arn, f"/{REPORTS}/*")]),
    ]
