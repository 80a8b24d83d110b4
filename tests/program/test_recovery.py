"""The stack that takes over the replica of another one: what it makes, what it leaves alone, and what it may."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from cli.outputs import parse_outputs
from tests.components.policies import Request, decide
from tests.program.kit import ACCOUNT, Program, Registration, read_config, recorded, run
from tests.program.reading import BUCKET, FUNCTION, KEY, ROLE, ROLE_POLICY, TABLE, keys, policy_of
from tests.program.test_names import EVERYWHERE, places

STACK = "prod-recovery"
HERE, LOST, THIRD = "us-west-2", "us-east-1", "us-east-2"
REPLICA = f"strongroom-prod-replica-{ACCOUNT}-{HERE}"
KEY_ARN = json.loads(read_config(STACK)["strongroom:promote"])["keyArn"]
COPIED = {"backups", "runs", "users", "restores", "drills"}
COLLECTOR = f"arn:aws:iam::{ACCOUNT}:role/strongroom-prod-west-collector-1a2b3c4"


@cache
def takes_over(*, tables: bool) -> Program:
    """Run the program of the promoted stack, with the copied tables or with tables of its own."""
    promote = {"environment": "prod", "keyArn": KEY_ARN, "tables": tables}
    return run(STACK, changes={"strongroom:promote": promote, "strongroom:schedules": {"paused": False}})


def variables(program: Program) -> dict[str, dict[str, str]]:
    """Give the environment of each function by the name of its module."""
    return {
        item.inputs["handler"].split(".")[-2]: item.inputs["environment"]["variables"] for item in program.of(FUNCTION)
    }


def rights(program: Program) -> dict[str, list[dict[str, Any]]]:
    """Give the statements of each function's role by the name of its module."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in program.of(ROLE_POLICY):
        name = re.sub(r"^functions-|-rights$|-role$", "", item.name).replace("-", "_")
        found.setdefault(name, []).extend(json.loads(item.inputs["policy"])["Statement"])
    return found


def test_no_repository_is_made_and_nothing_of_the_replica_is_changed() -> None:
    """No bucket of that name, no key, and of its settings only the rule that copies it on."""
    program = takes_over(tables=True)
    assert f"strongroom-prod-west-primary-{ACCOUNT}-{HERE}" not in json.dumps(
        [item.inputs for item in program.resources]
    )
    about = {item.type for item in program.resources if item.inputs.get("bucket") == REPLICA}
    assert about == {"aws:s3/bucketReplicationConfig:BucketReplicationConfig"}
    assert {item.inputs["bucket"].split("-")[3] for item in program.of(BUCKET)} == {
        "scratch",
        "logs",
        "trail",
        "replica",
    }
    assert len(program.of(KEY)) == 2


def test_functions_work_on_the_replica_and_on_the_copied_tables() -> None:
    """But for the dedup index: it may name packs that have not arrived."""
    program = takes_over(tables=True)
    worker = variables(program)["worker"]
    assert worker["REPOSITORY_BUCKET"] == REPLICA
    assert {table for table in COPIED if worker.get(f"{table.upper()}_TABLE") == f"strongroom-prod-{table}"} == {
        "backups",
        "runs",
        "users",
    }
    assert worker["DEDUP_TABLE"] == "strongroom-prod-west-dedup"
    assert [item.inputs["name"] for item in program.of(TABLE)] == ["strongroom-prod-west-dedup"]
    assert program.outputs["Tables"]["runs"] == "strongroom-prod-runs"


def test_without_copied_tables_new_ones_are_made() -> None:
    """Of its own name, replicated to the third region."""
    program = takes_over(tables=False)
    made = {item.inputs["name"] for item in program.of(TABLE)}
    assert (
        made
        == {f"strongroom-prod-west-{table}" for table in {*COPIED, "dedup"}}
        == set(program.outputs["Tables"].values())
    )
    assert variables(program)["worker"]["RUNS_TABLE"] == "strongroom-prod-west-runs"
    assert f"table/strongroom-prod-{'runs'}" not in json.dumps([item.inputs for item in program.of(ROLE_POLICY)])


