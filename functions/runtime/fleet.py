"""Runs work in one process a core, for machines that have several.

The engine's libraries let go of the interpreter's lock, but every hand-over of the lock between two cores wakes a
thread on the other one, and that costs more than the small pieces of work in between: two processes, each bound to
its core, finish a run of many users in three quarters of the time that two worker threads take. A Lambda worker has
one core and needs none of this.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from itertools import chain
from multiprocessing.connection import Connection
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Generic, NamedTuple, TypeVar

from functions.engine.errors import StrongroomError
from functions.engine.model import ChunkId, ChunkRef, PackId
from functions.engine.ports import DedupIndex, Progress

R = TypeVar("R")

_TASKS_A_PROCESS = 4
_REPORT_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1
_SETTLE_SECONDS = 0.02


def processes_for(tasks: int, workers: int, cores: int) -> int:
    """Say how many processes a job of `tasks` users or backups is worth: one, unless there are several for each."""
    count = min(workers, cores)
    return count if tasks >= count * _TASKS_A_PROCESS else 1


class WorkerDiedError(StrongroomError):
    """A process of the fleet ended without an answer."""

    code = "WORKER_DIED"
    hint = "is there enough memory? Run it again, with fewer --workers"


class Member:
    """What the work of one process gets: its number, its share of the turns, and ways to talk to the others."""

    def __init__(self, number: int, link: _Link, turns: Iterator[int]) -> None:
        """Made by the fleet."""
        self.number = number
        self.turns = turns
        self.progress: Progress = _LinkedProgress(link)
        self.index: DedupIndex = _LinkedIndex(link)


class Fleet(Generic[R]):
    """A number of processes at work. Made while this process has one thread, since a fork copies only that."""

    def __init__(self, count: int, turns: int, work: Callable[[Member], R]) -> None:
        """Start `count` processes that share the numbers below `turns` among them, each taken once."""
        context = multiprocessing.get_context("fork")
        counter = context.Value("q", 0)
        cores = sorted(os.sched_getaffinity(0))
        self._links: dict[Connection, int] = {}
        self._processes = []
        for number in range(count):
            ours, theirs = context.Pipe()
            core = cores[number] if count == len(cores) else None
            seat = _Seat(number, theirs, core, (ours, *self._links), os.getpid())
            process = context.Process(target=_run_member, args=(seat, _take_turns(counter, turns), work), daemon=True)
            process.start()
            theirs.close()
            self._links[ours] = number
            self._processes.append(process)

    def join(self, progress: Progress, index: DedupIndex | None = None) -> list[R]:
        """Serve the processes until all have answered; give their answers in order. Raises the first error."""
        answers: dict[int, R] = {}
        board = _Board(index) if index is not None else None
        try:
            with DefaultSelector() as waiting:  # multiprocessing's own `wait` would make one for every message
                for link, number in self._links.items():
                    waiting.register(link, EVENT_READ, (link, number))
                while len(answers) < len(self._links):
                    for key, _ in waiting.select():
                        link, number = key.data
                        self._serve(link, number, progress, board, answers)
                        if number in answers:
                            waiting.unregister(link)
        finally:
            for process in self._processes:
                process.terminate()
                process.join()
        return [answers[number] for number in sorted(answers)]

    def _serve(
        self, link: Connection, number: int, progress: Progress, board: _Board | None, answers: dict[int, R]
    ) -> None:
        try:
            kind, payload = _receive(link)
        except EOFError:
            raise WorkerDiedError(f"worker process {number} ended without an answer") from None
        if kind == "progress":
            files, read, new, stored = payload
            progress.advance(files=files, read=read, new=new, stored=stored)
        elif kind == "announce" and board is not None:
            board.announce(payload)
        elif kind in _Board.QUESTIONS and board is not None:
            _send(link, getattr(board, kind)(payload))
        elif kind == "answer":
            answers[number] = payload
        else:
            raise payload


class _Board:
    """What all processes may refer to: what `index` held when they began, and what they announced since.

    Answers one question at a time.
    """

    QUESTIONS = frozenset({"lookup", "record", "unsettled", "withdraw"})

    def __init__(self, index: DedupIndex) -> None:
        self._index = index
        self._announced: dict[ChunkId, tuple[Any, ...]] = {}
        """Places in packs that are not durable yet, as they came; from then on `index` holds them."""
        self._packed: defaultdict[PackId, list[tuple[Any, ...]]] = defaultdict(list)
        """The same, by pack, and all of them: two processes may announce a chunk."""
        self._open: set[PackId] = set()
        self._recorded: set[PackId] = set()
        self._lost: dict[PackId, BaseException] = {}

    def lookup(self, chunks: list[ChunkId]) -> tuple[list[tuple[Any, ...]], set[PackId]]:
        """Give known places, and which of their packs are not durable yet."""
        indexed = self._index.lookup(chunks)
        found: list[tuple[Any, ...]] = [tuple(ref) for ref in indexed.values()]
        for chunk in chunks:
            ref = self._announced.get(chunk)
            if ref is not None and chunk not in indexed and ref[1] not in self._lost:
                found.append(ref)
        return found, {ref[1] for ref in found} & self._open

    def record(self, durable: tuple[AbstractSet[PackId], list[tuple[Any, ...]]]) -> None:
        """Take packs that are durable by now: those of which every chunk was announced, and places in others."""
        whole, refs = durable
        packs = whole | {ref[1] for ref in refs}
        announced = [ref for pack in packs for ref in self._packed.pop(pack, ())]
        self._index.record(map(ChunkRef._make, chain(announced, refs)))
        for ref in announced:
            if self._announced.get(ref[0]) is ref:
                del self._announced[ref[0]]
        self._open -= packs
        self._recorded |= packs

    def announce(self, refs: list[tuple[Any, ...]]) -> None:
        """Take chunks of unfinished packs. One that was recorded meanwhile is not unfinished any more."""
        for ref in refs:
            if ref[1] not in self._recorded:
                self._announced.setdefault(ref[0], ref)
                self._packed[ref[1]].append(ref)
        self._open |= {ref[1] for ref in refs} - self._recorded

    def withdraw(self, lost: tuple[AbstractSet[PackId], BaseException]) -> None:
        """Take packs that will never be durable, and why."""
        packs, error = lost
        self._lost |= dict.fromkeys(packs, error)

    def unsettled(self, packs: set[PackId]) -> set[PackId] | BaseException:
        """Give those of `packs` that are not durable yet, or the error of one that never will be."""
        errors = [self._lost[pack] for pack in packs if pack in self._lost]
        return errors[0] if errors else packs & self._open


class _Link:
    """A process's end of its pipe. Safe from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, kind: str, payload: object) -> None:
        with self._lock:
            _send(self._connection, (kind, payload))

    def ask(self, kind: str, payload: object) -> Any:  # noqa: ANN401 - what the other end answers to this kind
        with self._lock:
            _send(self._connection, (kind, payload))
            return _receive(self._connection)


