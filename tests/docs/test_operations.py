"""The objectives are measured by what exists: metrics that are counted, pages, settings, commands that parse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import build
from cli.outputs import Place
from cli.recovery_text import AFTER, before
from components.alarm_list import VAULT_COMPLETED
from components.settings.shapes import fields_of, shape_of
from components.settings.stack import Settings
from functions.contract.metric_names import Metric, MetricName
from functions.engine.orchestration.notices import missed_notice
from functions.engine.remediation.notices import paused_notice

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_AWS = {"ReplicationLatency", "OperationsFailedReplication", VAULT_COMPLETED}
GENERATED = {"cli.md", "errors.md"}
"""Pages that the tool writes of itself: what stands there are tables, not commands."""


def rows() -> list[list[str]]:
    """Give the objectives, cell by cell."""
    table = OPERATIONS.partition("## Objectives")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| **")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def commands(page: Path) -> Iterator[list[str]]:
    """Give every command line of the tool on a page: of blocks, of listings, and within a line."""
    text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    listed = [line for block in blocks for line in block.splitlines()]
    listed += re.findall(r"^ {4}(?:\$ )?((?:python -m cli|strongroom) .+)$", text, re.MULTILINE)
    # A mention within a line may name an option without its value.
    listed += re.findall(r"`((?:python -m cli|strongroom) [^`]*--[\w-]+ [^`]+)`", text)
    for line in listed:
        found = re.match(r"\s*(?:python -m cli|strongroom) ([a-z].*)", line)
        if found:
            yield shlex.split(found[1].replace("$(", "(").partition(" | ")[0], comments=True)


@cache
def tool() -> Any:  # noqa: ANN401 - Typer brings a Click of its own
    """Give the tool's commands."""
    return typer.main.get_command(build())


def parse(words: list[str]) -> None:
    """Hold a command line against what the tool declares, as it would before it runs anything."""
    command = tool()
    while hasattr(command, "commands"):
        assert words, "a command is missing"
        name, words = words[0], words[1:]
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
    options = {option: one for one in command.params if one.param_type_name == "option" for option in one.opts}
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    given, free = _given(words, options)
    assert len(free) <= len(arguments) or any(one.nargs == -1 for one in arguments), f"{free} is too much"
    filled = [*given, *(one.name for one in arguments[: len(free)])]
    missing = [one.name for one in command.params if one.required and one.name not in filled]
    assert not missing, f"{missing} is missing"


def _given(words: list[str], options: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Give the names of the options, and the words that belong to none."""
    given: list[str] = []
    free: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            free.append(word)
            continue
        name, _, value = word.partition("=")
        assert name in options, f"there is no option {name}"
        given.append(options[name].name)
        if not options[name].is_flag and not value:
            assert next(rest, None) is not None, f"{name} needs a value"
    return given, free


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_line_of_the_tool_on_a_page_can_be_parsed(page: Path) -> None:
    """Commands, options, values and what is required, as the tool itself declares them."""
    if page.name not in GENERATED:
        for words in commands(page):
            try:
                parse(words)
            except AssertionError as error:
                raise AssertionError(f"{shlex.join(words)}: {error}") from error


def test_every_command_line_that_people_are_told_can_be_parsed() -> None:
    """By notices, and by `recover`."""
    notices = [
        missed_notice("prod", "reports", timedelta(hours=27), NOW),
        paused_notice("prod", "reports", NOW),
    ]
    told = [*before(Place("replica", "us-west-2"), ("reports",)), *AFTER, *(notice.body for notice in notices)]
    found = re.findall(r"strongroom ([a-z]+ --[^`\n]+)", "\n".join(told))
    assert [line.partition(" ")[0] for line in found] == ["restore", "recover", "run", "status", "run", "resume"]
    for line in found:
        parse(shlex.split(line))


@pytest.mark.parametrize("wrong", ["backup --sorce a", "nothing --here", "retention", "restore --user"])
def test_a_wrong_command_line_would_be_seen(wrong: str) -> None:
    """The test above can fail."""
    with pytest.raises(AssertionError):
        parse(shlex.split(wrong))


def test_enough_command_lines_are_looked_at() -> None:
    """Or the search for them is broken."""
    assert sum(1 for page in PAGES for _ in commands(page)) > 60


def test_every_objective_has_a_measure_a_page_and_a_command() -> None:
    """Metrics are counted by the functions or by AWS; runbooks and settings exist."""
    metrics = {str(value) for value in vars(Metric).values() if isinstance(value, MetricName)} | OF_AWS
    found = rows()
    assert len(found) >= 10
    for objective, measure, alarm, by_hand in found:
        named = re.findall(r"`(\w+)`", measure)
        assert set(named) <= metrics | {"Stack"}, objective
        assert named or "KMS" in measure or "budget" in measure, objective
        assert re.findall(r"\(runbooks/([\w-]+)\.md\)", alarm), objective
        assert re.fullmatch(r"`(?:strongroom|aws) .+`", by_hand), objective


def test_every_setting_of_an_objective_exists() -> None:
    """As the configuration spells it."""
    sections = {name: shape_of(field).section for name, field in Settings.model_fields.items()}
    for section, key in re.findall(r"`([a-z]+)\.([A-Za-z]+)`", OPERATIONS):
        known = sections.get(section)
        assert known is not None, section
        assert key in fields_of(known), f"{section}.{key}"
