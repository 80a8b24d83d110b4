"""The dashboards show everything there is, and are the same at every deployment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.alarm_list import table_operations
from components.dashboards import Dashboards, DashboardsArgs
from components.settings.watching import Alarms as Limits
from components.widgets import COLUMNS, laid_out, text
from functions.contract.metric_names import NAMESPACE
from tests.components.emitted import Written, written
from tests.components.watched import HERE, STACK, THERE, registered, watched

ARGS = DashboardsArgs(watched(), Limits(), HERE, THERE, tuple(f"arn:alarm:{number}" for number in range(130)))


def bodies(args: DashboardsArgs = ARGS) -> dict[str, str]:
    """Give the bodies of the dashboards by their names."""
    found = registered(lambda: Dashboards("dashboards", args))
    return {
        item.inputs["dashboardName"]: item.inputs["dashboardBody"]
        for item in found
        if item.type == "aws:cloudwatch/dashboard:Dashboard"
    }


def widgets(name: str, args: DashboardsArgs = ARGS) -> list[dict[str, Any]]:
    """Give the widgets of a dashboard."""
    found: list[dict[str, Any]] = json.loads(bodies(args)[f"{STACK}-{name}"])["widgets"]
    return found


def metrics(name: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Give namespace, metric and dimensions of all that a dashboard draws."""
    for widget in widgets(name):
        for namespace, metric, *pairs, _how in widget["properties"].get("metrics", ()):
            yield namespace, metric, dict(zip(pairs[::2], pairs[1::2], strict=True))


def test_the_same_stack_gives_the_same_bytes() -> None:
    """No time of building, no order that changes."""
    assert bodies() == bodies()


@pytest.mark.parametrize("name", ["storage", "operations"])
def test_what_is_drawn_is_what_somebody_writes(name: str) -> None:
    """Metrics of ours have the dimensions that telemetry writes."""
    ours = [(metric, dimensions) for namespace, metric, dimensions in metrics(name) if namespace == NAMESPACE]
    assert ours
    for metric, dimensions in ours:
        assert Written(NAMESPACE, metric, frozenset(dimensions)) in written()
        assert dimensions["Stack"] == STACK


def test_everything_there_is_is_drawn() -> None:
    """Each function, queue, table, bucket and source."""
    drawn = {
        value for name in ("storage", "operations") for *_, dimensions in metrics(name) for value in dimensions.values()
    }
    things = watched()
    assert {str(function.name) for function in things.functions.values()} <= drawn
    assert {str(queue.name) for queue in (*things.queues.values(), *things.dead_letters.values())} <= drawn
    assert {str(table.name) for table in things.tables.values()} <= drawn
    assert {"repository", "replica", "everything", "group", *things.sources} <= drawn


def test_every_queue_function_and_table_has_widgets_of_its_own() -> None:
    """With the limit that its alarm has, as a line."""
    titles = {widget["properties"].get("title"): widget["properties"] for widget in widgets("operations")}
    things = watched()
    for name in things.queues:
        assert f"Queue {name}: messages" in titles
        limit = titles[f"Queue {name}: oldest"]["annotations"]["horizontal"][0]["value"]
        assert limit == Limits().oldest_message_minutes * 60
    for name, function in things.functions.items():
        assert f"Function {name}: invocations" in titles
        limit = titles[f"Function {name}: duration"]["annotations"]["horizontal"][0]["value"]
        assert limit == function.timeout * 1_000
    assert {f"Table {name}: units" for name in things.tables} <= titles.keys()


def test_the_time_of_every_kind_of_call_that_a_table_gets_is_drawn() -> None:
    """As DynamoDB measures it, of the table and not of all."""
    things = watched()
    drawn = {
        (dimensions["TableName"], dimensions["Operation"])
        for _, metric, dimensions in metrics("operations")
        if metric == "SuccessfulRequestLatency"
    }
    assert drawn == {(table.name, call) for name, table in things.tables.items() for call in table_operations(name)}
    assert len(drawn) > len(things.tables)


def test_the_latest_errors_of_all_functions_are_shown() -> None:
    """From their log groups, by the level that they log with."""
    (errors,) = [widget["properties"] for widget in widgets("operations") if widget["type"] == "log"]
    assert errors["query"].count("SOURCE '/aws/lambda/") == len(watched().functions)
    assert errors["query"].endswith('filter level = "ERROR" | sort @timestamp desc | limit 20')


def test_the_replica_is_drawn_from_its_region_but_for_failures() -> None:
    """S3 reports failures of replication in the source's region."""
    regions = {widget["properties"].get("title"): widget["properties"].get("region") for widget in widgets("storage")}
    assert regions["Replica: objects"] == regions["Replication: latency"] == regions["Replication: waiting"] == THERE
    assert regions["Replication: failed"] == regions["Repository: objects"] == HERE


def test_a_stack_without_a_replica_or_alarms_has_dashboards_too() -> None:
    """And nothing is said of a replica."""
    args = DashboardsArgs(watched(replicated=False), Limits(), HERE)
    assert "Repl" not in "".join(bodies(args).values()).replace("Replication", "Repl")
    assert [widget["type"] for widget in widgets("operations", args)].count("alarm") == 0


def test_a_widget_of_alarms_shows_a_hundred_at_most() -> None:
    """CloudWatch refuses more."""
    shown = [len(widget["properties"]["alarms"]) for widget in widgets("operations") if widget["type"] == "alarm"]
    assert shown == [100, 30]


def test_widgets_do_not_lie_upon_each_other() -> None:
    """Every place is taken once, within the columns."""
    taken: set[tuple[int, int]] = set()
    for widget in laid_out([text("a"), *widgets("operations"), text("b")]):
        assert widget["x"] + widget["width"] <= COLUMNS
        places = {(widget["x"] + x, widget["y"] + y) for x in range(widget["width"]) for y in range(widget["height"])}
        assert not places & taken
        taken |= places
