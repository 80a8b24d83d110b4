"""The folder of a sandbox and its lock."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sandbox import folder, state
from sandbox.errors import AlreadyUpError, NotUpError
from sandbox.program.graph import Resource
from sandbox.state import State


def a_state(pid: int) -> State:
    """A state with one of everything."""
    made = Resource(urn="urn:b", type="aws:s3/bucket:Bucket", name="b", parent="urn:a", dependencies=("urn:a",), id="b")
    left_out = Resource(urn="urn:c", type="aws:x/y:Y", name="c", recorded_only="cannot be held")
    return State(
        endpoint="http://127.0.0.1:9",
        pid=pid,
        stack="local",
        started="2026-01-01T00:00:00+00:00",
        seconds=1.5,
        config={"aws:region": "us-east-1", "strongroom:replica": "{}", "strongroom:sources": '[{"name": "reports"}]'},
        exports={"Tables": {"runs": "r"}},
        notices_queue="url",
        buckets=("source",),
        graph=(Resource(urn="urn:a", type="strongroom:index:Storage", name="a"), made, left_out),
    )


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    """All of it, and what follows from it."""
    written = a_state(1)
    state.write(tmp_path, written)
    read = state.read(tmp_path)
    assert read == written
    assert (read.region, read.replica_region, read.sources) == ("us-east-1", None, ({"name": "reports"},))
    assert [one.name for one in read.created] == ["b"]
    assert [one.name for one in read.recorded_only] == ["c"]
    assert [one.name for one in read.of("aws:x/y:Y")] == ["c"]


def test_a_state_that_is_not_there_or_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    """Not with a traceback."""
    with pytest.raises(NotUpError, match="python -m sandbox up"):
        state.read(tmp_path)
    (tmp_path / state.FILE).write_text('{"version": 99, "pid": 1}')
    with pytest.raises(NotUpError, match="take it down and up again"):
        state.read(tmp_path)
    assert state.pid_of(tmp_path) == 1


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    """Whoever comes second is told; ending it meanwhile is refused, since there is no process to end yet."""
    place = tmp_path / "state"
    with folder.claimed(place):
        assert folder.is_up(place)
        with pytest.raises(AlreadyUpError, match="--state"), folder.claimed(place):
            pass
        with pytest.raises(AlreadyUpError, match="bringing up"):
            folder.end(place)
    assert not folder.is_up(place)


def test_a_claim_clears_what_a_dead_sandbox_left_and_nothing_else(tmp_path: Path) -> None:
    """A machine that lost its power leaves files behind; what a person put there stays."""
    place = tmp_path / "state"
    folder.server_folder(place).mkdir(parents=True)
    state.write(place, a_state(1))
    (place / "notes.txt").write_text("mine")
    with folder.claimed(place):
        assert sorted(path.name for path in place.iterdir()) == ["lock", "notes.txt"]


def test_a_claim_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Not even the folder."""
    place = tmp_path / "state"

    def fail() -> None:
        with folder.claimed(place):
            folder.server_folder(place).mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not place.exists()


def test_ending_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    """Nor is it one twice."""
    assert not folder.end(tmp_path / "nowhere")
    assert not folder.is_up(tmp_path / "nowhere")


def test_a_process_that_does_not_hold_the_lock_is_left_alone(tmp_path: Path) -> None:
    """Its number may be somebody else's by now."""
    with subprocess.Popen(["sleep", "60"]) as stranger:  # noqa: S607 - any program will do
        with folder.claimed(tmp_path / "state"):
            state.write(tmp_path / "state", a_state(stranger.pid))
        assert not folder.end(tmp_path / "state")
        assert stranger.poll() is None
        stranger.kill()
    assert not (tmp_path / "state").exists()


def test_a_process_that_holds_the_lock_is_ended_even_if_it_does_not_want_to(tmp_path: Path) -> None:
    """First it is asked."""
    place = tmp_path / "state"
    with folder.claimed(place) as lock:
        line = ["sh", "-c", "trap '' TERM; exec sleep 60"]
        stubborn = subprocess.Popen(line, pass_fds=[lock], start_new_session=True)  # noqa: S603 - a line of ours
        state.write(place, a_state(stubborn.pid))
    assert folder.is_up(place)
    assert folder.end(place)
    assert stubborn.wait(10) < 0
    assert not place.exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(stubborn.pid, 0)
