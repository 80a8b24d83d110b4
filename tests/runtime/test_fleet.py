"""Work in one process a core: turns, answers, errors, and one dedup index for all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from functions.adapters.memory import MemoryIndex
from functions.engine.model import ChunkRef
from functions.runtime.fleet import _Board, processes_for

ROOT = Path(__file__).resolve().parents[2]
CHUNK, PACK = b"c" * 32, "0" * 32
REF = ChunkRef(CHUNK, PACK, 0, 10, 20)


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own: a fleet is made by a process with one thread."""
    prelude = "from functions.runtime.fleet import Fleet\nfrom functions.engine.ports import Silence\n"
    command = [sys.executable, "-c", prelude + dedent(script)]
    return subprocess.run(  # noqa: S603 - this interpreter, on a script of this file
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_each_turn_is_taken_once_and_answers_come_in_order() -> None:
    """Whoever is quicker takes more, nobody takes the same."""
    done = run("""
        answers = Fleet(3, 200, lambda member: (member.number, list(member.turns))).join(Silence())
        assert [number for number, _ in answers] == [0, 1, 2]
        assert sorted(turn for _, turns in answers for turn in turns) == list(range(200))
        print("good")
    """)
    assert done.stdout == "good\n", done.stderr


def test_an_error_of_one_process_is_raised_and_ends_the_others() -> None:
    """With its code, remedy and text; nobody waits for what the others still do."""
    done = run("""
        import time
        from functions.engine.errors import AccessError
        def work(member):
            if member.number == 1:
                raise AccessError("not allowed", hint="ask")
            time.sleep(1000)
        try:
            Fleet(2, 0, work).join(Silence())
        except AccessError as error:
            print(error)
    """)
    assert done.stdout == "ACCESS_DENIED: not allowed (ask)\n", done.stderr


def test_a_process_that_dies_is_an_error() -> None:
    """Killed for want of memory, say: it is named, and the run does not hang."""
    done = run("""
        import os, signal
        from functions.runtime.fleet import WorkerDiedError
        try:
            Fleet(2, 0, lambda member: os.kill(os.getpid(), signal.SIGKILL)).join(Silence())
        except WorkerDiedError as error:
            print(error.code)
    """)
    assert done.stdout == "WORKER_DIED\n", done.stderr


def test_an_error_that_no_pipe_can_carry_still_says_what_happened() -> None:
    """A foreign exception with a constructor of its own becomes one that names it."""
    done = run("""
        class Odd(Exception):
            def __init__(self, one, two):
                super().__init__(f"{one} and {two}")
        def work(member):
            raise Odd(1, 2)
        try:
            Fleet(1, 0, work).join(Silence())
        except RuntimeError as error:
            print(error)
    """)
    assert done.stdout == "Odd: 1 and 2\n", done.stderr


def test_progress_of_all_processes_adds_up() -> None:
    """Nothing is lost between the reports."""
    done = run("""
        class Sum:
            files = read = 0
            def advance(self, *, files=0, read=0, new=0, stored=0):
                self.files += files
                self.read += read
        total = Sum()
        def work(member):
            for turn in member.turns:
                member.progress.advance(files=1, read=turn)
        Fleet(2, 1000, work).join(total)
        assert (total.files, total.read) == (1000, sum(range(1000)))
        print("good")
    """)
    assert done.stdout == "good\n", done.stderr


def test_processes_find_each_others_chunks() -> None:
    """What one has recorded, another looks up; what is only announced is unsettled until it is recorded."""
    done = run("""
        import time
        from functions.adapters.memory import MemoryIndex
        from functions.engine.model import ChunkRef
        ref = ChunkRef(b"c" * 32, "0" * 32, 0, 10, 20)
        def work(member):
            if member.number == 0:
                member.index.announce([ref])
                time.sleep(0.3)
                member.index.record([ref])
                return None
            while not (found := member.index.lookup([ref.chunk])):
                time.sleep(0.01)
            assert member.index.unsettled({ref.pack})
            while member.index.unsettled({ref.pack}):
                pass
            return found[ref.chunk]
        assert Fleet(2, 0, work).join(Silence(), MemoryIndex())[1] == ref
        print("good")
    """)
    assert done.stdout == "good\n", done.stderr


def test_an_announcement_that_comes_after_the_pack_is_durable_unsettles_nothing() -> None:
    """Two threads of a process may overtake each other; nobody may wait for ever."""
    board = _Board(MemoryIndex())
    board.record((set(), [tuple(REF)]))
    board.announce([tuple(REF)])
    found, tentative = board.lookup([CHUNK])
    assert found == [tuple(REF)]
    assert tentative == set()
    assert board.unsettled({PACK}) == set()


def test_an_announced_place_is_named_as_tentative() -> None:
    """Who refers to it must wait for the pack before the commit record."""
    board = _Board(MemoryIndex())
    board.announce([tuple(REF)])
    found, tentative = board.lookup([CHUNK])
    assert (found, tentative) == ([tuple(REF)], {PACK})
    board.record(({PACK}, []))
    assert board.lookup([CHUNK]) == ([tuple(REF)], set())


def test_what_is_durable_is_held_by_the_index_alone() -> None:
    """Two processes have announced a chunk: it is found in the pack that is durable, and at last kept nowhere else."""
    index = MemoryIndex()
    board = _Board(index)
    other = REF._replace(pack="f" * 32, offset=7)
    board.announce([tuple(REF)])
    board.announce([tuple(other)])
    board.record(({other.pack}, []))
    assert board.lookup([CHUNK]) == ([tuple(other)], set())
    board.record(({PACK}, []))
    assert board.lookup([CHUNK]) == ([tuple(other)], set())
    assert (board._announced, dict(board._packed)) == ({}, {})
    assert index.places == {CHUNK: other}


def test_what_was_announced_only_in_part_is_told_when_it_is_durable() -> None:
    """And nothing twice: of a pack that was announced to its last chunk, only the name is sent."""
    done = run("""
        from functions.adapters.memory import MemoryIndex
        from functions.engine.model import ChunkRef
        refs = [ChunkRef(bytes([number]) * 32, "0" * 32, number, 10, 20) for number in range(3)]
        def work(member):
            sent = []
            member.index._link.ask, ask = lambda *said: sent.append(said) or ask(*said), member.index._link.ask
            member.index.announce(refs[:2])
            member.index.record(refs)
            member.index.announce(refs)
            member.index.record(refs)
            return sent, member.index.lookup([ref.chunk for ref in refs])
        (sent, found), = Fleet(1, 0, work).join(Silence(), MemoryIndex())
        assert [len(refs) for kind, (packs, refs) in sent[:2]] == [3, 0]
        assert list(found.values()) == refs
        print("good")
    """)
    assert done.stdout == "good\n", done.stderr


def test_processes_are_made_only_when_there_are_users_for_all() -> None:
    """One large user keeps all threads of one process."""
    assert processes_for(1, workers=8, cores=8) == 1
    assert processes_for(31, workers=8, cores=8) == 1
    assert processes_for(32, workers=8, cores=8) == 8
    assert processes_for(1000, workers=1, cores=8) == 1
    assert processes_for(1000, workers=64, cores=2) == 2
