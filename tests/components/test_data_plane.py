"""The functions, each as the contract has it, fed from the queues and allowed nothing beyond."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bundle.paths import ROOT
from components.data_plane import DESCRIPTIONS, DataPlane, DataPlaneArgs, Sizing, concurrency_of
from components.event_sources import EventSourceArgs
from components.refs import NetworkRef
from components.rights_policy import statements
from functions.contract.environment import ENVIRONMENTS
from functions.contract.rights import HANDS_ON, RIGHTS
from functions.engine.errors import ConfigurationError
from tests.components.deployment import CODE, KEY, REGION, deploy, function_ref, policy, queue_ref, resources
from tests.program.kit import ACCOUNT, Program

_FUNCTION = "aws:lambda/function:Function"
_NETWORK = NetworkRef(["subnet-a", "subnet-b"], ["group"])
_BESIDE = {"Failures", "FailuresKey", "Interfaces", "InterfacesSeen", "NoInterfacesByCode"}


@cache
def _plane(*, network: bool = True, reserved: bool = True, preview: bool = False) -> Program:
    args = DataPlaneArgs(
        stack="strongroom-test",
        resources=resources(),
        code=CODE,
        layer_arn="arn:aws:lambda:layer:1",
        failures=queue_ref("failures"),
        network=_NETWORK if network else None,
        sizing=Sizing(reserved=reserved),
        values={"retention_days": 35, "catalog_days": 40},
    )
    return deploy(lambda: DataPlane("plane", args), preview=preview)


def _named(program: Program, kind: str) -> dict[str, dict[str, Any]]:
    """Give the inputs of what belongs to each function, by the function's module."""
    modules = {name: module for module, name in resources().functions.items()}
    return {modules[item.inputs["name"]]: item.inputs for item in program.of(kind)}


def _owner(urn_or_name: str) -> str:
    """Give the function whose component something belongs to."""
    return urn_or_name.rsplit("plane-", 1)[1].replace("-", "_")


def test_there_is_a_function_for_each_of_the_contract() -> None:
    """And for each module of the handlers: none is forgotten, none is empty."""
    modules = {path.stem for path in (Path(ROOT) / "functions" / "handlers").glob("*.py")} - {"__init__"}
    functions = _named(_plane(), _FUNCTION)
    assert set(functions) == modules == set(ENVIRONMENTS) == set(RIGHTS) == set(DESCRIPTIONS)
    for given in functions.values():
        module, handler = given["handler"].rsplit(".", 1)
        assert callable(getattr(importlib.import_module(module), handler))


@pytest.mark.parametrize("function", RIGHTS)
def test_a_function_runs_where_and_as_it_should(function: str) -> None:
    """Arm, Python 3.13, traced, in the network, its variables encrypted with our key, published for the alias."""
    given = _named(_plane(), _FUNCTION)[function]
    assert (given["runtime"], given["architectures"], given["publish"]) == ("python3.13", ["arm64"], True)
    assert (given["memorySize"], given["timeout"]) == (1_769, 29 if function == "api" else 900)
    assert given["tracingConfig"] == {"mode": "Active"}
    assert given["vpcConfig"] == {"subnetIds": ["subnet-a", "subnet-b"], "securityGroupIds": ["group"]}
    assert (given["kmsKeyArn"], given["layers"]) == (KEY.arn, ["arn:aws:lambda:layer:1"])
    assert given["environment"]["variables"]["STACK"] == "strongroom-test"
    assert given["loggingConfig"]["logGroup"] == f"/aws/lambda/{given['name']}"


def test_logs_are_kept_for_a_month_with_our_key() -> None:
    """In the group that the role may write to."""
    groups = _plane().of("aws:cloudwatch/logGroup:LogGroup")
    assert {group.inputs["name"] for group in groups} == {
        f"/aws/lambda/{name}" for name in resources().functions.values()
    }
    assert {(group.inputs["retentionInDays"], group.inputs["kmsKeyId"]) for group in groups} == {(30, KEY.arn)}


@pytest.mark.parametrize("function", RIGHTS)
@pytest.mark.parametrize("network", [True, False])
def test_a_role_holds_the_rights_of_the_contract_and_no_more(function: str, *, network: bool) -> None:
    """Its own, those for failed events, and those for interfaces where there is a network."""
    policies = {_owner(item.parent): item for item in _plane(network=network).of("aws:iam/rolePolicy:RolePolicy")}
    given = policy(policies[function])
    expected = {"Failures", "FailuresKey"}
    expected |= {"Interfaces", "InterfacesSeen", "NoInterfacesByCode"} if network else set()
    assert [item for item in given if item["Sid"] not in _BESIDE] == statements(function, resources())
    assert {item["Sid"] for item in given} & _BESIDE == expected
    assert len(policies[function].inputs["policy"]) < 10_240, "IAM's limit for a role's own policies"


