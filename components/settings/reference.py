"""Writes what repeats the settings, so that it cannot differ from them: `python -m components.settings.reference .`.

`Pulumi.yaml` gets the typed schema of the configuration, `docs/configuration.md` the page for people.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING

from components.settings.problems import PROJECT
from components.settings.rules import RULES
from components.settings.rules_time import life_days
from components.settings.shapes import Shape, default_of, fields_of, shape_of
from components.settings.stack import Settings
from components.settings.storage_prices import CLASSES, explain_tier
from functions.contract.prices import AS_OF, REGION

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from components.settings.section import Section

_WIDTH = 110

_PROJECT = """\
# Written by `python -m components.settings.reference .` from components/settings. What a stack differs in stands in
# its own file, Pulumi.<stack>.yaml; docs/configuration.md explains every key.
name: strongroom
description: Deduplicated, immutable, cross-region backup of S3 data, proved by restoring it.
license: Apache-2.0
runtime:
  name: python
  options:
    toolchain: pip
    virtualenv: .venv
config:
"""

_PAGE = """\
<!-- Written by `python -m components.settings.reference .` -->

# Configuration

A stack is configured by its file, `Pulumi.<stack>.yaml`. Keys are in the namespace `strongroom`:

```yaml
config:
  strongroom:environment: prod
  strongroom:accountId: "123456789012"
  strongroom:sources:
    - {name: reports, bucket: acme-reports, prefix: clients/}
  strongroom:retention: {days: 90}
```

The same from the command line: `pulumi config set --path strongroom:retention.days 90`. An object in a stack's file
replaces that of [Pulumi.yaml](../Pulumi.yaml) as a whole; what it leaves out has its default all the same.

Every default is the safe choice. `prod`, and every environment that begins with `prod-`, must not be relaxed. All
problems are named together, each with its key, the value found, what is allowed and an example; unknown keys are
refused. Secrets (`pulumi config set --secret`) are not shown in messages.

Of the provider's own keys, `aws:region` must be the stack's region, and `aws:allowedAccountIds` should name its
account: then nothing can be deployed to another one by mistake.
"""

_RULES = """
## Rules between keys

"""

_CLASSES = """
## What storage classes cost

For 1,000 GB after deduplication, 50 GB changed a day, 1,000 users, and the default retention: the shortest-lived pack
is then stored for {days} days. Prices are those of {region} as of {date}, in US dollars. `pulumi preview` says the
same about the class that a stack has chosen, for its own retention; [cost.md](cost.md) counts a whole month.

"""


def project_file() -> str:
    """Give `Pulumi.yaml`."""
    return _PROJECT + "".join(_entry(name, field) for name, field in fields_of(Settings).items())


def page() -> str:
    """Give `docs/configuration.md`."""
    fields = fields_of(Settings)
    plain = {name: field for name, field in fields.items() if _section_of(shape_of(field)) is None}
    parts = [_PAGE, "\n## Plain keys\n\n", _keys(plain)]
    for name, field in fields.items():
        shape = shape_of(field)
        if section := _section_of(shape):
            kind = "A list of objects." if shape.kind == "array" else "An object."
            about = fill(f"{field.description} {kind}", _WIDTH)
            parts += [f"\n## {name}\n\n{about}\n\n", _keys(fields_of(section))]
    said = (" ".join((inspect.getdoc(rule.check) or "").split()) for rule in RULES)
    rules = "".join(fill(f"- {text}", _WIDTH, subsequent_indent="  ") + "\n" for text in said)
    classes = _CLASSES.format(days=_default_life(), region=REGION, date=AS_OF)
    return "".join([*parts, _RULES, rules, classes, *_class_lines()])


FILES: dict[str, Callable[[], str]] = {"Pulumi.yaml": project_file, "docs/configuration.md": page}


def described(name: str, field: FieldInfo) -> str:
    """Give a key's description, with the keys inside it and their defaults: the schema has no place for those."""
    section = _section_of(shape_of(field))
    if section is None:
        return f"{field.description} {_allowed(shape_of(field))}"
    inner = ", ".join(f"{key} ({_default(item)})" for key, item in fields_of(section).items())
    return f"{field.description} Keys: {inner}. See docs/configuration.md, {name}."


def main(arguments: Sequence[str]) -> int:
    """Write all files below the folder that is named."""
    for name, text in FILES.items():
        (Path(arguments[0]) / name).write_text(text(), encoding="utf-8")
    return 0


def _entry(name: str, field: FieldInfo) -> str:
    shape = shape_of(field)
    lines = [f"  {PROJECT}:{name}:\n    type: {shape.kind}\n"]
    if shape.item and shape.kind == "array":
        lines.append(f"    items:\n      type: {shape.item.kind}\n")
    lines.append(f"    description: >-\n{indent(fill(described(name, field), _WIDTH), ' ' * 6)}\n")
    if not field.is_required():
        lines.append("    default:" + _yaml(default_of(field), 6))
    return "".join(lines)


def _yaml(value: object, depth: int) -> str:
    """Write a default: an object line by line, everything else as JSON, which is YAML too."""
    if not isinstance(value, Mapping) or not value:
        return f" {json.dumps(value)}\n"
    return "\n" + "".join(f"{' ' * depth}{key}:{_yaml(inner, depth + 2)}" for key, inner in value.items())


def _section_of(shape: Shape) -> type[Section] | None:
    return shape.section or (shape.item.section if shape.item else None)


def _keys(fields: Mapping[str, FieldInfo]) -> str:
    rows = [
        (f"`{name}`", shape_of(field).kind, _default(field), _allowed(shape_of(field)), field.description or "")
        for name, field in fields.items()
    ]
    return _table(("key", "type", "default", "allowed", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = default_of(field)
    return "none" if default is None else f"`{json.dumps(default)}`"


def _allowed(shape: Shape) -> str:
    """Say what is allowed, of a list or a map also what each item is."""
    inner = f" of: {shape.item.allowed}" if shape.item else ""
    keys = f", by keys of {shape.key.allowed}" if shape.key else ""
    return f"{shape.allowed[0].upper()}{shape.allowed[1:]}{inner}{keys}."


def _default_life() -> int:
    return life_days(Settings.model_fields["retention"].get_default())


def _class_lines() -> Iterator[str]:
    for name in CLASSES:
        for sentence in explain_tier(name, _default_life()):
            about = "" if sentence.startswith(name) else f"{name}: "
            yield fill(f"- {about}{sentence}.", _WIDTH, subsequent_indent="  ") + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
