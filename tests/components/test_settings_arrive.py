"""What a stack's file says is in what the program makes: each value here differs from its default."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest

from functions.contract.object_keys import (
    HOLD_RELEASED_NAME,
    HOLD_SET_NAME,
    ORDER_NAME,
    PLAN_NAME,
    collection_key,
    commit_key,
    erasure_key,
    hold_key,
    pack_key,
    plan_part_key,
    write_off_key,
)
from functions.contract.rights import BY_QUEUE, RIGHTS
from tests.program.kit import Program, Registration, recorded, run

BREAK_GLASS = "arn:aws:iam::123456789012:role/emergency"
EXPIRER = "arn:aws:iam::123456789012:role/expirer"
COLLECTOR = "arn:aws:iam::123456789012:role/strongroom-prod-collector-*"
CHANGES: dict[str, dict[str, Any]] = {
    "strongroom:access": {
        "trustedAccounts": ["210987654321"],
        "breakGlassRoles": [BREAK_GLASS],
        "expirerRoles": [EXPIRER],
    },
    "strongroom:retention": {
        "auditDays": 400,
        "auditLockDays": 300,
        "lockMode": "COMPLIANCE",
        "lockDays": 21,
        "days": 40,
        "daily": 45,
        "monthly": 12,
        "expireShare": 0.25,
    },
    "strongroom:verification": {"samplePercent": 2.5, "drillsADay": 7, "drillCoverageDays": 60},
    "strongroom:workers": {"concurrency": 20, "priorityConcurrency": 3, "restoreConcurrency": 4, "eventConcurrency": 2},
    "strongroom:vault": {"sources": True},
    "strongroom:budget": {"warnPercent": 66},
}
HOLDS_BACKUPS = ("primary", "replica")
EVERY_KIND = (*HOLDS_BACKUPS, "scratch", "logs", "trail")


@cache
def _program() -> Program:
    return run("prod", changes=CHANGES)


def _of(kind: str, bucket: str) -> list[Registration]:
    """Give the settings of buckets of one kind."""
    found = _program().of(f"aws:s3/bucket{kind}:Bucket{kind}")
    return [item for item in found if f"-{bucket}-" in item.inputs["bucket"]]


def _unless(bucket: str, sid: str) -> list[object]:
    """Give who is left out of a denial in the policies of a kind of bucket."""
    statements = [json.loads(item.inputs["policy"])["Statement"] for item in _of("Policy", bucket)]
    assert statements
    return [
        statement.get("Condition", {}).get("ArnNotEquals", {}).get("aws:PrincipalArn")
        for policy in statements
        for statement in policy
        if statement["Sid"] == sid
    ]


@pytest.mark.parametrize("bucket", EVERY_KIND)
def test_only_the_break_glass_role_may_delete_from_any_bucket(bucket: str) -> None:
    """Also from those with the proof of it."""
    assert {str(found) for found in _unless(bucket, "NoDeletes")} == {str([BREAK_GLASS])}


def test_only_collectors_and_those_that_are_named_may_tag_backups() -> None:
    """Who deletes in an emergency does not tag, and the other way round. The copy: by who takes it over."""
    assert _unless("primary", "NoTagging") == [[COLLECTOR, EXPIRER]]
    assert _unless("replica", "NoTagging") == [[EXPIRER, COLLECTOR.replace("prod", "prod-west")]]


@pytest.mark.parametrize("bucket", HOLDS_BACKUPS)
def test_what_lets_backups_go_is_written_by_those_that_are_named(bucket: str) -> None:
    """Orders, releases of holds, and plans. A hold only keeps: whoever may write may set one."""
    (policy,) = _of("Policy", bucket)
    statements = json.loads(policy.inputs["policy"])["Statement"]
    (orders,) = [item["Resource"] for item in statements if item["Sid"] == "NoOrders"]
    who = ("reports", "alice", "20261120T020000Z-1f3a9c20")
    ordered = [
        erasure_key(*who, ORDER_NAME),
        write_off_key(*who),
        hold_key(*who, HOLD_RELEASED_NAME),
        collection_key(who[2], PLAN_NAME),
        plan_part_key(who[2], 0),
    ]
    free = [hold_key(*who, HOLD_SET_NAME), commit_key(*who), pack_key("0" * 32)]
    bucket_arn = orders[0].partition("/")[0]
    refused = [key for key in ordered + free if any(fnmatch(f"{bucket_arn}/{key}", pattern) for pattern in orders)]
    assert refused == ordered


def test_only_those_that_are_named_may_order_an_erasure() -> None:
    """One such object lets go of all that a user has. The collector's own rights reach no order."""
    assert _unless("primary", "NoOrders") == [[COLLECTOR, EXPIRER]]
    assert _unless("replica", "NoOrders") == [[EXPIRER, COLLECTOR.replace("prod", "prod-west")]]
    written = {right.resource for right in RIGHTS["collector"] if "s3:PutObject" in right.actions}
    assert written == {"repository_backups", "repository_plans"}