def test_roles_are_called_what_endpoints_know_them_by() -> None:
    """The function's name; a few characters are added."""
    assert {role.name for role in _plane().of("aws:iam/role:Role")} == set(resources().functions.values())


def test_schedules_and_queues_call_the_alias_live() -> None:
    """Which is a version, so that a deployment changes everything at once."""
    aliases = _plane().of("aws:lambda/alias:Alias")
    assert len(aliases) == len(RIGHTS)
    assert {alias.inputs["name"] for alias in aliases} == {"live"}


def test_exactly_what_goes_on_by_itself_may_do_so() -> None:
    """Lambda stops all others after some 16 links."""
    configs = _plane().of("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
    assert {_owner(item.parent) for item in configs} == HANDS_ON
    assert {item.inputs["recursiveLoop"] for item in configs} == {"Allow"}


def test_an_event_that_fails_for_good_is_kept_however_the_function_was_called() -> None:
    """By alias from a schedule, by plain name from itself."""
    configs = _plane().of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    kept = {(_owner(item.parent), item.inputs.get("qualifier")) for item in configs}
    assert kept == {(function, qualifier) for function in RIGHTS for qualifier in ("live", None)}
    for item in configs:
        assert item.inputs["destinationConfig"] == {"onFailure": {"destination": queue_ref("failures").arn}}
    for function in _plane().of("aws:lambda/function:Function"):
        assert function.inputs["deadLetterConfig"] == {"targetArn": queue_ref("failures").arn}
    for item in configs:
        assert item.inputs["maximumRetryAttempts"] == 2


def test_queues_feed_their_functions() -> None:
    """Only failed messages come again; each mapping has its own limit."""
    mappings = _plane().of("aws:lambda/eventSourceMapping:EventSourceMapping")
    fed = {
        item.inputs["eventSourceArn"].rsplit(":", 1)[1]: (
            item.inputs["batchSize"],
            item.inputs["scalingConfig"]["maximumConcurrency"],
        )
        for item in mappings
    }
    assert fed == {"jobs": (10, 50), "priority": (10, 5), "restores": (1, 50)}
    assert {tuple(item.inputs["functionResponseTypes"]) for item in mappings} == {("ReportBatchItemFailures",)}


def test_what_is_kept_for_a_function_is_what_its_queues_may_cause() -> None:
    """Less would throttle messages back and forth until they are given up."""
    sizing = Sizing(concurrency=10, priority_concurrency=3, restore_concurrency=4)
    assert (concurrency_of("worker", sizing), concurrency_of("restore_worker", sizing)) == (13, 4)
    assert all(concurrency_of(function, sizing) for function in RIGHTS)
    unreserved = _named(_plane(reserved=False), _FUNCTION)
    assert not [given for given in unreserved.values() if "reservedConcurrentExecutions" in given]


def test_without_a_network_a_function_has_no_part_of_one() -> None:
    """Only where the settings say so."""
    assert not [given for given in _named(_plane(network=False), _FUNCTION).values() if "vpcConfig" in given]


def test_a_preview_with_nothing_known_registers_the_same() -> None:
    """Outputs steer nothing."""
    names = [(item.type, item.name) for item in _plane(preview=True).resources]
    assert sorted(names) == sorted((item.type, item.name) for item in _plane().resources)


def test_no_two_resources_share_a_name() -> None:
    """Pulumi would refuse them."""
    names = [(item.type, item.name) for item in _plane().resources]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("batch", "concurrency"), [(0, 2), (11, 2), (10, 1), (10, 1_001)])
def test_a_mapping_that_lambda_would_refuse_is_refused(batch: int, concurrency: int) -> None:
    """Before anything is made."""
    with pytest.raises(ConfigurationError):
        EventSourceArgs(queue_ref("jobs"), function_ref("worker"), batch, concurrency)


def test_the_region_of_a_function_is_that_of_its_arn() -> None:
    """It steers by which endpoint of a service a key may be used."""
    policies = _plane().of("aws:iam/rolePolicy:RolePolicy")
    via = {
        item["Condition"]["StringEquals"]["kms:ViaService"]
        for each in policies
        for item in policy(each)
        if item["Sid"] == "FailuresKey"
    }
    assert via == {f"sqs.{REGION}.amazonaws.com"}
    assert ACCOUNT in resources().function_arn("worker")
