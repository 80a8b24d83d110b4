"""The whole program, for each environment: that it runs, alone and fast, and says what is true."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from pulumi.runtime import mocks

from functions.contract.rights import RIGHTS
from tests.program.kit import ACCOUNT, ROOT, Registration, _Mocks, read_config, recorded, run
from tests.program.reading import (
    ALL_STACKS,
    BUCKET,
    FUNCTION,
    KEY,
    QUEUE,
    VAULT,
    account_of,
    is_isolated,
    replica_region,
    tables_of,
)

every_stack = pytest.mark.parametrize("stack", ALL_STACKS)
IMPORTS = """
import importlib, pkgutil
from pulumi import Resource
import components
made = []
Resource.__init__ = lambda self, *args, **options: made.append(args)
found = [one.name for one in pkgutil.walk_packages(components.__path__, "components.")]
for name in found:
    importlib.import_module(name)
print(len(found), len(made))
"""


@every_stack
def test_the_program_runs_without_looking_anything_up(stack: str) -> None:
    """The mocks refuse every call; a preview in CI has no account to ask."""
    assert len(recorded(stack).resources) > 150


def test_a_look_up_would_be_seen() -> None:
    """The test above can fail."""
    asked = mocks.MockCallArgs("aws:index/getCallerIdentity:getCallerIdentity", {}, "")
    with pytest.raises(AssertionError, match="looks up"):
        _Mocks("us-east-1").call(asked)


def test_importing_creates_nothing() -> None:
    """Resources are made by the program only: else a test or a tool that imports a component would need a stack."""
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own lines
    modules, made = map(int, done.stdout.split())
    assert modules > 40
    assert made == 0


def shape(resources: tuple[Registration, ...]) -> set[tuple[str, str, str, str | None]]:
    """Give what a reviewer compares: which resources there are, of what kind, where."""
    return {(item.type, item.name, item.parent, item.inputs.get("region")) for item in resources}


@every_stack
def test_a_first_preview_does_not_need_what_is_not_known_yet(stack: str) -> None:
    """ARNs and ids of what does not exist are unknown then; the same resources are shown all the same."""
    preview = run(stack, preview=True).resources
    assert shape(preview) == shape(recorded(stack).resources)
    unknown = [item for item in preview if item.type == FUNCTION and "Unknown" in item.inputs["role"]]
    assert len(unknown) == len(RIGHTS), "nothing was unknown: the preview proves nothing"


def test_the_program_takes_less_than_five_seconds() -> None:
    """Of one core, with the layer built once, as it is after the first time; what others do here does not count."""
    assert 0 < recorded("prod").cpu_seconds < 5


@every_stack
def test_every_resource_that_can_carries_the_tags_and_they_are_true(stack: str) -> None:
    """Tags are what the bill and the auditor go by."""
    found = recorded(stack).of(BUCKET, QUEUE, FUNCTION, KEY)
    assert len(found) > 15
    for item in found:
        assert item.inputs["tags"]["Environment"] == read_config(stack)["strongroom:environment"]
        assert item.inputs["tags"]["DisasterRecovery"] == ("CrossRegion" if replica_region(stack) else "SingleRegion")
        assert item.inputs["tags"]["NetworkIsolation"] == ("VPCEndpoints" if is_isolated(stack) else "PublicInternet")


@every_stack
def test_a_stack_says_what_the_operators_tool_needs(stack: str) -> None:
    """And nothing of itself that is not true."""
    program = recorded(stack)
    outputs = program.outputs
    said = json.loads(outputs["SystemCapabilities"])
    assert outputs["Functions"].keys() == RIGHTS.keys()
    assert said["replication"] == replica_region(stack)
    assert (said["network"] == "VPC endpoints") == any("vpcConfig" in item.inputs for item in program.of(FUNCTION))
    named = {value for name, value in outputs.items() if name.endswith("BucketName") and value}
    taken_over = {outputs["BackupBucketName"]} if "PromotedFrom" in outputs else set()
    assert named - taken_over <= {item.inputs["bucket"] for item in program.of(BUCKET)}
    assert len(named) >= 3
    assert set(outputs["Tables"].values()) == tables_of(stack, program)
    vaults = {value for name, value in outputs.items() if name.endswith("VaultName")}
    assert vaults == {item.inputs["name"] for item in program.of(VAULT)}
    assert outputs["Environment"] == read_config(stack)["strongroom:environment"]


def test_a_stack_says_how_to_look_for_drift_as_its_workflow_does() -> None:
    """By the name that Pulumi knows it by."""
    workflow = " ".join((ROOT / ".github/workflows/drift.yml").read_text(encoding="utf-8").replace("\\", "").split())
    for stack in ("prod", "prod-recovery"):
        commands = recorded(stack).outputs["DriftDetectionCommand"].split(" && ")
        assert len(commands) == 2
        for command in commands:
            assert f"--stack {stack} " in command
            assert command.replace(f"--stack {stack} ", '--stack "$STACK" ') in workflow


@every_stack
def test_a_policy_names_no_other_account(stack: str) -> None:
    """But one that it trusts. The mocks answer with ARNs of one account for all."""
    trusted = {"210987654321"} if stack.startswith("prod") else set()
    looked_at = 0
    for item in recorded(stack).resources:
        for account in re.findall(r"arn:aws:[\w-]+:[\w-]*:(\d{12}):", json.dumps(item.inputs)):
            assert account in {account_of(stack), ACCOUNT, *trusted}, item.name
            looked_at += 1
    assert looked_at > 100


def test_the_program_fits_on_a_page() -> None:
    """Who reads it sees how everything hangs together."""
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) <= 80


def test_every_gap_of_the_emulator_has_a_reason() -> None:
    """What the emulator cannot do is written down, as little of it as possible, in words that say why."""
    gaps = json.loads((ROOT / "tests/program/emulator_gaps.json").read_text(encoding="utf-8"))
    assert 0 < len(gaps) < 10
    for gap in gaps:
        assert len(gap["reason"]) > 30
        assert ("drop" in gap) != ("match" in gap)
        re.compile(gap.get("match", ""))
