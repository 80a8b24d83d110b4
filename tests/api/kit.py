"""A stack's tables and repository on the embedded AWS, and the API's router on them, called in process."""

from __future__ import annotations

import io
import itertools
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import boto3

from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.dynamo.ledger import DynamoLedger
from functions.adapters.memory import MemoryIndex
from functions.contract.states import BackupState, RunState
from functions.engine.backup import BackupJob, BackupSession, Ports
from functions.engine.model import BackupType
from functions.engine.orchestration.ports import BackupStart, Facts, Work
from functions.engine.repository import BackupName, Repository
from functions.runtime.api_history import DynamoHistory
from functions.runtime.api_ports import ApiPorts
from functions.runtime.api_router import Router
from functions.runtime.telemetry import Telemetry
from functions.runtime.toolbox import Connection, Toolbox, random_hex
from tests.tables import make_backups, make_ledger

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

START = datetime(2026, 11, 20, 2, tzinfo=UTC)
ALICE, BOB = "/users/alice/sources/reports", "/users/bob/sources/reports"
FOREVER = START + timedelta(days=400)


class Answer(NamedTuple):
    """What the API answered."""

    status: int
    document: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.document["error"]["code"])


def event(method: str, path: str, query: Mapping[str, object] | str = "", body: object = None) -> dict[str, Any]:
    """Give an event of payload format 2.0; `path` as it comes, decoded."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query if isinstance(query, str) else urlencode(query),
        "headers": {} if body is None else {"content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": "request-1"},
        **({} if body is None else {"body": text, "isBase64Encoded": False}),
    }


class Site:
    """Two users of one source, what was backed up of them, and what the API asked other functions to do."""

    def __init__(self, s3: S3Client, endpoint: str, make_bucket: Callable[..., str]) -> None:
        """Make buckets and tables; nothing is backed up yet."""
        self.s3, self.now = s3, START
        self.source, self.home = make_bucket(), make_bucket()
        self.tools = Toolbox(Connection("us-east-1", endpoint), os.environ)
        self.store, self.index = self.tools.store(self.home), MemoryIndex()
        dynamo = boto3.client("dynamodb", endpoint_url=endpoint)
        backups = make_backups(dynamo)
        self.catalog = DynamoCatalog(lambda: dynamo, backups)
        self.runs = DynamoLedger(lambda: dynamo, make_ledger(dynamo))
        self.restores = DynamoLedger(lambda: dynamo, make_ledger(dynamo))
        self.asked: list[tuple[str, Facts]] = []
        self.log = io.StringIO()
        self.seconds_left: Callable[[], float] = lambda: 29.0
        self._numbers = itertools.count()
        ports = ApiPorts(
            sources=("reports",),
            restore_buckets=("acme-restored", "acme-second"),
            runs=self.runs,
            restores=self.restores,
            history=DynamoHistory(lambda: dynamo, backups),
            store=self.store,
            start_run=lambda facts: self.asked.append(("run", facts)),
            start_restore=lambda facts: self.asked.append(("restore", facts)),
            clock=lambda: self.now,
        )
        # Loggers of one name share what they write to.
        self.router = Router(ports, Telemetry(f"api-{id(self)}", "test", stream=self.log))

    def call(self, method: str, path: str, query: Mapping[str, object] | str = "", body: object = None) -> Answer:
        """Ask the API."""
        reply = self.router.answer(event(method, path, query, body), self.seconds_left).event()
        return Answer(reply["statusCode"], json.loads(reply["body"]), reply["headers"])

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON of any form
        """Ask for something that must be given."""
        answer = self.call("GET", path, query)
        assert answer.status == 200, answer
        return answer.document

    def pages(self, path: str, name: str, **query: object) -> list[Any]:
        """Give all of a list, page by page."""
        found, more = [], self.get(path, **query)
        while True:
            found += more[name]
            if more["next_cursor"] is None:
                return found
            more = self.get(path, **query, cursor=more["next_cursor"])

    def put(self, key: str, text: str = "x") -> None:
        """Write an object of the source."""
        self.s3.put_object(Bucket=self.source, Key=key, Body=text.encode())

    def delete(self, key: str) -> None:
        """Delete an object of the source."""
        self.s3.delete_object(Bucket=self.source, Key=key)

    def back_up(self, user: str) -> str:
        """Back a user up a day after the last one; give the backup's id."""
        self.now += timedelta(days=1)
        ports = Ports(self.tools.source(self.source), self.store, self.index, lambda: self.now, random_hex)
        parent = Repository(self.store).newest("reports").get(user)
        with BackupSession(ports, workers=1) as session:
            job = BackupJob("reports", user, "clients/", BackupType.INCREMENTAL, "run", parent)
            record = session.backup(job).record
        self.catalog.complete(record, "manual", FOREVER)
        return record.backup_id

    def fail(self, user: str) -> str:
        """Note a backup that failed."""
        self.now += timedelta(hours=1)
        backup_id = f"{self.now:%Y%m%dT%H%M%SZ}-{random_hex(4)}"
        start = BackupStart("reports", user, backup_id, self.now, "run", BackupType.FULL, "manual", FOREVER)
        self.catalog.start(start)
        self.catalog.advance(start, BackupState.FAILED, "STORE_UNAVAILABLE: s3://secret-bucket did not answer")
        return backup_id

    def name(self, user: str, backup_id: str) -> BackupName:
        """Give the whole name of a backup."""
        return BackupName("reports", user, backup_id)

    def run(self, status: RunState = RunState.COMPLETED, *, expected: int | None = 2, **facts: object) -> str:
        """Note a run."""
        self.now += timedelta(seconds=1)
        run_id = f"{self.now:%Y%m%dT%H%M%SZ}-{next(self._numbers):08x}"
        known = {
            "source": "reports",
            "prefix": "clients/",
            "type": "MANUAL",
            "trigger": "manual",
            "selected": "",
            "window_end": f"{self.now + timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}",
            "priority": [],
        }
        work = Work(
            run_id, status.value, self.now, {**known, **facts}, expected=expected, done=1, counts={"completed": 1}
        )
        self.runs.open(work, FOREVER)
        return run_id
