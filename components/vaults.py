"""What backing up with AWS Backup takes, whatever is backed up: locked vaults, a role, a plan, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.policy import document, trust
from components.refs import KeyRef, TopicRef
from components.rights_policy import Statement
from components.settings.vault import Vault as Limits
from functions.engine.errors import ConfigurationError

PAGE: Final = "vault-failed"
START_MINUTES: Final = 60
"""The shortest time in which a job must start (AWS Backup API Reference, BackupRuleInput)."""
_COMPLETE_MINUTES: Final = 480
_FAILED: Final = (
    {"state": ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"]},
    {"status": ["ABORTED", "FAILED"]},
)
"""Copies and backups say `state`, restores `status`."""
INCOMPLETE: Final = {"state": ["COMPLETED"], "statusMessage": [{"exists": True}]}
"""A job that ended well and left something out (AWS Backup Developer Guide, "Monitoring AWS Backup events")."""


class RuleOf(NamedTuple):
    """A rule of a plan: when, how long it is kept, how long the copy is, and how long a job may take."""

    name: str
    schedule: str
    days: int
    copy_days: int
    cold_days: int = 0
    start_minutes: int = START_MINUTES
    complete_minutes: int = _COMPLETE_MINUTES


class CopyPlace(NamedTuple):
    """The second region, and the key there."""

    region: str
    key: KeyRef


class Vaults(NamedTuple):
    """Where backups go, and where their copies go."""

    here: aws.backup.Vault
    there: aws.backup.Vault | None


@dataclass(frozen=True, kw_only=True)
class VaultsArgs:
    """Where to, under which keys, and who is told. `name` is that of vaults and plan."""

    name: str
    stack: str
    account_id: str
    region: str
    key: KeyRef
    topic: TopicRef
    limits: Limits
    copy: CopyPlace | None = None
    compliance: bool = False
    """Locks the vaults so that nobody can lift the lock after the days of grace."""
    protect: bool = True
    partition: str = "aws"
    runbooks: str = "docs/runbooks"

    def __post_init__(self) -> None:
        """Refuse a copy into the same region."""
        if self.copy is not None and self.copy.region == self.region:
            raise ConfigurationError(f"vault {self.name} cannot be copied from {self.region} to itself")

    @property
    def regions(self) -> list[str]:
        """Where there is a vault."""
        return [self.region, *([self.copy.region] if self.copy else [])]

    @property
    def vault_keys(self) -> list[Output[str]]:
        """The keys of the vaults."""
        return [Output.from_input(key.arn) for key in (self.key, *([self.copy.key] if self.copy else []))]

    @property
    def points(self) -> list[str]:
        """What matches the ARNs of recovery points, whose names nobody knows before."""
        return [self.arn("backup", "recovery-point:*", region) for region in self.regions]

    def arn(self, service: str, what: str, region: str | None = None) -> str:
        """Give an ARN of this account."""
        return f"arn:{self.partition}:{service}:{region or self.region}:{self.account_id}:{what}"


def locked_vaults(name: str, args: VaultsArgs, least: int, least_copy: int, own: ResourceOptions) -> Vaults:
    """Make vaults that keep each backup for as long as its rule says, whoever wants it gone.

    `least` and `least_copy` are days: what a rule keeps for less is not taken in.
    """
    here = _vault(name, args, args.region, args.key, least, own)
    copy = args.copy
    return Vaults(here, _vault(f"{name}-copy", args, copy.region, copy.key, least_copy, own) if copy else None)


def _vault(
    name: str, args: VaultsArgs, region: str, key: KeyRef, least_days: int, own: ResourceOptions
) -> aws.backup.Vault:
    kept = ResourceOptions(protect=args.protect, retain_on_delete=args.protect)
    vault = aws.backup.Vault(
        name,
        name=args.name,
        kms_key_arn=key.arn,
        # Else `pulumi destroy` stops at the first vault that holds something.
        force_destroy=None if args.protect else True,
        region=region,
        opts=ResourceOptions.merge(own, kept),
    )
    aws.backup.VaultLockConfiguration(
        f"{name}-lock",
        backup_vault_name=vault.name,
        min_retention_days=least_days,
        changeable_for_days=args.limits.grace_days if args.compliance else None,
        region=region,
        opts=own,
    )
    return vault


def role_for(
    name: str, description: str, rights: list[Statement], args: VaultsArgs, own: ResourceOptions
) -> aws.iam.Role:
    """Make a role that AWS Backup of this account takes on, and nobody else."""
    condition = {"StringEquals": {"aws:SourceAccount": args.account_id}}
    role = aws.iam.Role(
        name,
        description=description,
        assume_role_policy=trust("backup.amazonaws.com", condition),
        opts=own,
    )
    aws.iam.RolePolicy(name, role=role.name, policy=document(rights), opts=own)
    return role


def plan_of(name: str, args: VaultsArgs, rules: list[RuleOf], vaults: Vaults, own: ResourceOptions) -> aws.backup.Plan:
    """Make a plan of these rules, with a copy of each backup where there is a second region."""
    return aws.backup.Plan(
        name, name=args.name, rules=[_rule(rule, vaults) for rule in rules], region=args.region, opts=own
    )


def selection_of(
    name: str,
    plan: aws.backup.Plan,
    role: aws.iam.Role,
    arns: Sequence[Input[str]],
    args: VaultsArgs,
    own: ResourceOptions,
) -> None:
    """Say what a plan backs up, one by one."""
    aws.backup.Selection(
        name, name=name, plan_id=plan.id, iam_role_arn=role.arn, resources=arns, region=args.region, opts=own
    )


def tell_failures(
    name: str, roles: list[aws.iam.Role], args: VaultsArgs, own: ResourceOptions, *, incomplete: bool = False
) -> None:
    """Tell of every job of these roles that failed. Copies and restores say so in events; metrics do not say whose.

    With `incomplete` also of those that ended well and left something out.
    """
    pattern = {
        "source": ["aws.backup"],
        "detail-type": [f"{kind} Job State Change" for kind in ("Backup", "Copy", "Restore")],
        "detail": {
            "iamRoleArn": [role.arn for role in roles],
            "$or": [*_FAILED, *([INCOMPLETE] if incomplete else [])],
        },
    }
    said = "failed or left something out" if incomplete else "failed"
    rule = aws.cloudwatch.EventRule(
        name,
        name=f"{args.stack}-{name}",
        description=f"A job of AWS Backup {said}. What to do: {args.runbooks}/{PAGE}.md",
        event_pattern=Output.json_dumps(pattern),
        region=args.region,
        opts=own,
    )
    text = f"{args.stack}: <kind> at <time>: a job of AWS Backup {said}. What to do: {args.runbooks}/{PAGE}.md"
    aws.cloudwatch.EventTarget(
        name,
        rule=rule.name,
        arn=args.topic.arn,
        # A template that is text must stand in quotes, and becomes one line.
        input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
            input_paths={"kind": "$.detail-type", "time": "$.time"}, input_template=f'"{text}"'
        ),
        region=args.region,
        opts=own,
    )


def _rule(rule: RuleOf, vaults: Vaults) -> aws.backup.PlanRuleArgs:
    cold = rule.cold_days or None
    copy = None
    if vaults.there is not None:
        kept = aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=rule.copy_days, cold_storage_after=cold)
        copy = [aws.backup.PlanRuleCopyActionArgs(destination_vault_arn=vaults.there.arn, lifecycle=kept)]
    return aws.backup.PlanRuleArgs(
        rule_name=rule.name,
        target_vault_name=vaults.here.name,
        schedule=rule.schedule,
        start_window=rule.start_minutes,
        completion_window=rule.complete_minutes,
        lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=rule.days, cold_storage_after=cold),
        copy_actions=copy,
    )