@pytest.mark.parametrize("bucket", HOLDS_BACKUPS)
def test_only_the_break_glass_role_may_write_over_what_is_there(bucket: str) -> None:
    """It repairs."""
    assert _unless(bucket, "NoOverwrites") == [[BREAK_GLASS]]


def test_the_collector_keeps_and_locks_what_the_stack_names() -> None:
    """Counts that are off are not written: an environment holds no zero."""
    (collector,) = [
        item for item in _program().of("aws:lambda/function:Function") if item.inputs["name"].endswith("-collector")
    ]
    variables = collector.inputs["environment"]["variables"]
    names = ("RETENTION_DAYS", "KEEP_DAILY", "KEEP_WEEKLY", "KEEP_MONTHLY", "KEEP_YEARLY", "EXPIRE_SHARE", "LOCK_DAYS")
    assert [variables.get(name) for name in names] == ["40", "45", None, "12", None, "0.25", "21"]


def test_the_catalog_knows_a_backup_for_as_long_as_any_rule_may_keep_it() -> None:
    """Twelve months are the longest here; and until the collections have let go of it."""
    (worker,) = [
        item for item in _program().of("aws:lambda/function:Function") if item.inputs["name"].endswith("prod-worker")
    ]
    assert worker.inputs["environment"]["variables"]["CATALOG_DAYS"] == str(12 * 31 + 5)


def test_access_logs_and_trail_are_kept_as_long_as_the_audit_asks() -> None:
    """In both regions."""
    kept = [
        (item.inputs["bucket"].split("-")[2], item.inputs["rules"][0]["expiration"]["days"])
        for bucket in ("logs", "trail")
        for item in _of("LifecycleConfiguration", bucket)
    ]
    assert kept == [("logs", 400), ("logs", 400), ("trail", 400)]


def test_files_of_the_trail_are_locked_and_access_logs_are_not() -> None:
    """S3 delivers no access logs into a bucket with Object Lock."""
    (lock,) = _of("ObjectLockConfiguration", "trail")
    assert lock.inputs["rule"]["defaultRetention"] == {"mode": "COMPLIANCE", "days": 300}
    assert _of("ObjectLockConfiguration", "logs") == []


def test_access_logs_are_taken_of_buckets_that_exist() -> None:
    """Each bucket of logs names those of its own region."""
    names = {f"arn:aws:s3:::{item.inputs['bucket']}" for item in _program().of("aws:s3/bucket:Bucket")}
    for item in _of("Policy", "logs"):
        (delivery,) = [each for each in json.loads(item.inputs["policy"])["Statement"] if each["Sid"] == "AccessLogs"]
        assert set(delivery["Condition"]["ArnEquals"]["aws:SourceArn"]) <= names


def test_functions_keep_the_executions_that_the_stack_names() -> None:
    """As many as the queues of a function may call at once; the others a fixed number each."""
    kept = {
        item.inputs["handler"].split(".")[2]: item.inputs["reservedConcurrentExecutions"]
        for item in _program().of("aws:lambda/function:Function")
    }
    assert (kept["worker"], kept["restore_worker"]) == (23, 4)
    assert {kept[function] for function in kept.keys() - BY_QUEUE} == {2}


