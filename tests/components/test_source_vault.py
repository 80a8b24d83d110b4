"""Sources are backed up only where somebody asks for it, into vaults of their own, by roles that reach nothing else."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from components.alarm_list import alarm_list
from components.backup_rights import EVERYWHERE_FOR_BUCKETS
from components.refs import KeyRef
from components.settings.vault import Vault as Limits
from components.settings.watching import Alarms
from components.source_vault import COMPLETE_MINUTES, START_MINUTES, SourceVault, SourceVaultArgs
from components.vaults import INCOMPLETE, CopyPlace
from functions.engine.errors import ConfigurationError
from policies.model import Resource, Stack
from tests.components.policies import Request, decide
from tests.components.watched import FAR_KEY, HERE, KEY, STACK, THERE, TOPIC, registered, watched
from tests.policies.kit import judged_all
from tests.program.kit import ACCOUNT, Registration

BUCKETS = ("acme-reports", "acme-mail")
SOURCE_KEY = f"arn:aws:kms:{HERE}:{ACCOUNT}:key/source"
RESTORED = f"{STACK}-restored-"
MINE = {"aws:ResourceAccount": ACCOUNT}
S3 = {"kms:ViaService": f"s3.{HERE}.amazonaws.com"}
RULE = f"arn:aws:events:{HERE}:{ACCOUNT}:rule/AwsBackupManagedRule-1b2c"
POINT = f"arn:aws:backup:{HERE}:{ACCOUNT}:recovery-point:1b2c"


def args(**changes: Any) -> SourceVaultArgs:  # noqa: ANN401 - fields of any type
    """Describe two buckets, of which one has a key of its own, and a copy."""
    given: dict[str, Any] = {
        "name": f"{STACK}-source-vault",
        "stack": STACK,
        "account_id": ACCOUNT,
        "region": HERE,
        "buckets": BUCKETS,
        "bucket_keys": (KeyRef(SOURCE_KEY),),
        "days": 60,
        "lock_days": 30,
        "restored": RESTORED,
        "key": KEY,
        "topic": TOPIC,
        "limits": Limits(),
        "copy": CopyPlace(THERE, FAR_KEY),
    }
    return SourceVaultArgs(**{**given, **changes})


def made(**changes: Any) -> list[Registration]:  # noqa: ANN401 - fields of any type
    """Give what the component registers."""
    return registered(lambda: SourceVault("sources", args(**changes)))


@cache
def usual() -> tuple[Registration, ...]:
    """Give it with a copy and a key."""
    return tuple(made())


def of(resources: Any, kind: str) -> list[Registration]:  # noqa: ANN401 - a list or a tuple
    """Give those of a type, by what comes after the last colon."""
    return [item for item in resources if item.type.rpartition(":")[2] == kind]


def one(kind: str) -> dict[str, Any]:
    """Give the inputs of the only one of a type."""
    (found,) = of(usual(), kind)
    return found.inputs


def statements(role: str, resources: Any = None) -> list[dict[str, Any]]:  # noqa: ANN401 - a list or a tuple
    """Give what a role may."""
    found = of(usual() if resources is None else resources, "RolePolicy")
    (policy,) = [item for item in found if item.name == f"sources-{role}"]
    return list(json.loads(policy.inputs["policy"])["Statement"])


def test_this_is_all_that_it_makes() -> None:
    """Two vaults with their locks, a plan, a selection, two roles, and a rule that tells. No restore test."""
    assert sorted((item.type.partition("/")[2].partition(":")[0], item.name) for item in usual()) == [
        ("", "sources"),
        ("eventRule", "vault-failed-sources"),
        ("eventTarget", "vault-failed-sources"),
        ("plan", "source-plan"),
        ("role", "sources-backup"),
        ("role", "sources-restore"),
        ("rolePolicy", "sources-backup"),
        ("rolePolicy", "sources-restore"),
        ("selection", "sources"),
        ("vault", "source-vault"),
        ("vault", "source-vault-copy"),
        ("vaultLockConfiguration", "source-vault-copy-lock"),
        ("vaultLockConfiguration", "source-vault-lock"),
    ]


def test_vaults_are_locked_as_the_repository_is() -> None:
    """Each under the key of its region. What is kept can be shortened to the days of the repository's lock."""
    vaults = {item.inputs["region"]: item for item in of(usual(), "Vault")}
    assert {region: item.inputs["kmsKeyArn"] for region, item in vaults.items()} == {HERE: KEY.arn, THERE: FAR_KEY.arn}
    assert all(item.protect and item.retain and "forceDestroy" not in item.inputs for item in vaults.values())
    assert {lock.inputs["minRetentionDays"] for lock in of(usual(), "VaultLockConfiguration")} == {30}
    locks = of(made(compliance=True, limits=Limits(grace_days=5)), "VaultLockConfiguration")
    assert [lock.inputs["changeableForDays"] for lock in locks] == [5, 5]


