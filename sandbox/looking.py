"""Looks at the whole stack as `strongroom status` does: by its outputs, its settings and its resources."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from bundle.paths import ROOT
from cli.reporting.gather import Question, gather
from cli.reporting.graph import Graph, parse_graph
from cli.reporting.summary import Summary, summarise
from cli.stack import DAYS, read_outputs
from cli.stack_file import read_stack
from functions.runtime.cloud import Cloud
from functions.runtime.stack_reading import StackReader
from functions.runtime.toolbox import Connection, Toolbox, now
from sandbox.aws import ADMIN, session
from sandbox.nights.figures import FORECAST
from sandbox.nights.stack import FaultError
from sandbox.state import State

if TYPE_CHECKING:
    from boto3.session import Session

_KEYS = {"AWS_ACCESS_KEY_ID": ADMIN, "AWS_SECRET_ACCESS_KEY": ADMIN}


class AdminCloud(Cloud):
    """Clients of somebody who may do everything, whatever credentials this process has."""

    def _made_session(self) -> Session:
        return session(self._region)


def toolbox(state: State) -> Toolbox:
    """Give the operator's tools, for somebody who may do everything. Close them."""
    return Toolbox(Connection(state.region, state.endpoint), _KEYS)


def look(state: State) -> Summary:
    """Read everything that is to be known of the stack. What cannot be read is missing, with its reason."""
    names = read_outputs(json.dumps(state.exports))
    settings = read_stack(ROOT, FORECAST)
    question = Question(names=names, now=now(), days=DAYS, graph=_graph(state), settings=settings)
    with toolbox(state) as tools:
        store = tools.store(state.exports["BackupBucketName"])
        return summarise(gather(StackReader(AdminCloud(state.region, state.endpoint)), store, question))


def insist_on_all(found: Summary) -> None:
    """Raise FaultError when a part could not be read: here is nothing that keeps it from being read."""
    missing = [f"{name}: {part.reason}" for name, part in found.missing]
    if missing:
        raise FaultError(f"not all of the stack could be read: {'; '.join(missing)}")


def _graph(state: State) -> Graph:
    """Give the resources as they were registered."""
    return parse_graph(json.dumps([asdict(resource) for resource in state.graph]), "the recorded graph")