class _LinkedProgress:
    """Adds up, and reports now and then."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._counts = [0, 0, 0, 0]
        self._due = 0.0

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """See Progress."""
        with self._lock:
            for at, count in enumerate((files, read, new, stored)):
                self._counts[at] += count
            moment = time.monotonic()
            if moment < self._due:
                return
            self._due = moment + _REPORT_SECONDS
            counts, self._counts = self._counts, [0, 0, 0, 0]
        self._link.send("progress", counts)

    def flush(self) -> None:
        """Report the rest."""
        with self._lock:
            self._due = 0.0
        self.advance()


class _LinkedIndex:
    """Asks the index of the process that made the fleet."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._tentative: set[PackId] = set()
        self._announced: Counter[PackId] = Counter()
        self._lock = threading.Lock()

    def lookup(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkRef]:
        """See DedupIndex."""
        found, tentative = self._link.ask("lookup", list(chunks))
        with self._lock:
            self._tentative |= tentative
        return {ref[0]: ChunkRef(*ref) for ref in found}

    def record(self, refs: Iterable[ChunkRef]) -> None:
        """See DedupIndex. What was announced to the last chunk is not sent again."""
        places = list(refs)
        counts = Counter(ref.pack for ref in places)
        with self._lock:
            whole = {pack for pack, count in counts.items() if self._announced.pop(pack, 0) == count}
        self._link.ask("record", (whole, [tuple(ref) for ref in places if ref.pack not in whole]))

    def announce(self, refs: Sequence[ChunkRef]) -> None:
        """See DedupIndex. Nobody answers: that another does not know of a chunk yet only costs its bytes."""
        self._link.send("announce", [tuple(ref) for ref in refs])
        with self._lock:
            self._announced.update(ref.pack for ref in refs)

    def withdraw(self, packs: AbstractSet[PackId], error: BaseException) -> None:
        """See DedupIndex. When nobody listens any more, nobody waits either."""
        with suppress(OSError, EOFError):
            self._link.ask("withdraw", (packs, _portable(error)))

    def unsettled(self, packs: AbstractSet[PackId]) -> bool:
        """See DedupIndex."""
        with self._lock:
            asked = self._tentative & packs
        if not asked:
            return False
        waiting = self._link.ask("unsettled", asked)
        if isinstance(waiting, BaseException):
            raise waiting
        with self._lock:
            self._tentative -= asked - waiting
        if waiting:
            time.sleep(_SETTLE_SECONDS)
        return bool(waiting)


def _send(connection: Connection, message: object) -> None:
    """Send what pickle knows: the connection's own `send` makes a pickler for every message, which costs more."""
    connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def _receive(connection: Connection) -> Any:  # noqa: ANN401 - whatever was sent
    return pickle.loads(connection.recv_bytes())  # noqa: S301 - from a process of this fleet


def _take_turns(counter: Any, turns: int) -> Iterator[int]:  # noqa: ANN401 - multiprocessing's Value is not typed
    """Give the numbers below `turns` that no other process has taken."""
    while True:
        with counter.get_lock():
            number = counter.value
            counter.value = number + 1
        if number >= turns:
            return
        yield number


class _Seat(NamedTuple):
    """What a process starts from: its number, its end of the pipe, its core, what is not its own, its parent."""

    number: int
    connection: Connection
    core: int | None
    foreign: tuple[Connection, ...]
    parent: int


def _run_member(seat: _Seat, turns: Iterator[int], work: Callable[[Member], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts all; the first process ends the others
    _die_with(seat.parent)
    for connection in seat.foreign:
        connection.close()
    if seat.core is not None:
        os.sched_setaffinity(0, {seat.core})
    link = _Link(seat.connection)
    member = Member(seat.number, link, turns)
    try:
        answer = work(member)
    except BaseException as error:  # noqa: BLE001 - the process that waits for this one must hear of it
        link.send("error", _portable(error))
        return
    if isinstance(member.progress, _LinkedProgress):
        member.progress.flush()
    link.send("answer", answer)


def _die_with(parent: int) -> None:
    """Let the kernel end this process when its parent has ended, however that came (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """Give the error if it survives a pipe, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled here
    except Exception:  # noqa: BLE001 - whatever a foreign error's constructor does
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