def test_the_plan_is_one_that_aws_backup_takes_for_buckets() -> None:
    """One periodic rule without cold storage, as long in both regions, with AWS's own windows: no other overlaps it."""
    (rule,) = one("Plan")["rules"]
    (copy,) = rule["copyActions"]
    assert rule["lifecycle"] == copy["lifecycle"] == {"deleteAfter": 60}
    assert THERE in copy["destinationVaultArn"]
    assert not rule.get("enableContinuousBackup")
    assert (rule["startWindow"], rule["completionWindow"]) == (START_MINUTES, COMPLETE_MINUTES) == (480, 10_080)


def test_each_bucket_is_selected_by_its_name() -> None:
    """Never by tags or patterns: a plan that takes what it finds is paid for."""
    selection = one("Selection")
    assert selection["resources"] == [f"arn:aws:s3:::{bucket}" for bucket in BUCKETS]
    assert not {"selectionTags", "notResources", "conditions"} & selection.keys()


def test_without_a_second_region_nothing_is_copied_nor_left_behind() -> None:
    """As for the tables."""
    resources = made(copy=None, protect=False)
    (vault,) = of(resources, "Vault")
    assert vault.inputs["forceDestroy"] is True
    (plan,) = of(resources, "Plan")
    assert all(not rule.get("copyActions") for rule in plan.inputs["rules"])
    assert str(FAR_KEY.arn) not in json.dumps(statements("backup", resources) + statements("restore", resources))


def test_the_role_that_backs_up_reads_these_buckets_and_changes_nothing_in_them() -> None:
    """It has S3 tell AWS Backup's own rules of changes; keys it uses through S3 only."""
    role = statements("backup")
    reports = "arn:aws:s3:::acme-reports"
    allowed = [
        Request("s3:ListBucketVersions", reports, context=MINE),
        Request("s3:PutBucketNotification", reports, context=MINE),
        Request("s3:PutInventoryConfiguration", reports, context=MINE),
        Request("s3:GetObjectVersion", f"{reports}/clients/alice/a.txt", context=MINE),
        Request("kms:Decrypt", SOURCE_KEY, context=S3),
        Request("events:PutRule", RULE),
        Request("backup:CopyIntoBackupVault", f"arn:aws:backup:{THERE}:{ACCOUNT}:{STACK}-source-vault"),
        Request("backup:CopyFromBackupVault", POINT),
        Request("backup:TagResource", POINT),
        Request("kms:CreateGrant", str(FAR_KEY.arn), context={"kms:GrantIsForAWSResource": "true"}),
        *(Request(action, "*") for action in EVERYWHERE_FOR_BUCKETS),
    ]
    refused = [
        Request("s3:GetObject", f"{reports}/a.txt", context={"aws:ResourceAccount": "210987654321"}),
        Request("s3:GetObject", "arn:aws:s3:::acme-reports-drafts/a.txt", context=MINE),
        Request("s3:GetObject", f"arn:aws:s3:::{STACK}-primary-{ACCOUNT}-{HERE}/packs/a", context=MINE),
        Request("s3:PutObject", f"{reports}/a.txt", context=MINE),
        Request("s3:DeleteObject", f"{reports}/a.txt", context=MINE),
        Request("s3:PutBucketVersioning", reports, context=MINE),
        Request("kms:Decrypt", SOURCE_KEY),
        Request("kms:Decrypt", str(KEY.arn), context=S3),
        Request("events:PutRule", f"arn:aws:events:{HERE}:{ACCOUNT}:rule/{STACK}-vault-failed"),
        Request("backup:CopyIntoBackupVault", f"arn:aws:backup:{HERE}:{ACCOUNT}:{STACK}-vault"),
        Request("backup:DeleteRecoveryPoint", POINT),
        Request("dynamodb:StartAwsBackupJob", f"arn:aws:dynamodb:{HERE}:{ACCOUNT}:table/{STACK}-runs"),
    ]
    assert [decide(role, request) for request in allowed] == ["allowed"] * len(allowed)
    assert [decide(role, request) for request in refused] == ["not allowed"] * len(refused)
    wide = {action for rule in role if rule["Resource"] == ["*"] for action in rule["Action"]}
    asked = {"cloudwatch:GetMetricData", "events:ListRules", "s3:ListAllMyBuckets", "tag:GetResources"}
    assert wide == set(EVERYWHERE_FOR_BUCKETS) == asked


