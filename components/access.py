"""Restores by other accounts: a role that they take on for one user at a time, and reading with roles of their own.

Either way a tag `user` on the session says whose backups may be read; the value is the user's name as it stands in
keys. IAM allows no `%` in a tag, so users whose names need encoding are restored by the operator.

What the tag can hold back is the manifests, which alone say which chunks make up which file. Packs are shared by all
users of a repository, so whoever restores may read packs. Users who must not share get repositories of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.policy import document
from components.refs import BucketRef, KeyRef
from components.rights_policy import Statement
from components.settings.sources import MOST_SHARED, MOST_TRUSTED
from functions.contract.object_keys import PACKS, source_prefix
from functions.engine.errors import ConfigurationError

TAG: Final = "user"
_USER: Final = f"${{aws:PrincipalTag/{TAG}}}"
_HOUR: Final = 3_600


@dataclass(frozen=True)
class AccessArgs:
    """Who may restore what. `sources` are the names of the sources that the accounts may restore from."""

    role_name: str
    trusted_accounts: Sequence[str]
    repository: BucketRef
    key: KeyRef
    region: str
    sources: Sequence[str]
    partition: str = "aws"

    def __post_init__(self) -> None:
        """Refuse a role that nobody can take on, or that everybody could."""
        wrong = [account for account in self.trusted_accounts if not re.fullmatch(r"[0-9]{12}", account)]
        if wrong or not self.trusted_accounts:
            raise ConfigurationError(f"a trusted account is 12 digits; {', '.join(wrong) or 'there is none'}")
        if not self.sources or not all(self.sources):
            raise ConfigurationError("trusted accounts need at least one source, by its name, to restore from")
        if len(self.trusted_accounts) > MOST_TRUSTED or len(self.sources) > MOST_SHARED:
            raise ConfigurationError(
                f"{len(self.trusted_accounts)} trusted accounts and {len(self.sources)} sources fit into no policy",
                hint=f"trust at most {MOST_TRUSTED} accounts, and give them at most {MOST_SHARED} sources",
            )


class Access(ComponentResource):
    """The role for restores of trusted accounts."""

    role_arn: Output[str]
    role_name: Output[str]

    def __init__(self, name: str, args: AccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Access", name, None, opts)
        role = aws.iam.Role(
            f"{name}-role",
            name=args.role_name,
            description="Restores of one user's files, by accounts that are trusted with it",
            assume_role_policy=document([trust_statement(args.trusted_accounts, args.partition)]),
            max_session_duration=_HOUR,
            opts=ResourceOptions(parent=self),
        )
        aws.iam.RolePolicy(
            f"{name}-role",
            role=role.name,
            policy=document([*read_statements(args.repository.arn, args.sources), _key_statement(args)]),
            opts=ResourceOptions(parent=self),
        )
        self.role_arn, self.role_name = role.arn, role.name
        self.register_outputs({"role_arn": role.arn})


def trust_statement(account_ids: Sequence[str], partition: str = "aws") -> Statement:
    """Let the accounts take on the role, with the tag `user` and no other."""
    return {
        "Effect": "Allow",
        "Principal": {"AWS": _roots(account_ids, partition)},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringLike": {f"aws:RequestTag/{TAG}": "?*"},
            "ForAllValues:StringEquals": {"aws:TagKeys": [TAG]},
        },
    }


def read_statements(repository_arn: Input[str], sources: Sequence[str]) -> list[Statement]:
    """Give what a restore of the tagged user reads: his manifests and commit records, and packs."""
    users = [f"{source_prefix(source)}{_USER}/" for source in sources]
    objects = [Output.concat(repository_arn, "/", user, "*") for user in users]
    return [
        {
            "Sid": "ListUser",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": repository_arn,
            "Condition": {"StringLike": {"s3:prefix": [f"{user}*" for user in users]}},
        },
        {
            "Sid": "ReadUser",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [*objects, Output.concat(repository_arn, "/", PACKS, "*")],
            # Without a tag there is no user, and so no packs either.
            "Condition": {"StringLike": {f"aws:PrincipalTag/{TAG}": "?*"}},
        },
    ]


def bucket_statements(
    account_ids: Sequence[str], repository_arn: Input[str], sources: Sequence[str], partition: str = "aws"
) -> list[Statement]:
    """Give the same for roles of the trusted accounts themselves: statements of the repository's bucket policy.

    Their roles carry the tag; the key's policy must let them decrypt: `key_policy.trusted_accounts`.
    """
    principal = {"AWS": _roots(account_ids, partition)}
    return [
        {**statement, "Sid": f"Trusted{statement['Sid']}", "Principal": principal}
        for statement in read_statements(repository_arn, sources)
    ]


def _key_statement(args: AccessArgs) -> Statement:
    return {
        "Sid": "DecryptThroughS3",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": args.key.arn,
        "Condition": {
            "StringEquals": {
                "kms:ViaService": f"s3.{args.region}.amazonaws.com",
                "kms:EncryptionContext:aws:s3:arn": args.repository.arn,
            }
        },
    }


def _roots(account_ids: Sequence[str], partition: str) -> list[str]:
    return [f"arn:{partition}:iam::{account_id}:root" for account_id in account_ids]
