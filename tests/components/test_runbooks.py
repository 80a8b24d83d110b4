"""Each alarm has a page, each page an alarm, and every command on a page exists."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from components import budget, key_watch
from components.alarm import Alarm
from components.alarm_list import alarm_list
from components.settings.shapes import fields_of, shape_of
from components.settings.stack import Settings
from components.settings.watching import Alarms as Limits
from tests.components.watched import watched

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
PAGES = sorted(set(FOLDER.glob("*.md")) - {INDEX})
NO_ALARM = {
    *("erase-a-user", "hold-and-undelete", "lose-a-region"),
    *("cost-spike", "high-error-rate", "high-latency", "rotate-a-key", "tear-down", "upgrade"),
    *("onboard-a-source", "onboard-an-account"),
    *("restore-everything", "restore-one-file", "restore-one-user"),
}
"""Pages that no alarm leads to: it would be lost too, or people ask for it."""
ALARMS = alarm_list(watched(), Limits())
EVERYWHERE = {
    *("region", "output", "query", "profile", "max-items", "no-scan-index-forward"),
    *("cli-binary-format", "cli-read-timeout"),
}
HIGH_LEVEL = {("logs", "tail"): {"since", "filter-pattern"}, ("s3", "ls"): set(), ("s3", "cp"): set()}
"""Commands of the AWS CLI that are no operations of a service, and their options that are used."""


def commands(page: Path, program: str) -> list[list[str]]:
    """Give the commands of a page that begin with a program, also those within `$(...)`, split into words."""
    found = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            inner = re.findall(r"\$\((.*?)\)", line)
            outer = re.sub(r"\$\(.*?\)", "INNER", line)
            found += [text for text in (outer, *inner) if text.startswith(f"{program} ")]
    return [_words(text) for text in found]


def _words(text: str) -> list[str]:
    """Split as a shell does; JSON that goes on in the next line is cut, and is not looked at."""
    return shlex.split(text if text.count("'") % 2 == 0 else f"{text}'")


@cache
def operations(service: str) -> dict[str, set[str]]:
    """Give the operations of a service and their options, as the AWS CLI spells them."""
    name = {"s3api": "s3"}.get(service, service)
    model = botocore.session.get_session().get_service_model(name)
    found = {}
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        found[xform_name(operation, "-")] = {xform_name(member, "-") for member in (shape.members if shape else ())}
    return found


def options(words: list[str]) -> set[str]:
    """Give the options of a command."""
    return {word.removeprefix("--") for word in words if word.startswith("--")}


def test_alarms_and_pages_are_equal() -> None:
    """The rule on keys and the budget have theirs too."""
    assert {page.stem for page in PAGES} == {alarm.page for alarm in ALARMS} | {key_watch.PAGE, budget.PAGE} | NO_ALARM


def test_the_index_names_every_page_once_and_every_variable() -> None:
    """Whoever is woken finds out what to put for a variable."""
    index = INDEX.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^- \[([\w-]+)\]\(\1\.md\)", index, re.MULTILINE)) == [page.stem for page in PAGES]
    used = {name for page in PAGES for name in re.findall(r"\$([A-Z_]+)", page.read_text(encoding="utf-8"))}
    assert used == set(re.findall(r"\$([A-Z_]+)", index))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_how_to_see_it_and_what_to_do(page: Path) -> None:
    """In this order, with at least one command; and it names the alarm."""
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["What it means", "How to see it", "What to do"]
    assert "\n1. " in text.partition("## What to do")[2]
    assert commands(page, "aws")
    assert f"`{page.stem}" in text or page.stem in {key_watch.PAGE, budget.PAGE} | NO_ALARM


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=lambda page: page.stem)
def test_every_aws_command_exists_with_its_options(page: Path) -> None:
    """By the service models that the AWS CLI is made of."""
    for _aws, service, operation, *rest in commands(page, "aws"):
        allowed = HIGH_LEVEL.get((service, operation))
        if allowed is None:
            assert operation in operations(service), f"aws {service} {operation}"
            allowed = operations(service)[operation] | {f"no-{name}" for name in operations(service)[operation]}
        assert options(rest) <= allowed | EVERYWHERE, f"aws {service} {operation}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_ours_exists_with_its_options(page: Path) -> None:
    """By the tool's own reference; options that it needs are given."""
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for _strongroom, command, *rest in commands(page, "strongroom"):
        name = f"{command} {rest[0]}" if f"\n## {command} {rest[0]}\n" in reference else command
        section = reference.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        rows = dict(re.findall(r"^\| `--([a-z-]+)` \| (\w*)", section, re.MULTILINE))
        assert rows, f"strongroom {command}"
        assert options(rest) <= rows.keys()
        assert {name for name, how in rows.items() if how == "required"} <= options(rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_on_a_page_exists(page: Path) -> None:
    """As the configuration spells it: `alarms.rpoHours`."""
    sections = {name: shape_of(field).section for name, field in Settings.model_fields.items()}
    for section, key in re.findall(r"`([a-z]+)\.([A-Za-z_]+)`", page.read_text(encoding="utf-8")):
        known = sections.get(section)
        assert known is None or key in fields_of(known), f"{section}.{key}"


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_a_page_names_the_alarms_that_lead_to_it(alarm: Alarm) -> None:
    """By their names, or by what their names begin with."""
    name, page = alarm.name, alarm.page
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text or re.search(rf"`{re.escape(page)}-<\w+>`", text)
