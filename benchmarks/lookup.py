"""How long it takes to look things up: `backups`, `ls` and `find` in a repository of 60 nights of 1,000 users.

`python -m benchmarks.lookup [--users N] [--nights N] [--files N] [--rounds N]` prints a table. The repository is as a
writer of the format would leave it, but for packs, which no look-up reads. Each command is a process of its own, so its
start counts. `BENCH_ENDPOINT` names the server; without it the sandbox's MiniStack is started, and the table of the
users is filled too: what looks at everybody is measured with it and without. The last night was an hour ago, since a
table is believed only of what is young.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.measure import markdown_table, median
from benchmarks.ours import PROJECT
from benchmarks.server import CREDENTIALS, Server, open_server
from functions.adapters.dynamo.users import DynamoUsers
from functions.contract.object_keys import COMMIT_NAME, commit_key, manifest_key
from functions.contract.tables import UsersTable
from functions.engine.commit import CommitRecord, SegmentRef, decode_commit, encode_commit
from functions.engine.manifest import Header, ManifestWriter, Trailer, encode_entry
from functions.engine.model import BackupStatus, BackupType, Buffer, ChunkRef, FileEntry, Properties, Totals
from functions.engine.repository import look_ahead
from functions.runtime.toolbox import Connection, Toolbox, now

SOURCE = "office"
BUCKET = "lookup-repository"
TABLE = "lookup-users"
CHANGED = 0.05
IDLE = 0.3
"""Of the nights, those in which a user changes nothing: weekends."""
SIZE = 1_000_000
_AHEAD = 512
_FOLDERS = ("letters", "offers", "pictures", "plans", "tables")


class Shape(NamedTuple):
    """How large the repository is."""

    users: int
    nights: int
    files: int
    end: datetime
    """When the last night began."""


class Measured(NamedTuple):
    """A command: the median of its seconds, and its requests."""

    command: str
    seconds: float
    requests: str


def histories(shape: Shape) -> Iterator[tuple[str, bytes]]:
    """Give every object below `snapshots/`, user by user."""
    for number in range(shape.users):
        yield from history(f"user-{number:04}", shape)


def history(user: str, shape: Shape) -> Iterator[tuple[str, bytes]]:
    """Give the manifests and commit records of a user: 5 % of the files change on a night that is not idle."""
    random = Random(user)
    keys = sorted(f"{user}/{_FOLDERS[n % len(_FOLDERS)]}/report-{n:04}.pdf" for n in range(shape.files))
    first = shape.end - timedelta(days=shape.nights)
    lines = {key: line(key, random, first) for key in keys}
    parent: str | None = None
    for night in range(shape.nights):
        started = first + timedelta(days=night + 1)
        idle = parent is not None and random.random() < IDLE
        changed = [] if idle else random.sample(keys, max(1, round(shape.files * CHANGED)))
        lines |= {key: line(key, random, started) for key in changed}
        read = SIZE * (len(changed) if parent else shape.files)
        backup = f"{started:%Y%m%dT%H%M%SZ}-{random.randbytes(4).hex()}"
        yield from written(user, backup, started, parent, lines, read)
        parent = backup


def line(key: str, random: Random, written_at: datetime) -> bytes:
    """Give a file's line: a megabyte in four chunks."""
    pack = random.randbytes(16).hex()
    chunks = tuple(ChunkRef(random.randbytes(32), pack, at * 250_000, 200_000, 250_000) for at in range(4))
    modified = f"{written_at - timedelta(hours=3):%Y-%m-%dT%H:%M:%S}.000Z"
    properties = Properties(system={"content-type": "application/pdf"})
    return encode_entry(FileEntry(key, SIZE, random.randbytes(16).hex(), modified, chunks, properties=properties))


def written(
    user: str, backup: str, started: datetime, parent: str | None, lines: dict[str, bytes], read: int
) -> Iterator[tuple[str, bytes]]:
    """Give the two objects of a backup of one segment."""
    totals = Totals(len(lines), 0, SIZE * len(lines), read, read, read)
    packs = frozenset(random_packs(backup))
    writer = ManifestWriter(Header(SOURCE, user, backup, 0))
    for one in lines.values():
        writer.add(one)
    parts, sha256 = writer.finish(Trailer(totals, packs))
    yield manifest_key(SOURCE, user, backup, 0), b"".join(parts)
    times = f"{started:%Y-%m-%dT%H:%M:%SZ}"
    keys = list(lines)
    record = CommitRecord(
        source=SOURCE,
        user=user,
        backup_id=backup,
        type=BackupType.INCREMENTAL,
        status=BackupStatus.COMPLETED,
        engine="0.1.0",
        run_id=backup,
        prefix="",
        started=times,
        finished=times,
        totals=totals,
        segments=(SegmentRef(0, sha256, keys[0], keys[-1]),),
        packs=tuple(packs),
        parent=parent,
    )
    yield commit_key(SOURCE, user, backup), encode_commit(record)


