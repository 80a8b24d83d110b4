"""Schema, page, stack files and decision: all say what the models say."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from pulumi_aws.config import outputs
from pulumi_aws.config.vars import _ExportableConfig as ProviderOptions
from pydantic.alias_generators import to_camel

from components.settings import Settings, advice, load
from components.settings.reference import FILES, described, main
from components.settings.shapes import all_keys, default_of, fields_of, shape_of
from tests.settings.kit import ROOT, read_yaml

STACKS = {"dev": "dev", "prod": "prod", "prod-recovery": "prod-west", "local": "local"}
"""The environment of each file's stack."""
KINDS = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict}
SERVICES = {"lambda_": "lambda", "vpc": "ec2"}
"""Modules of the provider that are named otherwise than their endpoint."""


def stack(name: str) -> dict[str, Any]:
    """Give the configuration in a stack's file."""
    configuration: dict[str, Any] = read_yaml(f"Pulumi.{name}.yaml")["config"]
    return configuration


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_from_the_settings_is_current(name: str) -> None:
    """`python -m components.settings.reference .` writes it."""
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name]()


def test_the_schema_is_that_of_the_models() -> None:
    """Read as Pulumi reads it: every key with type, description and default."""
    project = read_yaml("Pulumi.yaml")
    assert (project["name"], project["runtime"]["name"]) == ("strongroom", "python")
    assert project["runtime"]["options"]["virtualenv"] == ".venv"
    assert list(project["config"]) == [f"strongroom:{name}" for name in fields_of(Settings)]
    for name, field in fields_of(Settings).items():
        entry = project["config"][f"strongroom:{name}"]
        assert entry["type"] == shape_of(field).kind
        assert " ".join(entry["description"].split()) == described(name, field)
        assert ("default" in entry) == (not field.is_required())
        if "default" in entry:
            assert entry["default"] == default_of(field)
            # Pulumi takes a default that is missing for a value that must be set.
            assert isinstance(entry["default"], KINDS[entry["type"]])
        assert ("items" in entry) == (entry["type"] == "array")


def test_types_are_those_that_pulumi_knows() -> None:
    """It has no type for numbers with a fraction, so none stands at the top."""
    types = {entry["type"] for entry in read_yaml("Pulumi.yaml")["config"].values()}
    assert types <= {"string", "integer", "boolean", "array", "object"}


def test_the_defaults_of_the_schema_are_those_of_the_models() -> None:
    """A stack that sets only what is required is the same with the schema's defaults and without."""
    required = {"environment": "dev", "accountId": "123456789012", "sources": [{"name": "a", "bucket": "acme"}]}
    schema = read_yaml("Pulumi.yaml")["config"]
    defaults = {key: entry["default"] for key, entry in schema.items() if "default" in entry}
    assert load({**defaults, **required}) == load(required)


def test_every_key_is_described_on_the_page() -> None:
    """With a sentence that ends."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    for key in all_keys(Settings):
        assert f"`{key.rpartition('.')[2]}`" in text or f"## {key}\n" in text
    rows = re.findall(r"^\| `\w+` \| .* \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) > 50
    assert all(meaning.endswith(".") for meaning in rows)


def test_the_writer_writes_all_files(tmp_path: Any) -> None:  # noqa: ANN401 - pytest's own path
    """Below the folder that is named."""
    (tmp_path / "docs").mkdir()
    assert main([str(tmp_path)]) == 0
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == set(FILES)


@pytest.mark.parametrize("name", STACKS)
def test_stack_files_can_be_used(name: str) -> None:
    """Under the rules, in one region, on one account."""
    configuration = stack(name)
    settings = load(configuration)
    assert settings.environment == STACKS[name]
    assert configuration["aws:region"] == settings.region
    if name != "local":
        assert configuration["aws:allowedAccountIds"] == [settings.account_id]


def test_production_relaxes_nothing() -> None:
    """What its file sets has no default, or adds to it; logs are kept longer, and locks can be lifted by nobody.

    That one thing it is warned of at each deployment, since it cannot be undone.
    """
    settings = load(stack("prod"))
    added = {"environment", "account_id", "sources", "access", "restore", "notifications", "tags", "replica"}
    required = {"environment": "prod", "accountId": settings.account_id, "sources": stack("prod")["strongroom:sources"]}
    plain = load({**required, "notifications": {"email": settings.notifications.email}})
    assert settings.workers.log_days >= plain.workers.log_days
    assert (settings.retention.lock_mode, plain.retention.lock_mode) == ("COMPLIANCE", "GOVERNANCE")
    (warning,) = advice(settings)
    assert warning.startswith("retention.lockMode COMPLIANCE: ")
    settings = settings.model_copy(
        update={
            "workers": settings.workers.model_copy(update={"log_days": plain.workers.log_days}),
            "retention": settings.retention.model_copy(update={"lock_mode": plain.retention.lock_mode}),
        }
    )
    assert {name for name in Settings.model_fields if getattr(settings, name) != getattr(plain, name)} < added
    assert advice(settings) == ()


@pytest.mark.parametrize(
    ("name", "mode"), [("prod", "COMPLIANCE"), ("prod-recovery", "COMPLIANCE"), ("dev", "GOVERNANCE")]
)
def test_only_what_is_made_up_can_be_unlocked(name: str, mode: str) -> None:
    """And whoever takes production over locks as it did."""
    assert load(stack(name)).retention.lock_mode == mode


@pytest.mark.parametrize("name", ["dev", "local"])
def test_each_relaxation_has_its_reason_above_it(name: str) -> None:
    """Every key that has a default and does not only add to it."""
    lines = (ROOT / f"Pulumi.{name}.yaml").read_text(encoding="utf-8").splitlines()
    adds = {"sources", "restore", "tags", "access", "notifications"}
    relaxed = [key for key, field in fields_of(Settings).items() if not field.is_required() and key not in adds]
    found = 0
    for before, line in pairwise(lines):
        key = re.match(r"  strongroom:(\w+):", line)
        if key and key[1] in relaxed:
            found += 1
            assert re.match(r"  # .{20,}", before), f"{key[1]} is relaxed without a reason"
    assert found >= 4


def test_the_sandbox_reaches_no_real_service() -> None:
    """Every service that a component uses has an endpoint on this machine, by a name that the provider knows."""
    configuration = stack("local")
    (endpoints,) = configuration["aws:endpoints"]
    assert set(endpoints.values()) == {"http://127.0.0.1:4566"}
    known = {
        getattr(prop.fget, "_pulumi_name", name)
        for name, prop in vars(outputs.Endpoints).items()
        if isinstance(prop, property)
    }
    assert set(endpoints) <= known
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "components").glob("*.py"))
    used = {SERVICES.get(module, module) for module in re.findall(r"\baws\.([a-z0-9_]+)\.[A-Z]", code)}
    assert used <= set(endpoints)
    options = {key.removeprefix("aws:") for key in configuration if key.startswith("aws:")}
    assert options <= {to_camel(name) for name in dir(ProviderOptions)}


def test_the_decision_names_keys_that_exist() -> None:
    """In the column of what became of an old parameter."""
    text = (ROOT / "docs/adr/0011-what-became-of-the-old-parameters.md").read_text(encoding="utf-8")
    known = set(all_keys(Settings)) | {"sources[].priority"}
    named = [
        key for row in re.findall(r"^\| .* \| (.*) \|$", text, re.MULTILINE) for key in re.findall(r"`([^`]+)`", row)
    ]
    keys = [key for key in named if re.fullmatch(r"[a-z]+(?:\[\])?\.[a-zA-Z]+", key)]
    assert len(keys) > 20
    assert set(keys) <= known
