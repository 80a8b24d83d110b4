"""Reads a stack's configuration into settings, and names all that is wrong with it at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_jsonable_python

from components.settings.problems import MISSING, PROJECT, Path, Problem, UnknownKey, nearest, refuse
from components.settings.rules import RULES
from components.settings.shapes import all_keys, fields_of, shape_at, shape_of
from components.settings.stack import Settings

_NAMESPACE = f"{PROJECT}:"
_REGION = "aws:region"


def load(config: Mapping[str, object], secrets: Collection[str] = ()) -> Settings:
    """Read the settings from a stack's whole configuration, as Pulumi keeps it: texts, objects as JSON.

    Keys are `strongroom:<key>` or `<key>`. Of other namespaces only `aws:region` is looked at, which must agree.
    `secrets` names keys whose values no message shows. ConfigurationError names every problem: key, value, what is
    allowed and an example.
    """
    hidden = {key.removeprefix(_NAMESPACE) for key in secrets}
    values, problems = _values(config)
    try:
        settings = _read(values)
    except ValidationError as error:
        problems += _problems(error)
        settings = _read(_mended(values, {str(problem.path[0]) for problem in problems}))
    broken = {str(problem.path[0]) for problem in problems}
    found: list[Problem | UnknownKey] = [*problems, *_checked(settings, broken)]
    if "region" not in broken and config.get(_REGION, settings.region) != settings.region:
        must = f"must be the stack's region, which {PROJECT}:region says is {settings.region}"
        found.append(Problem((_REGION,), config[_REGION], must, settings.region))
    if found:
        raise refuse(found, hidden)
    return settings


def _values(config: Mapping[str, object]) -> tuple[dict[str, object], list[Problem | UnknownKey]]:
    """Take what is ours out of a configuration, and texts apart where no text is expected."""
    fields = fields_of(Settings)
    values: dict[str, object] = {}
    problems: list[Problem | UnknownKey] = []
    for full, value in config.items():
        key = full.removeprefix(_NAMESPACE)
        if ":" in key:
            continue
        if key not in fields:
            problems.append(UnknownKey((key,), list(fields), list(all_keys(Settings))))
            continue
        shape = shape_of(fields[key])
        decoded = value if shape.kind == "string" else _decoded(value)
        if _is_json(decoded):
            values[key] = decoded
        else:
            problems.append(Problem((key,), "...", f"must be {shape.allowed}, in Unicode", shape.example))
    return values, problems


def _decoded(value: object) -> object:
    """Read JSON. A text that is none stays what it is, and is refused for that."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _is_json(value: object) -> bool:
    """Say whether a value can be written as JSON and read again: not too deep, and no half of a character."""
    try:
        from_json(json.dumps([to_jsonable_python(value, serialize_unknown=True)]))
    except (ValueError, RecursionError):
        return False
    return True


def _read(values: Mapping[str, object]) -> Settings:
    """Read values in JSON's types, by the names of a configuration only."""
    text = json.dumps(to_jsonable_python(values, serialize_unknown=True))
    return Settings.model_validate_json(text, by_alias=True, by_name=False)


def _mended(values: Mapping[str, object], broken: Collection[str]) -> dict[str, Any]:
    """Give the values with what is broken left out, or replaced by its example where it must not be left out."""
    fields = fields_of(Settings)
    examples = {key: shape_of(field).example for key, field in fields.items() if field.is_required()}
    kept = {key: value for key, value in values.items() if key not in broken}
    return {key: example for key, example in examples.items() if key in broken} | kept


def _checked(settings: Settings, broken: AbstractSet[str]) -> Iterator[Problem]:
    """Give what the rules between several keys find, but for those about keys that are broken themselves."""
    for rule in RULES:
        if not broken & rule.needs:
            yield from rule.check(settings)


def _problems(error: ValidationError) -> list[Problem | UnknownKey]:
    """Translate pydantic's findings. A list is not too short as well when what is in it is broken."""
    details = error.errors(include_url=False, include_context=False)
    above = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    return [_problem(detail) for detail in details if detail["loc"] not in above]


def _problem(detail: ErrorDetails) -> Problem | UnknownKey:
    path: Path = detail["loc"]
    if detail["type"] == "extra_forbidden":
        section = shape_at(Settings, path[:-1]).section or Settings
        return UnknownKey(path, list(fields_of(section)), list(all_keys(Settings)))
    if path[-1] == "[key]":
        shape = shape_at(Settings, (*path[:-2], "[key]"))
        return Problem(path[:-2], path[-2], f"a key must be {shape.allowed}", shape.example)
    shape = shape_at(Settings, path)
    got = MISSING if detail["type"] == "missing" else detail["input"]
    example = (isinstance(got, str) and nearest(got, shape.choices)) or shape.example
    return Problem(path, got, f"must be {shape.allowed}", example)
