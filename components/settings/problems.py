"""What is wrong with a configuration, said so that it can be put right without looking anything up."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from functions.engine.errors import ConfigurationError

PROJECT: Final = "strongroom"
_SHOWN: Final = 120
"""Characters of a value that a message shows."""
_SAID: Final = 100
"""Problems that a message names, so that a terminal holds it."""
_HIDDEN: Final = "***"
_SECRET: Final = re.compile(r"secret|password|passphrase|token|credential|private|access_?key|api_?key", re.IGNORECASE)
_HINT: Final = "docs/configuration.md names every key; correct the stack's file and run the command again"

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a value that is not there."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what was found there, what is allowed, and an example of it."""

    path: Path
    got: object
    must: str
    example: object

    def line(self, secrets: Collection[str] = ()) -> str:
        """Give one line for people. What `secrets` names, or is named like one, is not shown."""
        key = key_of(self.path)
        hidden = str(self.path[0]) in secrets or key in secrets or bool(_SECRET.search(key))
        found = "missing" if self.got is MISSING else _HIDDEN if hidden else shown(self.got)
        return f"{key} is {found}: {self.must}, such as {example_text(self.example)}"


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that does not exist, and those that do: by their names, and by their names from the top."""

    path: Path
    known: Sequence[str]
    everywhere: Sequence[str]

    def line(self, _secrets: Collection[str] = ()) -> str:
        """Give one line for people. Its value is never shown: it may be anything."""
        near = nearest(str(self.path[-1]), (*self.known, *self.everywhere))
        meant = f" (did you mean {near}?)" if near else ""
        return f"{key_of(self.path)} is unknown{meant}: known are {', '.join(self.known)}"


def refuse(problems: Iterable[Problem | UnknownKey], secrets: Collection[str]) -> ConfigurationError:
    """Give the one error that names them all."""
    lines = list(dict.fromkeys(problem.line(secrets) for problem in problems))
    count = "1 setting" if len(lines) == 1 else f"{len(lines)} settings"
    said = [*lines[:_SAID], f"... and {len(lines) - _SAID} more"] if len(lines) > _SAID else lines
    return ConfigurationError(f"{count} cannot be used:\n" + "".join(f"  {line}\n" for line in said), hint=_HINT)


def key_of(path: Path) -> str:
    """Give a key as `pulumi config set --path` takes it. Keys of other namespaces hold a colon already."""
    first, *rest = path
    key = str(first) if ":" in str(first) else f"{PROJECT}:{first}"
    return _cut(key + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest))


def shown(value: object) -> str:
    """Give a value as it would stand in YAML, cut to a line, without what its keys call a secret."""
    return _cut(json.dumps(_masked(value), ensure_ascii=False, default=str))


def example_text(example: object) -> str:
    """Give an example as it would be typed."""
    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Give the known word that was probably meant. `retention_days` means `retention.days`."""
    plain = {_plain(name): name for name in reversed(known)}
    near = get_close_matches(_plain(word[:_SHOWN]), list(plain), 1)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _masked(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _HIDDEN if _SECRET.search(str(key)) else _masked(inner) for key, inner in value.items()}
    return [_masked(inner) for inner in value] if isinstance(value, list | tuple) else value


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]} ..."
