"""Names of the whole program: no two alike, none too long, none that a second stack would take too."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

from tests.program.kit import Program, Registration, recorded, run
from tests.program.reading import ALL_STACKS, account_of

LONGEST: Final = {
    "aws:backup/vault:Vault": 50,
    "aws:backup/plan:Plan": 50,
    "aws:backup/selection:Selection": 50,
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": 50,
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": 50,
    "aws:budgets/budget:Budget": 100,
    "aws:cloudtrail/trail:Trail": 128,
    "aws:cloudwatch/dashboard:Dashboard": 255,
    "aws:cloudwatch/eventRule:EventRule": 64,
    "aws:cloudwatch/logGroup:LogGroup": 512,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    "aws:dynamodb/table:Table": 255,
    "aws:iam/role:Role": 64,
    "aws:iam/rolePolicy:RolePolicy": 128,
    "aws:kms/alias:Alias": 256,
    "aws:lambda/alias:Alias": 128,
    "aws:lambda/function:Function": 64,
    "aws:lambda/layerVersion:LayerVersion": 64,
    "aws:s3/bucket:Bucket": 63,
    "aws:scheduler/schedule:Schedule": 64,
    "aws:scheduler/scheduleGroup:ScheduleGroup": 64,
    "aws:sns/topic:Topic": 256,
    "aws:sqs/queue:Queue": 80,
    "aws:ec2/securityGroup:SecurityGroup": 255,
    "aws:cloudwatch/eventTarget:EventTarget": 64,
}
"""Characters that a name may have, by the API reference of each service."""
ABSENT: Final = {
    "local": {kind for kind in LONGEST if kind.startswith("aws:backup/")},
}
"""Kinds that a stack does without: the embedded AWS backs nothing up."""
EVERYWHERE: Final = {"aws:iam/role:Role", "aws:budgets/budget:Budget", "aws:cloudwatch/dashboard:Dashboard"}
"""Kinds whose names are one for all regions."""
WITHIN: Final = {
    "aws:lambda/alias:Alias": "functionName",
    "aws:scheduler/schedule:Schedule": "groupName",
    "aws:backup/selection:Selection": "planId",
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": "restoreTestingPlanName",
}
"""Kinds whose names are unique within something else."""
RANDOM: Final = len("-1a2b3c4")
"""What Pulumi puts behind a name that the program does not choose."""
every_stack = pytest.mark.parametrize("stack", ALL_STACKS)


def physical(item: Registration) -> str | None:
    """Give the name that the program chooses for a resource at AWS."""
    keys = ("bucket",) if item.type == "aws:s3/bucket:Bucket" else ("name", "layerName", "dashboardName", "ruleName")
    return next((str(item.inputs[key]) for key in keys if key in item.inputs), None)


def places(program: Program) -> list[tuple[str, Any, str]]:
    """Give kind, place and name of all that has a name of ours at AWS. Names do not differ by capitals alone."""
    found = []
    for item in program.resources:
        name = physical(item)
        if item.type in LONGEST and name is not None:
            place = item.inputs[WITHIN[item.type]] if item.type in WITHIN else item.inputs.get("region", "here")
            found.append((item.type, None if item.type in EVERYWHERE else place, name.lower()))
    assert len(found) > 80
    return found


@every_stack
def test_no_two_resources_share_a_name(stack: str) -> None:
    """Neither at Pulumi nor, of one kind in one place, at AWS."""
    program = recorded(stack)
    urns = Counter((item.type, item.name, item.parent) for item in program.resources)
    assert [urn for urn, count in urns.items() if count > 1] == []
    assert [one for one, count in Counter(places(program)).items() if count > 1] == []


def test_two_stacks_can_live_in_one_account() -> None:
    """No name is the same in both, but within something that has another name. Ids that AWS gives never are."""
    ours, theirs = (
        {(kind, name) for kind, place, name in places(recorded(stack)) if kind not in WITHIN and name[-3:] != "-id"}
        for stack in ("dev", "prod")
    )
    assert ours & theirs == set()


def test_what_a_name_can_be_taken_from_by_others_holds_account_and_region() -> None:
    """Names of buckets are unique in the world."""
    for stack in ALL_STACKS:
        buckets = recorded(stack).of("aws:s3/bucket:Bucket")
        assert buckets
        assert all(item.inputs["bucket"].endswith(f"-{account_of(stack)}-{item.inputs['region']}") for item in buckets)


@pytest.mark.parametrize("stack", [*ALL_STACKS, "longest"])
def test_every_name_fits_also_with_the_longest_environment_and_region(stack: str) -> None:
    """And with the characters that Pulumi adds where the program chooses none."""
    program = longest() if stack == "longest" else recorded(stack)
    looked_at: Counter[str] = Counter()
    for item in program.resources:
        name = physical(item)
        if item.type in LONGEST:
            length = len(item.name) + RANDOM if name is None else len(name)
            assert length <= LONGEST[item.type], (item.type, item.name, name)
            looked_at[item.type] += 1
    assert looked_at.keys() >= LONGEST.keys() - {"aws:ec2/securityGroup:SecurityGroup"} - ABSENT.get(stack, set())


def longest() -> Program:
    """Run the program with the longest names that its settings take."""
    source = {"name": "s" * 32, "bucket": "b" * 63, "prefix": "clients/"}
    return run(
        "prod",
        changes={
            "strongroom:environment": "prod-abcdefg",
            "strongroom:region": "ap-southeast-1",
            "aws:region": "ap-southeast-1",
            "strongroom:replica": {"region": "ap-northeast-1"},
            "strongroom:sources": [source],
        },
    )
