"""Turns a resource graph into boxes and arrows: a box a component and region, an arrow a way that data takes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cli.reporting.graph import Graph, Resource

_QUEUE, _FUNCTION = "sqs/queue:Queue", "lambda/function:Function"
_ALIAS = "lambda/alias:Alias"
_TABLE, _COPY = "dynamodb/table:Table", "dynamodb/tableReplica:TableReplica"
_BUCKET, _TOPIC = "s3/bucket:Bucket", "sns/topic:Topic"
_VERSIONS = "s3/bucketVersioning:BucketVersioning"
_SCHEDULE = "scheduler/schedule:Schedule"

KINDS: Mapping[str, tuple[str, str]] = {
    _SCHEDULE: ("schedule", "schedules"),
    _FUNCTION: ("function", "functions"),
    _QUEUE: ("queue", "queues"),
    _TABLE: ("table", "tables"),
    _COPY: ("table copy", "table copies"),
    _BUCKET: ("bucket", "buckets"),
    _TOPIC: ("topic", "topics"),
    "cloudwatch/metricAlarm:MetricAlarm": ("alarm", "alarms"),
    "cloudwatch/eventRule:EventRule": ("event rule", "event rules"),
    "cloudwatch/dashboard:Dashboard": ("dashboard", "dashboards"),
    "backup/vault:Vault": ("vault", "vaults"),
    "cloudtrail/trail:Trail": ("trail", "trails"),
    "budgets/budget:Budget": ("budget", "budgets"),
    "kms/key:Key": ("key", "keys"),
    "ec2/vpc:Vpc": ("network", "networks"),
    "ec2/vpcEndpoint:VpcEndpoint": ("endpoint", "endpoints"),
    "lambda/layerVersion:LayerVersion": ("layer", "layers"),
    "iam/role:Role": ("role", "roles"),
}
"""The resources that a picture names, by the end of their type: one of them, and several."""

_MINOR = frozenset({"iam/role:Role"})
"""Named only in a box that holds nothing else: nearly every component has one."""
_NAMED = 7
"""Resources of a kind that a box names; more are counted."""


class Way(StrEnum):
    """What goes along an arrow."""

    STARTS = "starts"
    SENDS = "sends to"
    FEEDS = "feeds"
    USES = "reads and writes"
    COPIES = "is replicated to"
    TELLS = "tells"


class Arrow(NamedTuple):
    """From one box to another, by their keys. `both` says that the way back is taken too."""

    source: str
    target: str
    way: Way
    both: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A component in one region. `lines` are its main resources."""

    key: str
    name: str
    type: str
    region: str
    lines: tuple[str, ...]
    resources: int


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is drawn."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    resources: int


def architecture(graph: Graph) -> Architecture:
    """Give the boxes and arrows of a graph. Every resource is counted in the box of the nearest component."""
    members: dict[str, list[Resource]] = {}
    for item in graph.resources.values():
        if not item.is_component:
            members.setdefault(_key(graph, item), []).append(item)
    boxes = {key: _box(graph, key, items) for key, items in members.items()}
    shown = {key: box for key, box in boxes.items() if box.lines}
    found = dict.fromkeys(arrow for arrow in _arrows(graph) if {arrow.source, arrow.target} <= shown.keys())
    total = sum(len(items) for items in members.values())
    return Architecture(tuple(shown.values()), tuple(_merged(list(found))), total)


def _key(graph: Graph, item: Resource) -> str:
    home = next(graph.components(item), None)
    return f"{home.urn if home else ''}@{item.region}"


def _box(graph: Graph, key: str, items: list[Resource]) -> Box:
    urn, _, region = key.rpartition("@")
    home = graph.resources.get(urn)
    name, kind = (home.name, home.type.rpartition(":")[2]) if home else ("stack", "Stack")
    above = next(graph.components(home), None) if home else None
    main = [item for item in items if _kind(item)]
    major = [item for item in main if _kind(item) not in _MINOR]
    lines = tuple(_lines(name, major or main))
    return Box(key, name.removeprefix(f"{above.name}-") if above else name, kind, region, lines, len(items))


def _kind(item: Resource) -> str:
    kind = item.type.rpartition("aws:")[2]
    return kind if kind in KINDS else ""


def _lines(box: str, items: list[Resource]) -> Iterator[str]:
    counts = Counter(map(_kind, items))
    for kind, count in counts.items():
        one, many = KINDS[kind]
        if count > _NAMED:
            yield f"{count} {many}"
        else:
            yield from (f"{one} {_short(item.name, box, one)}".strip() for item in items if _kind(item) == kind)


def _short(name: str, box: str, kind: str) -> str:
    """Leave out of a resource's name what its box and its kind say already."""
    rest = name.removeprefix(box).strip("-")
    return "" if rest == kind else rest


def _arrows(graph: Graph) -> Iterator[Arrow]:
    for item in graph.resources.values():
        here = _key(graph, item)
        kind = item.type.rpartition("aws:")[2]
        match kind:
            case "lambda/eventSourceMapping:EventSourceMapping":
                targets = _boxes(graph, item, _FUNCTION, _ALIAS)
                yield from (Arrow(q, f, Way.FEEDS) for q in _boxes(graph, item, _QUEUE) for f in targets)
            case "scheduler/schedule:Schedule":
                yield from (Arrow(here, f, Way.STARTS) for f in _boxes(graph, item, _FUNCTION, _ALIAS))
            case "lambda/function:Function":
                yield from (Arrow(here, q, Way.SENDS) for q in _boxes(graph, item, _QUEUE))
                yield from (Arrow(here, b, Way.USES) for b in _boxes(graph, item, _TABLE, _BUCKET, _VERSIONS))
            case "s3/bucketReplicationConfig:BucketReplicationConfig":
                yield from _replication(graph, item)
            case "dynamodb/tableReplica:TableReplica":
                yield from (Arrow(t, here, Way.COPIES) for t in _boxes(graph, item, _TABLE) if t != here)
            case "cloudwatch/metricAlarm:MetricAlarm" | "cloudwatch/eventTarget:EventTarget":
                yield from (Arrow(here, t, Way.TELLS) for t in _boxes(graph, item, _TOPIC) if t != here)


def _boxes(graph: Graph, item: Resource, *types: str) -> list[str]:
    """Give the boxes of what a resource depends on, of these types."""
    found = (graph.resources.get(urn) for urn in item.dependencies)
    return list(dict.fromkeys(_key(graph, one) for one in found if one and one.type.endswith(types)))


def _replication(graph: Graph, item: Resource) -> Iterator[Arrow]:
    """The rule stands in the region of the bucket that it copies from."""
    boxes = _boxes(graph, item, _BUCKET, _VERSIONS)
    sources = [key for key in boxes if key.rpartition("@")[2] == item.region]
    yield from (Arrow(s, t, Way.COPIES) for s in sources for t in boxes if t not in sources)


def _merged(arrows: list[Arrow]) -> Iterator[Arrow]:
    """Make one arrow of a queue that feeds a function which sends to it again."""
    fed = {(arrow.source, arrow.target) for arrow in arrows if arrow.way is Way.FEEDS}
    sent = {(arrow.source, arrow.target) for arrow in arrows if arrow.way is Way.SENDS}
    for arrow in arrows:
        back = (arrow.target, arrow.source)
        if arrow.way is Way.FEEDS and back in sent:
            yield arrow._replace(both=True)
        elif not (arrow.way is Way.SENDS and back in fed):
            yield arrow
