"""Writes `docs/policies.md` from the rules, so that it cannot differ from them: `python -m policies.reference docs`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from policies import buckets, keys, work
from policies.model import Rule

_PAGE = """\
<!-- Written by `python -m policies.reference docs`. -->

# Policies

    pulumi preview --stack prod --policy-pack policies
    pulumi up --stack prod --policy-pack policies

What a deployment must keep to, whoever changed the program: rules over everything that it registers, most of them over
several resources at once, since what breaks a backup is seldom wrong by itself. All are mandatory. They are pure
functions of the resources; [pack.py](../policies/pack.py) hands them to Pulumi. Tests judge what the program registers
for every stack of this repository, and change one thing of it for every rule.

What is not known yet, such as ARNs in the first preview of a stack, breaks no rule: the update asks them again.
"""

_GROUPS = (("Buckets and the trail", buckets.RULES), ("Keys and who may use them", keys.RULES), ("Work", work.RULES))


def page() -> str:
    """Give the page: a table of rules, what each wants, and why."""
    return _PAGE + "".join(f"\n## {title}\n\n{_table(rules)}" for title, rules in _GROUPS)


def main(arguments: Sequence[str]) -> int:
    """Write the page into the folder that is named."""
    (Path(arguments[0]) / "policies.md").write_text(page(), encoding="utf-8")
    return 0


def _table(rules: Sequence[Rule]) -> str:
    rows = [
        ("rule", "must", "why"),
        ("---", "---", "---"),
        *((f"`{rule.name}`", rule.must, rule.why) for rule in rules),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
