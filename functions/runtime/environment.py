"""Reads a function's environment into its class of the contract, and names all that is wrong with it at once."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from types import NoneType
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from functions.contract.environment import CommonEnvironment
from functions.engine.errors import ConfigurationError

E = TypeVar("E", bound=CommonEnvironment)

_HINT = "correct the function's environment variables; a deployment writes them"
_SECRET = re.compile(r"SECRET|PASSWORD|PASSPHRASE|TOKEN|CREDENTIAL|PRIVATE|ACCESS_KEY|API_KEY", re.IGNORECASE)
_SHOWN = 120
"""Characters of a value that a message shows."""
_LABEL = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
"""Names of stacks and sources stand in dimensions of metrics and in subjects of notices: both are ASCII."""
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_EXAMPLES = (
    ("aws_region", "eu-central-1"),
    ("endpoint_url", "http://127.0.0.1:4566"),
    ("_url", "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"),
    ("_arn", "arn:aws:sns:eu-central-1:123456789012:notices"),
    ("sources", '[{"name": "reports", "bucket": "acme-reports", "prefix": "clients/"}]'),
    ("buckets", '["acme-restored"]'),
    ("bucket", "acme-reports"),
    ("prefix", "clients/"),
    ("priority", '["board", "legal-*"]'),
    ("_table", "strongroom-prod-runs"),
    ("function_name", "strongroom-prod-initiator"),
    ("log_level", "INFO"),
    ("stack", "prod"),
    ("name", "reports"),
)
"""By the end of a field's name."""


def read_environment(kind: type[E], environ: Mapping[str, str]) -> E:
    """Read the variables that the fields of `kind` name. An empty variable is one that is not set.

    ConfigurationError names every variable that is missing or wrong, its value, what is allowed and an example.
    """
    reader = _Reader()
    hints = get_type_hints(kind)
    values = {}
    for item in fields(kind):
        place = _Place(item.name.upper(), item.name)
        text = environ.get(place.path, "")
        if text:
            values[item.name] = reader.variable(text, hints[item.name], place)
        elif item.default is MISSING:
            reader.missing(place)
    if reader.problems:
        count = "1 environment variable" if len(reader.problems) == 1 else f"{len(reader.problems)} settings"
        lines = "".join(f"\n  {problem}" for problem in reader.problems)
        raise ConfigurationError(f"{count} cannot be used:{lines}\n", hint=_HINT)
    return kind(**values)


class _Place(NamedTuple):
    """Where a value stands, for people, and the field that it is for."""

    path: str
    field: str


class _Reader:
    """Reads values and collects what is wrong. What it gives for a wrong value is never used."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def missing(self, place: _Place) -> None:
        self.problems.append(f"{place.path} is missing, such as {_example(place.field)}")

    def variable(self, text: str, hint: Any, place: _Place) -> Any:  # noqa: ANN401 - as many types as fields have
        """Give the value that a variable's text stands for."""
        hint = next((some for some in get_args(hint) if some is not NoneType), hint) if _optional(hint) else hint
        if hint is bool:
            return self._one_of(text.lower(), _TRUTHS, text, place)
        if hint in {int, float}:
            return self._number(text, hint, place)
        if get_origin(hint) is Literal:
            return self._one_of(text, {value: value for value in get_args(hint)}, text, place)
        if get_origin(hint) is not tuple:
            return self._json(text, hint, place)
        try:
            value = json.loads(text)
        except ValueError as error:
            return self._refuse(text, f"must be JSON: {error}", place)
        return self._json(value, hint, place)

    def _one_of(self, key: str, allowed: Mapping[str, object], text: str, place: _Place) -> object:
        if key in allowed:
            return allowed[key]
        return self._refuse(text, f"must be one of {', '.join(allowed)}{_nearest(key.upper(), allowed)}", place)

    def _number(self, text: str, hint: type[int | float], place: _Place) -> object:
        number = float(text) if _NUMBER.fullmatch(text) and len(text) <= _SHOWN else math.nan
        if hint is int and not (number >= 1 and "." not in text):
            return self._refuse(text, "must be a whole number of 1 or more", place, "30")
        if hint is float and not 0 < number <= 100:  # noqa: PLR2004 - per cent
            return self._refuse(text, "must be a number above 0, up to 100", place, "1.5")
        return hint(text)

    def _json(self, value: object, hint: Any, place: _Place) -> Any:  # noqa: ANN401 - as many types as fields have
        """Give what a JSON value stands for: text, a list, or an object with the fields of a class."""
        if get_origin(hint) is tuple:
            return self._list(value, get_args(hint)[0], place)
        if is_dataclass(hint):
            return self._object(value, hint, place)
        if not isinstance(value, str) or (not value and place.field != "prefix"):
            return self._refuse(value, "must be text", place)
        if place.field.endswith("prefix") and value and not value.endswith("/"):
            return self._refuse(value, "must be empty or end with '/'", place, f"{value}/")
        if place.field in {"stack", "name"} and not _LABEL.fullmatch(value):
            return self._refuse(value, "must be up to 100 characters of ASCII, no space at its ends", place)
        return value

    def _list(self, value: object, hint: Any, place: _Place) -> object:  # noqa: ANN401 - a type of the contract
        if not isinstance(value, list) or (is_dataclass(hint) and not value):
            least = "a list of one or more" if is_dataclass(hint) else "a list"
            return self._refuse(value, f"must be {least}, in JSON", place)
        items = [
            self._json(item, hint, _Place(f"{place.path}[{number}]", place.field)) for number, item in enumerate(value)
        ]
        names = [item["name"] for item in value if isinstance(item, dict) and isinstance(item.get("name"), str)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._refuse(name, "must be the name of one source only", place, json.dumps(f"{name}-2"))
        return tuple(items)

    def _object(self, value: object, kind: Any, place: _Place) -> object:  # noqa: ANN401 - a class of the contract
        if not isinstance(value, dict):
            return self._refuse(value, "must be an object, in JSON", place, _example(place.field)[1:-1])
        before = len(self.problems)
        hints, known = get_type_hints(kind), {item.name: item for item in fields(kind)}
        for key in value:
            if key not in known:
                self.problems.append(
                    f"{place.path}.{key} is unknown{_nearest(key, known)}: known are {', '.join(known)}"
                )
        inside = {name: _Place(f"{place.path}.{name}", name) for name in known}
        for name, item in known.items():
            if name not in value and item.default is MISSING:
                self.missing(inside[name])
        values = {name: self._json(value[name], hints[name], inside[name]) for name in known if name in value}
        return kind(**values) if len(self.problems) == before else None

    def _refuse(self, got: object, allowed: str, place: _Place, example: str | None = None) -> Any:  # noqa: ANN401 - what it was
        shown = "***" if _SECRET.search(place.path) else _shown(got)
        such = example if example is not None else _example(place.field)
        self.problems.append(f"{place.path} is {shown}: {allowed}, such as {such}")
        return got


def _optional(hint: object) -> bool:
    return NoneType in get_args(hint)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]} ..."


def _example(name: str) -> str:
    return next((example for end, example in _EXAMPLES if name.endswith(end)), "30")


def _nearest(word: str, known: Mapping[str, object] | Sequence[str]) -> str:
    near = get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""