def test_roles_may_use_exactly_that_bucket_its_key_and_those_tables() -> None:
    """The worker writes backups there and nowhere else of the lost stack."""
    worker = rights(takes_over(tables=True))["worker"]
    arn, via = f"arn:aws:s3:::{REPLICA}", {"kms:ViaService": f"s3.{HERE}.amazonaws.com"}
    table = f"arn:aws:dynamodb:{HERE}:{ACCOUNT}:table/strongroom-prod"
    allowed = [
        Request("s3:PutObject", f"{arn}/packs/aa/bb"),
        Request("s3:GetObject", f"{arn}/packs/aa/bb"),
        Request("s3:ListBucket", arn),
        Request("kms:GenerateDataKey", KEY_ARN, context=via),
        Request("kms:Decrypt", KEY_ARN, context={"kms:ViaService": f"dynamodb.{HERE}.amazonaws.com"}),
        Request("dynamodb:PutItem", f"{table}-backups"),
        # What the mocks give a new table.
        Request("dynamodb:BatchWriteItem", f"{table.replace('table/', '')}-west-dedup"),
    ]
    refused = [
        Request("s3:PutObject", f"arn:aws:s3:::strongroom-prod-primary-{ACCOUNT}-{LOST}/packs/aa/bb"),
        Request("s3:DeleteObject", f"{arn}/packs/aa/bb"),
        Request("kms:GenerateDataKey", KEY_ARN),
        Request("dynamodb:PutItem", f"{table}-dedup"),
        Request("dynamodb:PutItem", f"{table}-backups".replace(HERE, LOST)),
    ]
    assert [decide(worker, request) for request in allowed] == ["allowed"] * len(allowed)
    assert [decide(worker, request) for request in refused] == ["not allowed"] * len(refused)


def test_what_the_lost_stack_says_of_its_replica_lets_the_new_roles_work() -> None:
    """Its bucket policy denies them nothing that they call, and its key leaves it to the account's own policies."""
    lost = recorded("prod")
    statements = policy_of(lost, "aws:s3/bucketPolicy:BucketPolicy", "bucket", REPLICA)
    arn, role = f"arn:aws:s3:::{REPLICA}", f"arn:aws:iam::{ACCOUNT}:role/strongroom-prod-west-worker-1a2b3c4"
    tls = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    for action in ("s3:PutObject", "s3:GetObject", "s3:ListBucket"):
        assert decide(statements, Request(action, f"{arn}/packs/aa/bb", role, tls)) == "not allowed"
    (policy,) = [text for name, text in keys(lost, "prod").items() if f":{HERE}:" in name]
    assert decide(policy, Request("kms:GenerateDataKey", "*", role)) == "allowed"


