"""Which metrics the functions count, read from their source, and with which dimensions telemetry writes them."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from functions.contract.metric_names import Metric
from functions.runtime.telemetry import Telemetry

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


class Emission(NamedTuple):
    """A place that counts a metric."""

    metric: str
    source: bool
    code: bool
    only_events: bool
    """It counts 1 when something happens, and nothing when it does not."""


class Written(NamedTuple):
    """A metric as CloudWatch gets it."""

    namespace: str
    metric: str
    dimensions: frozenset[str]


@cache
def emissions() -> frozenset[Emission]:
    """Find every call of `count` of telemetry in the functions."""
    found: set[Emission] = set()
    for path in sorted(FUNCTIONS.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        loops = [node for node in ast.walk(tree) if isinstance(node, ast.For)]
        for call in _counts(tree):
            keywords = {word.arg for word in call.keywords}
            event = isinstance(call.args[1], ast.Constant) and call.args[1].value == 1
            found |= {
                Emission(metric, "source" in keywords, "code" in keywords, event)
                for metric in _metrics(call, loops, assigned)
            }
    return frozenset(found)


@cache
def written() -> frozenset[Written]:
    """Let telemetry write each of them, and read namespace and dimensions from its documents."""
    found: set[Written] = set()
    for emission in emissions():
        stream = io.StringIO()
        telemetry = Telemetry("test", "stack", stream=stream)
        telemetry.count(
            getattr(Metric, emission.metric),
            1,
            source="source" if emission.source else None,
            code="code" if emission.code else None,
        )
        telemetry.flush()
        for line in stream.getvalue().splitlines():
            for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]:
                found |= {
                    Written(directive["Namespace"], metric["Name"], frozenset(names))
                    for metric in directive["Metrics"]
                    for names in directive["Dimensions"]
                }
    return frozenset(found)


def _counts(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "count":
            spelt = ast.unparse(node.func.value)
            if spelt.endswith("telemetry"):
                yield node


def _metrics(call: ast.Call, loops: list[ast.For], assigned: dict[str, ast.expr]) -> set[str]:
    """Give the names of the metrics that a call counts; one in a variable is looked for in the loop around it."""
    named = _named(call.args[0])
    if not named and isinstance(call.args[0], ast.Name):
        variable = call.args[0].id
        around = [loop for loop in loops if variable in _variables(loop.target) and call in ast.walk(loop)]
        for loop in around:
            named |= _named(loop.iter)
            named |= {name for used in _variables(loop.iter) & assigned.keys() for name in _named(assigned[used])}
    assert named, f"which metric is counted by {ast.unparse(call)}?"
    return named


def _named(tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Metric"
    }


def _variables(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