def test_the_verifier_proves_as_much_as_the_stack_names() -> None:
    """And keeps its proofs as long as the audit."""
    (verifier,) = [
        item for item in _program().of("aws:lambda/function:Function") if item.inputs["name"].endswith("-verifier")
    ]
    variables = verifier.inputs["environment"]["variables"]
    names = ("SAMPLE_PERCENT", "DRILLS_A_DAY", "DRILL_COVERAGE_DAYS", "DRILLS_KEPT_DAYS")
    assert [variables[name] for name in names] == ["2.5", "7", "60", "400"]


def test_the_budget_counts_this_stack_only_and_tells_early() -> None:
    """By a tag that no other system carries."""
    (budget,) = _program().of("aws:budgets/budget:Budget")
    assert budget.inputs["costFilters"] == [{"name": "TagKeyValue", "values": ["user:Stack$strongroom-prod"]}]
    assert [item["threshold"] for item in budget.inputs["notifications"]] == [66, 100, 100]


def test_logs_of_access_do_not_claim_a_key_of_the_customer() -> None:
    """Tags are true of the resource that carries them."""
    claimed = {
        item.inputs["bucket"].split("-")[2]: item.inputs["tags"]["Encryption"]
        for item in _program().of("aws:s3/bucket:Bucket")
    }
    assert claimed.pop("logs") == "S3Managed"
    assert set(claimed.values()) == {"CustomerManaged"}


def test_a_stack_exports_the_role_of_trusted_accounts_and_the_id_of_the_key() -> None:
    """What the systems before exported by these names, and what a restore from outside needs."""
    outputs = _program().outputs
    assert outputs["RestoreRoleArn"]
    before = {"BackupBucketName", "ReplicationBucketName", "EncryptionKeyId", "MetadataTableName", "DashboardURL"}
    before |= {"DeduplicationTableName", "NotificationTopicArn", "BackupQueueUrl", "SystemCapabilities"}
    before |= {"Environment", "DriftDetectionCommand"}
    assert before <= outputs.keys()


def test_sources_are_backed_up_by_aws_backup_where_the_stack_says_so() -> None:
    """Each bucket, for the days of the repository, in vaults that are locked as it is and have alarms of their own."""
    program = _program()
    (plan,) = [item for item in program.of("aws:backup/plan:Plan") if item.name == "source-plan"]
    (rule,) = plan.inputs["rules"]
    assert (rule["targetVaultName"], rule["lifecycle"]) == ("strongroom-prod-source-vault", {"deleteAfter": 40})
    (chosen,) = [item for item in program.of("aws:backup/selection:Selection") if item.name == "sources"]
    assert chosen.inputs["resources"] == ["arn:aws:s3:::acme-client-reports"]
    locks = program.of("aws:backup/vaultLockConfiguration:VaultLockConfiguration")
    found = {item.name: (item.inputs["minRetentionDays"], item.inputs["changeableForDays"]) for item in locks}
    assert found["source-vault-lock"] == found["source-vault-copy-lock"] == (21, 3)
    watched = [item.name for item in program.of("aws:cloudwatch/metricAlarm:MetricAlarm") if "vault" in item.name]
    assert sorted(watched) == ["vault-failed", "vault-failed-sources", "vault-silent", "vault-silent-sources"]
    assert {item.inputs["tags"]["Stack"] for item in program.of("aws:backup/vault:Vault")} == {"strongroom-prod"}


@pytest.mark.parametrize("stack", ["prod", "dev", "local", "prod-recovery"])
def test_sources_are_left_to_the_repository_where_it_says_nothing(stack: str) -> None:
    """No vault, role, rule or alarm more."""
    off = [item for item in recorded(stack).resources if item.type.startswith(("aws:backup/", "aws:cloudwatch/"))]
    assert [item.name for item in off if "source-" in item.name or item.name.endswith("-sources")] == []
    assert not recorded(stack).of("strongroom:index:SourceVault")
    on, extra = _program(), {item.urn for item in _program().resources if "SourceVault" in item.urn}
    assert len(extra) == len(on.of("strongroom:index:SourceVault")) + 12
