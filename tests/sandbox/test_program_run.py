"""Running a program: what stops it, and how its configuration reaches it."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from pulumi_aws import ProviderEndpointArgs

from bundle.paths import ROOT
from sandbox.errors import RefusedError, SandboxError, UnknownResourceError
from sandbox.ministack import MiniStack
from sandbox.program.config import read_config
from sandbox.resources.registry import CREATORS
from tests.program.kit import recorded
from tests.sandbox.small_programs import REASON


@pytest.fixture(scope="module")
def outcomes(ministack: MiniStack) -> dict[str, Any]:
    """What became of each small program."""
    line = [sys.executable, "-m", "tests.sandbox.small_programs", ministack.endpoint]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own module
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("program", "error", "said"),
    [
        ("unknown type", UnknownResourceError, r"old is of type aws:glacier/vault:Vault.*sandbox/differences\.py"),
        ("refused", RefusedError, "badly-named, of type aws:s3/bucket:Bucket: .*InvalidBucketName"),
        ("unknown input", RefusedError, "does not know accelerationStatus"),
        ("looks up", SandboxError, "looks up aws:index/getRegion:getRegion"),
        ("own words", SandboxError, r"SANDBOX_FAILED: the moon is full$"),
        ("crashes", SandboxError, "the program failed: ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_stops_with_its_name(
    program: str, error: type[SandboxError], said: str, outcomes: dict[str, Any]
) -> None:
    """One error, whatever waits for what failed; and nothing that waits is made."""
    found = outcomes[program]
    assert found["error"] == error.__name__
    assert re.search(said, found["text"], re.DOTALL), found["text"]
    assert not {"after-the-unknown", "waits"} & set(found["told"])


def test_what_is_recorded_only_is_in_the_graph_with_its_reason(outcomes: dict[str, Any]) -> None:
    """And what hangs on it is made from what the program said."""
    found = outcomes["recorded only"]
    vault, topic = (next(one for one in found["graph"] if one["name"] == name) for name in ("old", "after"))
    assert (vault["id"], vault["recorded_only"]) == ("", REASON)
    assert (topic["inputs"]["name"], topic["recorded_only"]) == ("after-old", "")
    assert topic["dependencies"] == [vault["urn"]]
    assert found["exports"] == {"name": "old"}


def test_the_configuration_is_the_stacks_with_the_projects_defaults() -> None:
    """Objects are JSON; endpoints are the sandbox's; the rest is as it stands."""
    config = read_config("local", "http://127.0.0.1:40001")
    assert config["strongroom:environment"] == "local"
    assert json.loads(config["strongroom:alarms"])["failedUsers"] == 1
    assert set(json.loads(config["aws:endpoints"])[0].values()) == {"http://127.0.0.1:40001"}


# The provider's name of an endpoint, where the type's module is called otherwise (pulumi_aws.ProviderEndpointArgs).
ENDPOINTS = {"cloudwatch/logGroup": "cloudwatchlogs", "cloudwatch/eventRule": "eventbridge"}
ENDPOINTS |= {"cloudwatch/eventTarget": "eventbridge"}


def test_every_service_of_the_stack_has_its_endpoint_for_the_pulumi_cli() -> None:
    """One that is not named would reach AWS."""
    config = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())["config"]
    named = set(config["aws:endpoints"][0])
    assert named <= {name.rstrip("_") for name in inspect.signature(ProviderEndpointArgs).parameters}
    for resource in recorded("local").resources:
        if resource.type.startswith("aws:"):
            module = resource.type.split(":")[1]
            assert ENDPOINTS.get(module, module.partition("/")[0]) in named, resource.type


def test_every_schedule_of_the_sandbox_is_short_and_paused() -> None:
    """None has to be changed to come soon, and none comes by itself."""
    found = recorded("local").of("aws:scheduler/schedule:Schedule")
    assert {item.inputs["scheduleExpression"] for item in found} == {"rate(1 minute)"}
    assert {item.inputs["state"] for item in found} == {"DISABLED"}


def test_every_creator_is_needed() -> None:
    """By the stack, or by what its configuration can turn on."""
    used = {resource.type for stack in ("local", "dev", "prod") for resource in recorded(stack).resources}
    assert set(CREATORS) <= used
