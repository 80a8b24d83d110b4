"""What a recorded graph means for the picture."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import combinations
from typing import Any

import pytest

from cli.reporting.architecture import Architecture, Way, architecture
from cli.reporting.architecture_chart import architecture_chart
from cli.reporting.graph import Graph, parse_graph
from cli.reporting.layout import BOX_WIDTH, lay_out
from functions.engine.errors import ConfigurationError
from tests.program.kit import recorded
from tests.reporting.graphs import component, graph, pipeline, resource


def names(drawn: Architecture) -> dict[str, str]:
    """Give the name of each box."""
    return {box.key: box.name for box in drawn.boxes}


def test_a_component_is_a_box_with_its_main_resources() -> None:
    """What only belongs to them is counted; more than a few of a kind are counted too."""
    drawn = architecture(graph())
    lines = {box.name: (box.lines, box.resources) for box in drawn.boxes}
    assert lines["start"] == (("function",), 2)
    assert lines["alarms"] == (("9 alarms",), 9)
    assert lines["vault"] == (("bucket",), 2)
    assert "feed" not in lines
    assert drawn.resources == 21


def test_arrows_say_what_goes_where() -> None:
    """From the schedule to the replica; a function that feeds its own queue has one arrow both ways."""
    drawn = architecture(graph())
    name = names(drawn)
    found = {(name[arrow.source], arrow.way, name[arrow.target], arrow.both) for arrow in drawn.arrows}
    assert found == {
        ("schedules", Way.STARTS, "start", False),
        ("start", Way.SENDS, "jobs", False),
        ("jobs", Way.FEEDS, "work", True),
        ("work", Way.USES, "vault", False),
        ("vault", Way.COPIES, "copy", False),
        ("alarms", Way.TELLS, "notices", False),
    }


def test_another_region_is_said() -> None:
    """The stack's own is not, whether a resource names it or leaves it out."""
    regions = {box.name: box.region for box in architecture(graph()).boxes}
    assert {name for name, region in regions.items() if region} == {"copy"}
    assert regions["copy"] == "us-west-2"


def test_no_box_lies_on_another_and_all_lie_in_the_picture() -> None:
    """Arrows lead to the right where there is no circle."""
    drawn = architecture(graph())
    layout = lay_out(drawn)
    places = list(layout.places.values())
    assert len(places) == len(drawn.boxes)
    for one, other in combinations(places, 2):
        beside = one.x + BOX_WIDTH <= other.x or other.x + BOX_WIDTH <= one.x
        above = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert beside or above
    assert all(place.x >= 0 and place.x + BOX_WIDTH <= layout.width for place in places)
    assert all(place.y >= 0 and place.y + place.height <= layout.height for place in places)
    for arrow in drawn.arrows:
        assert layout.places[arrow.source].x < layout.places[arrow.target].x


def test_the_graph_of_production_can_be_read() -> None:
    """Its way from the schedules to the second region is there, and no box is taller than the screen."""
    items = [asdict(item) for item in recorded("prod").resources]
    drawn = architecture(parse_graph(json.dumps(items, default=str), "recorded"))
    assert drawn.resources > 150
    assert len(drawn.boxes) < 60
    assert max(place.height for place in lay_out(drawn).places.values()) < 300
    name = names(drawn)
    found = {(name[arrow.source], arrow.way, name[arrow.target]) for arrow in drawn.arrows}
    assert found >= {
        ("schedules", Way.STARTS, "initiator"),
        ("initiator", Way.SENDS, "jobs"),
        ("jobs", Way.FEEDS, "worker"),
        ("worker", Way.USES, "repository-us-east-1"),
        ("repository-us-east-1", Way.COPIES, "replica-us-west-2"),
        ("tables", Way.COPIES, "tables"),
        ("restores", Way.FEEDS, "restore-worker"),
        ("alarms", Way.TELLS, "notices"),
    }


def test_what_pulumi_exports_is_a_graph_too() -> None:
    """Under `deployment`, with the region among the inputs; so is what a list under `graph` holds."""
    items = pipeline()
    for item in items:
        if "region" in item:
            item["inputs"] = {"region": item.pop("region")}
    for document in ({"version": 3, "deployment": {"resources": items}}, {"graph": items}, items):
        assert architecture(parse_graph(json.dumps(document), "export")) == architecture(graph())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "no list of resources"),
        ('{"deployment": 3}', "no list of resources"),
        ("[3]", "resource 1 is int"),
        ('[{"urn": "a"}]', "has no urn or no type"),
    ],
)
def test_what_is_no_graph_is_one_clear_error(text: str, reason: str) -> None:
    """With the file's name, and how to get one."""
    with pytest.raises(ConfigurationError, match=reason) as caught:
        parse_graph(text, "graph.json")
    assert "graph.json" in caught.value.message
    assert "pulumi stack export" in caught.value.remedy


def circle() -> list[dict[str, Any]]:
    """Give functions that send to each other round and round, in components that lie in each other."""
    items = []
    for number in range(6):
        home, following = f"f{number}", f"q{(number + 1) % 6}"
        items += [
            component(home, "Function", f"urn:f{(number + 1) % 6}"),
            component(f"box-q{number}", "Queue"),
            resource(f"fn{number}", "lambda/function:Function", home, following),
            resource(f"q{number}", "sqs/queue:Queue", f"box-q{number}"),
            resource(f"m{number}", "lambda/eventSourceMapping:EventSourceMapping", home, f"q{number}", f"fn{number}"),
        ]
    return items


def chain(length: int) -> list[dict[str, Any]]:
    """Give a long row of functions and queues, each after the other."""
    items = []
    for number in range(length):
        items += [
            component(f"f{number}", "Function"),
            component(f"b{number}", "Queue"),
            resource(f"fn{number}", "lambda/function:Function", f"f{number}", f"q{number}"),
            resource(f"q{number}", "sqs/queue:Queue", f"b{number}"),
            resource(
                f"m{number}",
                "lambda/eventSourceMapping:EventSourceMapping",
                f"f{number}",
                f"q{number}",
                f"fn{number + 1}",
            ),
        ]
    return items


@pytest.mark.parametrize("items", [[], circle(), chain(400)], ids=["nothing", "circle", "chain"])
def test_any_graph_can_be_drawn(items: list[dict[str, Any]]) -> None:
    """Nothing at all, what goes round, and what is far longer than any stack."""
    drawn = architecture(parse_graph(json.dumps(items), "graph.json"))
    picture = architecture_chart(drawn)
    assert picture.startswith("<svg")
    assert picture.count('class="box"') == len(drawn.boxes)


def test_a_dependency_on_nothing_is_left_out() -> None:
    """A file may be cut down, or older than the stack."""
    lone = Graph({})
    assert architecture(lone).boxes == ()
    items = [component("f", "Function"), resource("fn", "lambda/function:Function", "f", "nowhere")]
    assert architecture(parse_graph(json.dumps(items), "g")).arrows == ()
