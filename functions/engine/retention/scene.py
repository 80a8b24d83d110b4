"""What all steps of one collection share."""

from __future__ import annotations

from dataclasses import dataclass

from functions.engine.retention.history import History
from functions.engine.retention.locks import Extender
from functions.engine.retention.pack_table import PackTable
from functions.engine.retention.plan import Sink
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.settings import CollectionReport, CollectSettings


@dataclass(frozen=True, slots=True)
class Scene:
    """What a collection works with. `table` holds the packs as they were listed before any backup was looked at."""

    ports: CollectorPorts
    settings: CollectSettings
    report: CollectionReport
    history: History
    table: PackTable
    extender: Extender
    sink: Sink
