"""Judges what was used of what was granted, and shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cli.render import show_table
from sandbox.nights.stack import Stack
from sandbox.rights.decisions import Decision
from sandbox.rights.granted import Grant, Use, covered, grants, uses
from sandbox.rights.unused import NEVER, SELDOM, Reason
from sandbox.telling import Teller


class Judgement(NamedTuple):
    """What was found: the uses of all grants, why some have none, and what is wrong."""

    uses: list[Use]
    explained: dict[Reason, list[Grant]]
    faults: list[str]


def judge(stack: Stack, decided: Sequence[Decision]) -> Judgement:
    """Hold all decisions against all grants."""
    granted = grants(stack)
    found = uses(stack, granted, decided)
    explained, faults = explain(found)
    refused = [str(decision) for decision in decided if not decision.allowed]
    functions = set(stack.functions().values())
    strange = [
        f"no policy of its role allows it: {decision}"
        for decision in decided
        if decision.allowed and decision.who in functions and not covered(stack, granted, decision)
    ]
    return Judgement(found, explained, refused + strange + faults)


def explain(
    found: Iterable[Use], never: Sequence[Reason] = NEVER, seldom: Sequence[Reason] = SELDOM
) -> tuple[dict[Reason, list[Grant]], list[str]]:
    """Give the unused grants by their reason, and what is unexplained or explained for nothing."""
    known = list(found)
    explained: dict[Reason, list[Grant]] = {}
    faults = []
    for use in known:
        reason = next((one for one in (*never, *seldom) if one.explains(use.grant)), None)
        if use.calls and reason in never:
            faults.append(f"is used, although sandbox/rights/unused.py says it never is: {_words(use.grant)}")
        elif not use.calls and reason is None:
            faults.append(f"is never used, and sandbox/rights/unused.py does not say why: {_words(use.grant)}")
        elif not use.calls and reason is not None:
            explained.setdefault(reason, []).append(use.grant)
    stale = [one for one in (*never, *seldom) if not any(one.explains(use.grant) for use in known)]
    faults += [
        f"sandbox/rights/unused.py explains what nobody was granted: {one.action} {one.purpose}" for one in stale
    ]
    return explained, faults


def show(judged: Judgement, teller: Teller) -> None:
    """Print what was used, function by function, and then what was not, reason by reason."""
    used = [use for use in judged.uses if use.calls]
    rows = [(f"{use.grant.function}: {use.grant.action}", use.grant.purpose, f"{use.calls:,}") for use in used]
    show_table("Rights that were used", ("", "on", "calls"), rows)
    teller.say("Rights that were not used, and why")
    for reason, unused in judged.explained.items():
        teller.say(f"  {_unused(unused)}")
        teller.say(f"      {reason.text}", style="dim")
    functions = [(name, *_summary(judged, name)) for name in _functions(judged)]
    show_table("Rights", ("", "granted", "used", "explained", "calls"), functions)


def _unused(unused: Sequence[Grant]) -> str:
    """Say which actions of which functions those are."""
    actions = ", ".join(dict.fromkeys(grant.action for grant in unused))
    functions = ", ".join(dict.fromkeys(grant.function for grant in unused))
    return f"{actions}, by {functions}"


def _functions(judged: Judgement) -> list[str]:
    return list(dict.fromkeys(use.grant.function for use in judged.uses))


def _summary(judged: Judgement, function: str) -> tuple[str, str, str, str]:
    mine = [use for use in judged.uses if use.grant.function == function]
    used = [use for use in mine if use.calls]
    explained = sum(grant.function == function for grants in judged.explained.values() for grant in grants)
    return f"{len(mine):,}", f"{len(used):,}", f"{explained:,}", f"{sum(use.calls for use in used):,}"


def _words(grant: Grant) -> str:
    return f"{grant.function}: {grant.action} on {grant.purpose}"