def test_the_collector_that_takes_over_may_tag_in_the_replica_and_nobody_else() -> None:
    """Said by the lost stack beforehand: its policy cannot be changed when its region is gone."""
    for bucket, answer in ((REPLICA, "not allowed"), (f"strongroom-prod-primary-{ACCOUNT}-{LOST}", "denied")):
        statements = policy_of(recorded("prod"), "aws:s3/bucketPolicy:BucketPolicy", "bucket", bucket)
        arn, context = f"arn:aws:s3:::{bucket}/packs/aa/bb", {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
        assert decide(statements, Request("s3:PutObjectTagging", arn, COLLECTOR, context)) == answer
        worker = COLLECTOR.replace("collector", "worker")
        assert decide(statements, Request("s3:PutObjectTagging", arn, worker, context)) == "denied"


def test_both_stacks_fit_into_one_account() -> None:
    """No name is the same, neither in a region that both use nor of what has one name in all regions.

    Ids that AWS gives, and what is named within them, never are; the mocks give the same ones to both.
    """
    ours, theirs = (
        {one for one in places(program) if not any(str(part).endswith("-id") for part in one)}
        for program in (_placed(takes_over(tables=False), STACK), _placed(recorded("prod"), "prod"))
    )
    assert ours & theirs == set()
    assert {kind for kind, _, _ in ours} >= EVERYWHERE


def test_standing_by_everything_is_there_and_nothing_comes_by_the_clock() -> None:
    """To promote it changes schedules and alarms only, which no service of the lost region is needed for."""
    waiting, working = recorded(STACK), takes_over(tables=True)
    schedules = waiting.of("aws:scheduler/schedule:Schedule")
    assert {item.inputs["state"] for item in schedules} == {"DISABLED"}
    assert {item.inputs["state"] for item in working.of("aws:scheduler/schedule:Schedule")} == {"ENABLED"}
    alarms = waiting.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert {item.inputs["actionsEnabled"] for item in alarms} == {False}
    before, after = (_without_code(program) for program in (waiting, working))
    assert before.keys() == after.keys()
    changed = {item.type for item in working.resources if before[item.urn] != after[item.urn]}
    assert changed == {"aws:scheduler/schedule:Schedule", "aws:cloudwatch/metricAlarm:MetricAlarm"}


def test_a_preview_needs_no_access_to_what_is_taken_over() -> None:
    """The mocks refuse every look-up; what is not known yet is not needed."""
    shown = run(STACK, preview=True)
    assert {item.urn for item in shown.resources} == {item.urn for item in recorded(STACK).resources}
    worker = next(item for item in shown.of(FUNCTION) if item.inputs["handler"].endswith(".worker.handle"))
    assert worker.inputs["environment"]["variables"]["REPOSITORY_BUCKET"] == REPLICA


def test_the_replica_is_copied_on_into_a_third_region() -> None:
    """With a role that reads under the key of the replica, and a role for what was there before."""
    program = takes_over(tables=True)
    (rule,) = program.of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    assert (rule.inputs["bucket"], rule.inputs["region"]) == (REPLICA, HERE)
    assert (
        rule.inputs["rules"][0]["destination"]["bucket"]
        == f"arn:aws:s3:::strongroom-prod-west-replica-{ACCOUNT}-{THIRD}"
    )
    copying = rights(program)["replication"]
    source = {
        "kms:ViaService": f"s3.{HERE}.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{REPLICA}",
    }
    assert decide(copying, Request("kms:Decrypt", KEY_ARN, context=source)) == "allowed"
    backfill = rights(program)["backfill"]
    assert decide(backfill, Request("s3:InitiateReplication", f"arn:aws:s3:::{REPLICA}/packs/aa")) == "allowed"
    report = f"arn:aws:s3:::strongroom-prod-west-logs-{ACCOUNT}-{HERE}/replicate-existing/a"
    assert decide(backfill, Request("s3:PutObject", report)) == "allowed"
    assert decide(backfill, Request("s3:PutObject", f"arn:aws:s3:::{REPLICA}/packs/aa")) == "not allowed"
    (role,) = [item for item in program.of(ROLE) if item.name == "backfill-role"]
    assert "batchoperations.s3.amazonaws.com" in role.inputs["assumeRolePolicy"]


def test_the_replica_and_its_key_are_watched() -> None:
    """By the trail and by the watch over keys, beside those of the lost stack."""
    program = takes_over(tables=True)
    (trail,) = program.of("aws:cloudtrail/trail:Trail")
    assert f"arn:aws:s3:::{REPLICA}/" in json.dumps(trail.inputs)
    watches = program.of("aws:cloudwatch/eventRule:EventRule")
    assert any(KEY_ARN in item.inputs.get("eventPattern", "") for item in watches)


def test_the_stack_says_what_it_has_taken_over() -> None:
    """To people and to the operator's tool."""
    outputs = takes_over(tables=True).outputs
    assert outputs["BackupBucketName"] == REPLICA
    assert outputs["PromotedFrom"] == "strongroom-prod"
    assert outputs["RepositoryKeyArn"] == KEY_ARN != outputs["EncryptionKeyArn"]
    assert "PromotedFrom" not in recorded("prod").outputs


def test_what_a_stack_says_is_what_the_tool_reads() -> None:
    """By the program itself, of a stack with a copy and of the one that takes it over."""
    lost, promoted = (parse_outputs(json.dumps(recorded(stack).outputs)) for stack in ("prod", "prod-recovery"))
    assert lost.copy is not None
    assert (lost.stack, lost.promoted_from, lost.account_id) == ("prod", None, "123456789012")
    assert (promoted.stack, promoted.promoted_from, promoted.region) == ("prod-west", "prod", "us-west-2")
    assert promoted.repository == lost.copy.bucket
    assert promoted.backfill_role is not None
    assert {name: table for name, table in promoted.tables.items() if name in COPIED} == {
        name: table for name, table in lost.tables.items() if name in COPIED
    }
    assert promoted.tables["dedup"] != lost.tables["dedup"]


def _without_code(program: Program) -> dict[str, dict[str, Any]]:
    """Give the inputs of all resources; an archive looks different each time that it is read."""
    return {
        item.urn: {name: value for name, value in item.inputs.items() if name != "code"} for item in program.resources
    }


def _placed(program: Program, stack: str) -> Program:
    """Say of each resource in which region it is."""
    region = read_config(stack)["aws:region"]
    found = tuple(
        Registration(
            **{**vars(item), "inputs": {**item.inputs, "region": item.inputs.get("region") or region}},
        )
        for item in program.resources
    )
    return Program(found, program.outputs)
