"""The tables are backed up into a locked vault and copied away, by roles that may do that and nothing else."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from components.backup_rights import EVERYWHERE
from components.backup_vault import NOT_BACKED_UP, BackupVault, BackupVaultArgs, rules_of
from components.refs import TableRef
from components.settings.vault import LEAST_COLD_DAYS
from components.settings.vault import Vault as Limits
from components.vaults import PAGE, CopyPlace
from functions.engine.errors import ConfigurationError
from tests.components.policies import Request, decide
from tests.components.watched import FAR_KEY, HERE, KEY, STACK, TABLES, THERE, TOPIC, registered
from tests.program.kit import ACCOUNT, Registration

VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
NAMES = {name: f"arn:aws:dynamodb:{HERE}:{ACCOUNT}:table/{STACK}-{name}" for name in TABLES}
DYNAMODB = {"kms:ViaService": f"dynamodb.{HERE}.amazonaws.com"}


def args(**changes: Any) -> BackupVaultArgs:  # noqa: ANN401 - fields of any type
    """Describe a vault with a copy."""
    given: dict[str, Any] = {
        "name": f"{STACK}-vault",
        "stack": STACK,
        "account_id": ACCOUNT,
        "region": HERE,
        "tables": {name: TableRef(f"{STACK}-{name}", arn) for name, arn in NAMES.items()},
        "key": KEY,
        "topic": TOPIC,
        "limits": Limits(),
        "copy": CopyPlace(THERE, FAR_KEY),
    }
    return BackupVaultArgs(**{**given, **changes})


def made(**changes: Any) -> list[Registration]:  # noqa: ANN401 - fields of any type
    """Give what the component registers."""
    return registered(lambda: BackupVault("backup", args(**changes)))


@cache
def usual() -> tuple[Registration, ...]:
    """Give it with all defaults."""
    return tuple(made())


def of(resources: Any, kind: str) -> list[Registration]:  # noqa: ANN401 - a list or a tuple
    """Give those of a type."""
    return [item for item in resources if item.type == kind]


def one(kind: str) -> dict[str, Any]:
    """Give the inputs of the only one of a type."""
    (found,) = of(usual(), kind)
    return found.inputs


def statements(role: str) -> list[dict[str, Any]]:
    """Give what a role may."""
    (found,) = [item for item in of(usual(), "aws:iam/rolePolicy:RolePolicy") if item.name == f"backup-{role}"]
    document: dict[str, Any] = json.loads(found.inputs["policy"])
    return list(document["Statement"])


def test_vaults_are_locked_and_encrypted_with_the_key_of_their_region() -> None:
    """One here, one in the second region, and neither gives anything away before the shortest rule ends."""
    vaults = {item.inputs["region"]: item for item in of(usual(), VAULT)}
    assert {region: item.inputs["kmsKeyArn"] for region, item in vaults.items()} == {HERE: KEY.arn, THERE: FAR_KEY.arn}
    assert all(item.protect and item.retain and "forceDestroy" not in item.inputs for item in vaults.values())
    locks = {item.inputs["region"]: item.inputs for item in of(usual(), LOCK)}
    assert {region: lock["minRetentionDays"] for region, lock in locks.items()} == {HERE: 35, THERE: 70}
    assert not any("changeableForDays" in lock for lock in locks.values()), "GOVERNANCE can be lifted"


def test_a_lock_that_nobody_lifts_has_days_of_grace() -> None:
    """In COMPLIANCE; a mistake in the first days can still be undone."""
    locks = of(made(compliance=True, limits=Limits(grace_days=5)), LOCK)
    assert [lock.inputs["changeableForDays"] for lock in locks] == [5, 5]


def test_what_can_be_lost_leaves_nothing_behind() -> None:
    """A stack that is destroyed takes its recovery points with it; without a second region there is no copy."""
    resources = made(protect=False, copy=None)
    (vault,) = of(resources, VAULT)
    assert vault.inputs["forceDestroy"] is True
    assert not vault.protect
    (plan,) = of(resources, "aws:backup/plan:Plan")
    assert all(not rule.get("copyActions") for rule in plan.inputs["rules"])


def test_the_plan_is_one_that_aws_backup_takes() -> None:
    """Daily, weekly, monthly; what goes cold stays there for its 90 days, here and in the second region."""
    rules = {rule["ruleName"]: rule for rule in one("aws:backup/plan:Plan")["rules"]}
    assert {name: rule["lifecycle"]["deleteAfter"] for name, rule in rules.items()} == {
        "daily": 35,
        "weekly": 90,
        "monthly": 1_825,
    }
    for rule in rules.values():
        (copy,) = rule["copyActions"]
        assert THERE in copy["destinationVaultArn"]
        for lifecycle in (rule["lifecycle"], copy["lifecycle"]):
            cold = lifecycle.get("coldStorageAfter", 0)
            assert not cold or lifecycle["deleteAfter"] >= cold + LEAST_COLD_DAYS
        assert rule["startWindow"] >= 60
        assert rule["completionWindow"] >= rule["startWindow"] + 60
    assert rules["daily"]["copyActions"][0]["lifecycle"]["deleteAfter"] == 70
    assert rules["monthly"]["lifecycle"]["coldStorageAfter"] == 90


def test_a_rule_that_keeps_nothing_is_left_out() -> None:
    """AWS Backup would keep for ever what has no end."""
    assert [rule.name for rule in rules_of(Limits(weekly_days=0, monthly_days=0))] == ["daily"]
    assert all(rule.days and rule.copy_days for rule in rules_of(Limits()))


def test_everything_that_the_packs_do_not_give_back_is_backed_up_and_tried() -> None:
    """All tables but the dedup index, by the plan and by the restore test."""
    wanted = sorted(arn for name, arn in NAMES.items() if name not in NOT_BACKED_UP)
    assert sorted(one("aws:backup/selection:Selection")["resources"]) == wanted
    tried = one("aws:backup/restoreTestingSelection:RestoreTestingSelection")
    assert sorted(tried["protectedResourceArns"]) == wanted
    assert tried["restoreMetadataOverrides"] == {"encryptionType": "KMS", "kmsMasterKeyArn": KEY.arn}
    assert {"dedup"} == NOT_BACKED_UP


def test_the_restore_test_is_named_as_aws_backup_wants_it() -> None:
    """Letters, digits and underscores; it tries what is still there."""
    plan = one("aws:backup/restoreTestingPlan:RestoreTestingPlan")
    assert plan["name"].replace("_", "").isalnum()
    assert len(plan["name"]) <= 50
    assert plan["recoveryPointSelection"]["selectionWindowDays"] <= Limits().daily_days


def test_the_role_that_backs_up_reads_these_tables_and_writes_into_these_vaults() -> None:
    """It neither writes items nor deletes a backup, and uses keys through DynamoDB only."""
    role = statements("backup")
    allowed = [
        Request("dynamodb:StartAwsBackupJob", NAMES["runs"]),
        Request("backup:CopyIntoBackupVault", f"arn:aws:backup:{THERE}:{ACCOUNT}:{STACK}-vault"),
        Request("backup:CopyFromBackupVault", f"arn:aws:backup:{HERE}:{ACCOUNT}:recovery-point:1b2c"),
        Request("kms:GenerateDataKey", str(KEY.arn), context=DYNAMODB),
        Request("kms:CreateGrant", str(FAR_KEY.arn), context={"kms:GrantIsForAWSResource": "true"}),
        Request("tag:GetResources", "*"),
    ]
    refused = [
        Request("dynamodb:StartAwsBackupJob", NAMES["dedup"]),
        Request("dynamodb:PutItem", NAMES["runs"]),
        Request("dynamodb:Scan", NAMES["runs"]),
        Request("backup:DeleteRecoveryPoint", f"arn:aws:backup:{HERE}:{ACCOUNT}:recovery-point:1b2c"),
        Request("backup:CopyIntoBackupVault", f"arn:aws:backup:{THERE}:{ACCOUNT}:other-vault"),
        Request("kms:Decrypt", str(KEY.arn)),
        Request("kms:CreateGrant", str(KEY.arn), context={"kms:GrantIsForAWSResource": "false"}),
    ]
    assert [decide(role, request) for request in allowed] == ["allowed"] * len(allowed)
    assert [decide(role, request) for request in refused] == ["not allowed"] * len(refused)
    assert {action for rule in role if rule["Resource"] == ["*"] for action in rule["Action"]} == set(EVERYWHERE)


def test_the_role_that_restores_writes_into_no_table_that_is_in_use() -> None:
    """Into those of a test, and into those that people restore beside the others, here or from the copy there."""
    role = statements("restore")
    start = f"arn:aws:dynamodb:{HERE}:{ACCOUNT}:table"
    for table in ("awsbackup-restore-test-1b2c", f"{STACK}-restored-runs"):
        assert decide(role, Request("dynamodb:RestoreTableFromAwsBackup", f"{start}/{table}")) == "allowed"
        assert decide(role, Request("dynamodb:BatchWriteItem", f"{start}/{table}")) == "allowed"
        assert decide(role, Request("dynamodb:DeleteTable", f"{start}/{table}")) == "not allowed"
    there = f"arn:aws:dynamodb:{THERE}:{ACCOUNT}:table"
    assert decide(role, Request("dynamodb:RestoreTableFromAwsBackup", f"{there}/{STACK}-restored-runs")) == "allowed"
    assert decide(role, Request("kms:Decrypt", str(FAR_KEY.arn), context=DYNAMODB)) == "allowed"
    assert decide(role, Request("dynamodb:PutItem", f"{there}/{STACK}-runs")) == "not allowed"
    for action in ("dynamodb:PutItem", "dynamodb:RestoreTableFromAwsBackup"):
        assert all(decide(role, Request(action, arn)) == "not allowed" for arn in NAMES.values())


def test_only_aws_backup_of_this_account_takes_on_the_roles() -> None:
    """Nobody else, and not for somebody else's account."""
    for role in of(usual(), "aws:iam/role:Role"):
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Principal"] == {"Service": "backup.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_every_job_that_fails_is_told() -> None:
    """Copies and restores too: a restore says `status` where the others say `state`."""
    rule = one("aws:cloudwatch/eventRule:EventRule")
    pattern = json.loads(rule["eventPattern"])
    assert {name.partition(" ")[0] for name in pattern["detail-type"]} == {"Backup", "Copy", "Restore"}
    roles = [item.name for item in of(usual(), "aws:iam/role:Role")]
    assert [arn.rpartition(":")[2] for arn in pattern["detail"]["iamRoleArn"]] == roles
    assert all("FAILED" in next(iter(ended.values())) for ended in pattern["detail"]["$or"])
    assert {key for ended in pattern["detail"]["$or"] for key in ended} == {"state", "status"}
    target = one("aws:cloudwatch/eventTarget:EventTarget")
    assert target["arn"] == TOPIC.arn
    template = json.loads(target["inputTransformer"]["inputTemplate"])
    assert f"docs/runbooks/{PAGE}.md" in template
    assert {word.partition(">")[0] for word in template.split("<")[1:]} == set(target["inputTransformer"]["inputPaths"])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"tables": {"dedup": TableRef("dedup", NAMES["dedup"])}}, "no tables to back up"),
        ({"copy": CopyPlace(HERE, KEY)}, "to itself"),
    ],
)
def test_a_vault_that_would_be_useless_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Before anything is registered."""
    with pytest.raises(ConfigurationError, match=problem):
        args(**changes)