def test_actions_are_those_of_aws_s_own_policy() -> None:
    """AWSBackupServiceRolePolicyForS3Backup, version 4, as the reference of managed policies has it."""
    found = {rule["Sid"]: set(rule["Action"]) for rule in statements("backup")}
    assert found["Buckets"] == {
        *("s3:GetBucketTagging", "s3:GetInventoryConfiguration", "s3:ListBucketVersions", "s3:ListBucket"),
        *("s3:GetBucketVersioning", "s3:GetBucketLocation", "s3:GetBucketAcl", "s3:PutInventoryConfiguration"),
        *("s3:GetBucketNotification", "s3:PutBucketNotification"),
    }
    assert found["Objects"] == {
        *("s3:GetObjectAcl", "s3:GetObject", "s3:GetObjectVersionTagging", "s3:GetObjectVersionAcl"),
        *("s3:GetObjectTagging", "s3:GetObjectVersion"),
    }
    assert found["Changes"] == {
        *("events:DeleteRule", "events:PutTargets", "events:DescribeRule", "events:EnableRule", "events:PutRule"),
        *("events:RemoveTargets", "events:ListTargetsByRule", "events:DisableRule"),
    }


def test_a_source_without_a_key_of_its_own_needs_no_statement_on_keys() -> None:
    """IAM takes no empty list."""
    resources = made(bucket_keys=())
    assert "KeysOfSources" not in {rule["Sid"] for rule in statements("backup", resources)}
    assert all(rule["Resource"] for role in ("backup", "restore") for rule in statements(role, resources))


def test_the_role_that_restores_writes_into_new_buckets_and_deletes_nothing() -> None:
    """By their names; one of those that belongs to somebody else is left alone."""
    role = statements("restore")
    new = f"arn:aws:s3:::{RESTORED}reports"
    allowed = [
        Request("s3:CreateBucket", new),
        Request("s3:PutBucketVersioning", new, context=MINE),
        Request("s3:PutObject", f"{new}/a.txt", context=MINE),
        Request("kms:GenerateDataKey", str(KEY.arn), context=S3),
        Request("kms:Decrypt", SOURCE_KEY, context=S3),
    ]
    refused = [
        *(Request("s3:PutObject", f"arn:aws:s3:::{bucket}/a.txt", context=MINE) for bucket in BUCKETS),
        Request("s3:PutObject", f"{new}/a.txt", context={"aws:ResourceAccount": "210987654321"}),
        Request("s3:PutObject", f"arn:aws:s3:::{STACK}-primary-{ACCOUNT}-{HERE}/packs/a", context=MINE),
        Request("s3:DeleteObject", f"{new}/a.txt", context=MINE),
        Request("s3:DeleteBucket", new, context=MINE),
        Request("s3:CreateBucket", "arn:aws:s3:::anything"),
        Request("kms:GenerateDataKey", str(KEY.arn)),
    ]
    assert [decide(role, request) for request in allowed] == ["allowed"] * len(allowed)
    assert [decide(role, request) for request in refused] == ["not allowed"] * len(refused)
    assert all("*" not in rule["Resource"] for rule in role)


def test_what_was_left_out_is_told_as_well_as_what_failed() -> None:
    """A job that could not decrypt ends well, says so in a message, and holds nothing."""
    pattern = json.loads(one("EventRule")["eventPattern"])
    assert INCOMPLETE in pattern["detail"]["$or"]
    assert [arn.rpartition(":")[2] for arn in pattern["detail"]["iamRoleArn"]] == ["sources-backup", "sources-restore"]
    assert {"FAILED" in ended.get("state", ended.get("status")) for ended in pattern["detail"]["$or"][:2]} == {True}
    assert "left something out" in one("EventTarget")["inputTransformer"]["inputTemplate"]


def test_the_policy_pack_finds_nothing() -> None:
    """Neither an action on everything, nor one that deletes."""
    found = judged_all(Stack(tuple(Resource(item.type, item.name, item.inputs, item.protect) for item in usual())))
    assert [finding for finding in found if finding[1]] == []


def test_tables_do_not_hide_that_no_source_is_backed_up() -> None:
    """Each vault has alarms of its own; without sources there are none but the tables'."""
    found = {alarm.name: alarm for alarm in alarm_list(watched(), Alarms()) if alarm.page.startswith("vault-")}
    assert found.keys() == {"vault-failed", "vault-failed-sources", "vault-silent", "vault-silent-sources"}
    for name, alarm in found.items():
        vault = f"{STACK}-source-vault" if name.endswith("-sources") else f"{STACK}-vault"
        assert {series.dimensions["BackupVaultName"] for series in alarm.series} == {vault}
    assert (found["vault-silent"].periods, found["vault-silent-sources"].periods) == (26, 52)
    longest = {alarm.name: alarm.periods for alarm in alarm_list(watched(), Alarms(silence_hours=168))}
    assert longest["vault-silent-sources"] == 168


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"buckets": ()}, "has no buckets"),
        ({"buckets": ("acme-reports", f"{RESTORED}reports")}, f"no bucket whose name begins with {RESTORED}"),
        ({"days": 29}, "locked for 30 days and keeps 29"),
        ({"copy": CopyPlace(HERE, KEY)}, "to itself"),
    ],
)
def test_a_vault_that_would_be_useless_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Before anything is registered."""
    with pytest.raises(ConfigurationError, match=problem):
        args(**changes)
