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
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.backup_rights import TEST_TABLES, backup_statements, restore_statements
from components.refs import KeyRef, TableRef, TopicRef
from components.rights_policy import Statement
from components.settings import Names, Settings
from components.settings.vault import Vault as Limits
from components.storage import Storage
from components.vaults import (
    PAGE,
    CopyPlace,
    RuleOf,
    Vaults,
    VaultsArgs,
    locked_vaults,
    plan_of,
    role_for,
    selection_of,
    tell_failures,
)
from functions.engine.errors import ConfigurationError

NOT_BACKED_UP: Final = frozenset({"dedup"})
_TEST_START_HOURS: Final = 1
_LOOK_HOURS: Final = 4
"""How long a restored table stays for people to look at."""
_LONGEST_SELECTION: Final = 365


@dataclass(frozen=True, kw_only=True)
class BackupVaultArgs(VaultsArgs):
    """Which tables are backed up. `name` also begins the names of the rule and of restored tables."""

    tables: Mapping[str, TableRef]
    table_keys: tuple[KeyRef, ...] = ()
    """Keys of tables that were taken over from another stack."""

    def __post_init__(self) -> None:
        """Refuse a vault without anything in it, and a copy into the same region."""
        super().__post_init__()
        if not self.tables.keys() - NOT_BACKED_UP:
            raise ConfigurationError(f"vault {self.name} has no tables to back up")


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
    """Give the rules of the plan, all at one hour, so that each table is read once.

    A rule that is to keep nothing is left out.
    """
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
        self._args, self._own = args, ResourceOptions(parent=self)
        rules = rules_of(args.limits)
        least, least_copy = min(rule.days for rule in rules), min(rule.copy_days for rule in rules)
        vaults = locked_vaults("vault", args, least, least_copy, self._own)
        self._tables = {table: ref for table, ref in args.tables.items() if table not in NOT_BACKED_UP}
        rights = self._backup_rights(vaults)
        backup = role_for(f"{name}-backup", "Backs up the tables", rights, args, self._own)
        rights = restore_statements(self._restored(), self._keys())
        restore = role_for(f"{name}-restore", "Restores tables", rights, args, self._own)
        plan = plan_of("plan", args, rules, vaults, self._own)
        selection_of("tables", plan, backup, [table.arn for table in self._tables.values()], args, self._own)
        self._restore_test(vaults.here, restore)
        tell_failures(PAGE, [backup, restore], args, self._own)
        self.name = vaults.here.name
        self.register_outputs({"name": vaults.here.name})

    def _backup_rights(self, vaults: Vaults) -> list[Statement]:
        return backup_statements(
            tables=[table.arn for table in self._tables.values()],
            vaults=[vault.arn for vault in vaults if vault is not None],
            keys=self._keys(),
            points=self._args.points,
        )

    def _restored(self) -> list[str]:
        """Give what tables may be restored into: in the second region by people only, from the copy there."""
        args, by_people = self._args, f"table/{self._args.stack}-restored-*"
        tests = args.arn("dynamodb", f"table/{TEST_TABLES}")
        return [tests, *(args.arn("dynamodb", by_people, region) for region in args.regions)]

    def _keys(self) -> list[Output[str]]:
        here, *there = self._args.vault_keys
        return [here, *(Output.from_input(key.arn) for key in self._args.table_keys), *there]

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
