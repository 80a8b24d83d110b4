"""All rules, and what they find."""

from __future__ import annotations

from collections.abc import Iterator

from policies import buckets, keys, work
from policies.model import Finding, Rule, Stack

RULES: tuple[Rule, ...] = (*buckets.RULES, *keys.RULES, *work.RULES)


def findings(stack: Stack) -> Iterator[tuple[Rule, Finding]]:
    """Give everything that is wrong, with the rule that says so."""
    for rule in RULES:
        for finding in rule.check(stack):
            yield rule, finding
