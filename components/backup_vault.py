"""AWS Backup of the tables: a locked vault here, a copy in the second region, and a restore that is tried each month.

The bucket gives back which backups there are (`strongroom rebuild`). It does not know failed backups, when a user was
last proven, runs, restores and drills: those are what is backed up here. The dedup index is left out, since the packs
give all of it back. It takes DynamoDB's advanced features, which accounts have that made their first vault after
November 2021: without them there is neither a copy nor cold storage, and backups have the table's key (AWS Backup
Developer Guide, "Advanced DynamoDB backup"). They are a setting of the account, which this program leaves alone
(docs/adr/0021-aws-backup-vault.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.backup_rights import TEST_TABLES, backup_statements, restore_statements
from components.policy import document, trust
from components.refs import KeyRef, TableRef, TopicRef
from components.rights_policy import Statement
from components.settings import Names, Settings
from components.settings.vault import Vault as Limits
from components.storage import Storage
from functions.engine.errors import ConfigurationError

PAGE: Final = "vault-failed"
NOT_BACKED_UP: Final = frozenset({"dedup"})
START_MINUTES: Final = 60
"""The shortest time in which a job must start (AWS Backup API Reference, BackupRuleInput)."""
_COMPLETE_MINUTES: Final = 480
_TEST_START_HOURS: Final = 1
_LOOK_HOURS: Final = 4
"""How long a restored table stays for people to look at."""
_LONGEST_SELECTION: Final = 365


class RuleOf(NamedTuple):
    """A rule of the plan: when, how long, and how long the copy. All at one hour, so that each table is read once."""

    name: str
    schedule: str
    days: int
    copy_days: int
    cold_days: int = 0


class CopyPlace(NamedTuple):
    """The second region, and the key there."""

    region: str
    key: KeyRef


@dataclass(frozen=True)
class BackupVaultArgs:
    """What is backed up, where to, and for how long. `name` also begins the names of plan, rule and restored tables."""

    name: str
    stack: str
    account_id: str
    region: str
    tables: Mapping[str, TableRef]
    key: KeyRef
    topic: TopicRef
    limits: Limits
    table_keys: tuple[KeyRef, ...] = ()
    """Keys of tables that were taken over from another stack."""
    copy: CopyPlace | None = None
    compliance: bool = False
    """Locks the vaults so that nobody can lift the lock after the days of grace."""
    protect: bool = True
    partition: str = "aws"
    runbooks: str = "docs/runbooks"

    def __post_init__(self) -> None:
        """Refuse a vault without anything in it, and a copy into the same region."""
        if not self.tables.keys() - NOT_BACKED_UP:
            raise ConfigurationError(f"vault {self.name} has no tables to back up")
        if self.copy is not None and self.copy.region == self.region:
            raise ConfigurationError(f"vault {self.name} cannot be copied from {self.region} to itself")


def vault_args(settings: Settings, names: Names, storage: Storage, topic: TopicRef) -> BackupVaultArgs:
    """Say what is backed up of a stack: its tables, also those that it took over."""
    copy = storage.copy
    return BackupVaultArgs(
        name=names.vault(),
        stack=names.stack,
        account_id=settings.account_id,
        region=settings.region,
        tables=storage.tables,
        key=storage.key,
        topic=topic,
        limits=settings.vault,
        table_keys=(storage.repository_key,) if settings.promote and settings.promote.tables else (),
        copy=CopyPlace(copy.region, copy.key) if copy else None,
        compliance=settings.retention.lock_mode == "COMPLIANCE",
        protect=settings.protect,
        partition=settings.partition,
    )


def rules_of(limits: Limits) -> list[RuleOf]:
    """Give the rules of the plan. A rule that is to keep nothing is left out."""
    rules = [
        RuleOf("daily", "cron(0 5 * * ? *)", limits.daily_days, limits.copy_days),
        RuleOf("weekly", "cron(0 5 ? * SAT *)", limits.weekly_days, limits.weekly_days),
        RuleOf("monthly", "cron(0 5 1 * ? *)", limits.monthly_days, limits.monthly_days, limits.cold_days),
    ]
    return [rule for rule in rules if rule.days]


class BackupVault(ComponentResource):
    """Vaults, plan, restore test, roles, and who is told."""

    name: Output[str]

    def __init__(self, name: str, args: BackupVaultArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:BackupVault", name, None, opts)
        self._name, self._args, self._own = name, args, ResourceOptions(parent=self)
        rules = rules_of(args.limits)
        copy = args.copy
        here = self._vault("vault", args.region, args.key, min(rule.days for rule in rules))
        shortest_copy = min(rule.copy_days for rule in rules)
        there = self._vault("vault-copy", copy.region, copy.key, shortest_copy) if copy else None
        self._tables = {table: ref for table, ref in args.tables.items() if table not in NOT_BACKED_UP}
        backup = self._role("backup", "Backs up the tables", self._backup_rights(here, there))
        restored = [self._arn("dynamodb", f"table/{table}") for table in (TEST_TABLES, f"{args.stack}-restored-*")]
        restore = self._role("restore", "Restores tables", restore_statements(restored, self._keys()))
        self._plan(rules, here, there, backup)
        self._restore_test(here, restore)
        self._tell([backup, restore])
        self.name = here.name
        self.register_outputs({"name": here.name})

    def _vault(self, name: str, region: str, key: KeyRef, least_days: int) -> aws.backup.Vault:
        """Make a vault that keeps each backup for as long as its rule says, whoever wants it gone."""
        args = self._args
        vault = aws.backup.Vault(
            name,
            name=args.name,
            kms_key_arn=key.arn,
            # Else `pulumi destroy` stops at the first vault that holds something.
            force_destroy=None if args.protect else True,
            region=region,
            opts=ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect),
        )
        aws.backup.VaultLockConfiguration(
            f"{name}-lock",
            backup_vault_name=vault.name,
            min_retention_days=least_days,
            changeable_for_days=args.limits.grace_days if args.compliance else None,
            region=region,
            opts=self._own,
        )
        return vault

    def _backup_rights(self, here: aws.backup.Vault, there: aws.backup.Vault | None) -> list[Statement]:
        args = self._args
        regions = [args.region, *([args.copy.region] if args.copy else [])]
        return backup_statements(
            tables=[table.arn for table in self._tables.values()],
            vaults=[vault.arn for vault in (here, there) if vault is not None],
            keys=[*self._keys(), *([args.copy.key.arn] if args.copy else [])],
            points=[self._arn("backup", "recovery-point:*", region) for region in regions],
        )

    def _keys(self) -> list[Output[str]]:
        return [Output.from_input(key.arn) for key in (self._args.key, *self._args.table_keys)]

    def _arn(self, service: str, what: str, region: str | None = None) -> str:
        args = self._args
        return f"arn:{args.partition}:{service}:{region or args.region}:{args.account_id}:{what}"

    def _role(self, name: str, description: str, rights: list[Statement]) -> aws.iam.Role:
        condition = {"StringEquals": {"aws:SourceAccount": self._args.account_id}}
        role = aws.iam.Role(
            f"{self._name}-{name}",
            description=description,
            assume_role_policy=trust("backup.amazonaws.com", condition),
            opts=self._own,
        )
        aws.iam.RolePolicy(f"{self._name}-{name}", role=role.name, policy=document(rights), opts=self._own)
        return role

    def _plan(
        self, rules: list[RuleOf], here: aws.backup.Vault, there: aws.backup.Vault | None, role: aws.iam.Role
    ) -> None:
        args = self._args
        plan = aws.backup.Plan(
            "plan",
            name=args.name,
            rules=[_rule(rule, here, there) for rule in rules],
            region=args.region,
            opts=self._own,
        )
        aws.backup.Selection(
            "tables",
            name="tables",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[table.arn for table in self._tables.values()],
            region=args.region,
            opts=self._own,
        )

    def _restore_test(self, vault: aws.backup.Vault, role: aws.iam.Role) -> None:
        """Restore one backup of each table, any of those that a day made and that are still there."""
        args = self._args
        plan = aws.backup.RestoreTestingPlan(
            "restore-test",
            # The only resource here whose name may have no hyphens.
            name=f"{args.stack}-restore-test".replace("-", "_"),
            schedule_expression=args.limits.restore_test,
            start_window_hours=_TEST_START_HOURS,
            recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm="RANDOM_WITHIN_WINDOW",
                include_vaults=[vault.arn],
                recovery_point_types=["SNAPSHOT"],
                selection_window_days=min(args.limits.daily_days, _LONGEST_SELECTION),
            ),
            region=args.region,
            opts=self._own,
        )
        aws.backup.RestoreTestingSelection(
            "restore-test-tables",
            name="tables",
            restore_testing_plan_name=plan.name,
            protected_resource_type="DynamoDB",
            protected_resource_arns=[table.arn for table in self._tables.values()],
            iam_role_arn=role.arn,
            restore_metadata_overrides={"encryptionType": "KMS", "kmsMasterKeyArn": args.key.arn},
            validation_window_hours=_LOOK_HOURS,
            region=args.region,
            opts=self._own,
        )

    def _tell(self, roles: list[aws.iam.Role]) -> None:
        """Tell of every job of ours that failed. Copies and restores say so in events; metrics do not say whose."""
        args = self._args
        ended = [{"state": ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"]}, {"status": ["ABORTED", "FAILED"]}]
        pattern = {
            "source": ["aws.backup"],
            "detail-type": [f"{kind} Job State Change" for kind in ("Backup", "Copy", "Restore")],
            "detail": {"iamRoleArn": [role.arn for role in roles], "$or": ended},
        }
        rule = aws.cloudwatch.EventRule(
            PAGE,
            name=f"{args.stack}-{PAGE}",
            description=f"A job of AWS Backup failed. What to do: {args.runbooks}/{PAGE}.md",
            event_pattern=Output.json_dumps(pattern),
            region=args.region,
            opts=self._own,
        )
        text = f"{args.stack}: <kind> at <time>: a job of AWS Backup failed. What to do: {args.runbooks}/{PAGE}.md"
        aws.cloudwatch.EventTarget(
            PAGE,
            rule=rule.name,
            arn=args.topic.arn,
            # A template that is text must stand in quotes, and becomes one line.
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths={"kind": "$.detail-type", "time": "$.time"}, input_template=f'"{text}"'
            ),
            region=args.region,
            opts=self._own,
        )


def _rule(rule: RuleOf, here: aws.backup.Vault, there: aws.backup.Vault | None) -> aws.backup.PlanRuleArgs:
    cold = rule.cold_days or None
    copy = None
    if there is not None:
        kept = aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=rule.copy_days, cold_storage_after=cold)
        copy = [aws.backup.PlanRuleCopyActionArgs(destination_vault_arn=there.arn, lifecycle=kept)]
    return aws.backup.PlanRuleArgs(
        rule_name=rule.name,
        target_vault_name=here.name,
        schedule=rule.schedule,
        start_window=START_MINUTES,
        completion_window=_COMPLETE_MINUTES,
        lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=rule.days, cold_storage_after=cold),
        copy_actions=copy,
    )