def random_packs(seed: str) -> list[str]:
    """Give as many packs as the files of a user lie in after some weeks."""
    return [hashlib.sha256(f"{seed}{number}".encode()).hexdigest()[:32] for number in range(40)]


def fill(server: Server, objects: Iterable[tuple[str, bytes]], table: str | None) -> int:
    """Write the objects, and into `table` what each user's newest is; give how many objects there are."""
    connection = Connection(endpoint=server.endpoint)
    count = 0
    newest: dict[str, bytes] = {}
    with Toolbox(connection, os.environ) as tools:
        store = tools.store(BUCKET)

        def begin(item: tuple[str, bytes]) -> Future[None]:
            key, data = item
            parts: list[Buffer] = [data]
            if key.endswith(COMMIT_NAME):
                newest[key.rsplit("/", 2)[0]] = data
            return store.put_new(key, parts)

        for done in look_ahead(begin, objects, _AHEAD):
            done.result()
            count += 1
        if table is not None:
            users = DynamoUsers(tools.cloud().dynamodb, table)
            for data in newest.values():
                users.backed_up(decode_commit(data, ""))
    return count


def make_table(server: Server) -> str:
    """Make the table of the users; give its name."""
    source, user = UsersTable.PARTITION_KEY, UsersTable.SORT_KEY
    with Toolbox(Connection(endpoint=server.endpoint), os.environ) as tools:
        tools.cloud().dynamodb().create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": source, "KeyType": "HASH"},
                {"AttributeName": user, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (source, user)],
            BillingMode="PAY_PER_REQUEST",
        )
    return TABLE


def write_outputs(path: Path, table: str | None) -> Path:
    """Write what the commands are told of the stack."""
    tables = {"users": table} if table is not None else {}
    outputs = {"BackupBucketName": BUCKET, "Region": CREDENTIALS["AWS_REGION"], "Tables": tables}
    path.write_text(json.dumps(outputs), encoding="utf-8")
    return path


def commands(shape: Shape) -> dict[str, list[str]]:
    """Give what is measured, by what it is called in the table."""
    user = f"user-{shape.users // 2:04}"
    then = f"{shape.end - timedelta(days=shape.nights // 2):%Y-%m-%dT%H:%M:%SZ}"
    key = f"{user}/plans/report-0003.pdf"
    return {
        "backups": ["backups"],
        "backups --from-bucket": ["backups", "--from-bucket"],
        "backups --as-of": ["backups", "--as-of", then],
        "backups --user": ["backups", "--user", user],
        "ls --user": ["ls", "--user", user],
        "ls --user --as-of, a folder": ["ls", "plans/", "--user", user, "--as-of", then],
        "find a word --user": ["find", "report-0003", "--user", user],
        "find a key --user": ["find", f"{key}*", "--user", user],
        "find a pattern of one user": ["find", f"{user}/*0003*"],
        "find a pattern of one user --from-bucket": ["find", f"{user}/*0003*", "--from-bucket"],
        "find a word, everybody": ["find", "report-0003"],
        "find a word, everybody --from-bucket": ["find", "report-0003", "--from-bucket"],
        "diff --user": ["diff", "--user", user],
    }


def measure(server: Server, name: str, arguments: list[str], outputs: Path, rounds: int) -> Measured:
    """Run a command some times."""
    where = ["--outputs", str(outputs), "--endpoint", server.endpoint, "--json"]
    line = [sys.executable, "-m", "cli", *arguments, *where]
    seconds = []
    for _ in range(rounds):
        server.reset()
        started = time.perf_counter()
        done = subprocess.run(line, cwd=PROJECT, env=server.environment(), stdout=subprocess.DEVNULL, check=True)
        assert done.returncode == 0
        seconds.append(time.perf_counter() - started)
    traffic = server.traffic()
    requests = ", ".join(f"{count:,} {kind}" for kind, count in traffic.requests.items()) if traffic else "not counted"
    return Measured(name, median(seconds), requests)


def main() -> None:
    """Fill a repository, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    given = vars(parser.parse_args())
    rounds = given.pop("rounds")
    # Whole seconds, an hour ago.
    shape = Shape(**given, end=now().replace(microsecond=0) - timedelta(hours=1))
    os.environ.update(CREDENTIALS)  # where boto3 looks for them
    with open_server() as server, TemporaryDirectory() as folder:
        server.create(BUCKET)
        table = None if server.counts else make_table(server)  # the one that counts is S3 and nothing else
        outputs = write_outputs(Path(folder, "outputs.json"), table)
        started = time.perf_counter()
        count = fill(server, histories(shape), table)
        print(f"{count:,} objects of {shape} written to {server.name} in {time.perf_counter() - started:.0f} s")
        rows = []
        for name, arguments in commands(shape).items():
            found = measure(server, name, arguments, outputs, rounds)
            rows.append([found.command, f"{found.seconds:.2f}", found.requests])
            print(*rows[-1], flush=True)
        if server.counts:  # the other one ends with this process
            server.drop(BUCKET)
    print(markdown_table(["command", "s", "requests"], rows))


if __name__ == "__main__":
    main()
