"""A restore that dies, at whatever call: what is visible is whole and right, and a rerun completes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from functions.adapters import local_directory
from functions.adapters.faults import CrashPoint, Faults, FaultyBlobStore, FaultyDestination, Moment, SimulatedCrash
from functions.adapters.local_directory import METADATA_FILE, LocalDirectory
from functions.adapters.local_names import RESERVED, key_of
from functions.adapters.memory import MemoryDestination
from functions.engine.conflict import Conflict
from functions.engine.ports import Destination
from tests.faults.crash_points import counted, every_point, name_of
from tests.faults.scenario import (
    PATIENCE,
    PREFIX,
    content_of,
    no_thread_left,
    older,
    run_restore,
    within,
)

FILES = {key.removeprefix(PREFIX): data for key, (data, _properties) in older().content.items()}


def restore_to(destination: Destination, faults: Faults | None = None) -> None:
    """Restore the older backup of all users, with both ports wrapped when `faults` is given."""
    store = older().state.store()
    if faults is None:
        report = run_restore(store, destination, older().records)
    else:
        report = run_restore(FaultyBlobStore(store, faults), FaultyDestination(destination, faults), older().records)
    assert report.failed == 0


def local(root: Path, conflict: Conflict = Conflict.SKIP) -> LocalDirectory:
    """Give a destination on a directory, as a new process makes it."""
    return LocalDirectory(root, prefix=PREFIX, conflict=conflict, label="again")


def into_memory(faults: Faults) -> None:
    """Do the restore that the tests with the memory destination disturb."""
    restore_to(MemoryDestination(), faults)


def into_directory(faults: Faults) -> None:
    """Do the restore that the tests with the local directory disturb, and count the system calls too."""
    with TemporaryDirectory() as root, system_calls(faults):
        restore_to(local(Path(root)), faults)


class FaultyOs:
    """Stands for the module `os` in the local directory's adapter: every call of it follows the plan."""

    def __init__(self, faults: Faults) -> None:
        """Share the plan with the ports."""
        self._faults = faults
        self.path = os.path
        self.descriptors: set[int] = set()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what `os` has by that name
        found = getattr(os, name)
        return partial(self._call, name, found) if callable(found) else found

    def _call(self, name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._faults.run(f"os.{name}", lambda: self._note(name, args, function(*args, **options)))

    def _note(self, name: str, args: tuple[Any, ...], result: Any) -> Any:  # noqa: ANN401 - see above
        if name == "open":
            self.descriptors.add(result)
        elif name == "close":
            self.descriptors.discard(args[0])
        return result


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each crash test a case for each call and moment of its job."""
    for argument, job in (("memory_point", into_memory), ("directory_point", into_directory)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, every_point(job), ids=name_of)


def test_there_are_enough_crash_points(record_property: Callable[[str, object], None]) -> None:
    """A restore reaches every call of its ports, and a local directory many system calls."""
    record_property("crash points of a restore", len(every_point(into_memory)) + len(every_point(into_directory)))
    ports = {
        "destination.begin",
        "destination.finish",
        "destination.place",
        "destination.write",
        "large.complete",
        "large.write",
        "store.get",
    }
    assert set(counted(into_memory)) == ports
    system = {"os.close", "os.link", "os.open", "os.pwritev", "os.truncate", "os.unlink", "os.utime"}
    assert set(counted(into_directory)) >= ports | system
    assert len(every_point(into_memory)) >= 120
    assert len(every_point(into_directory)) >= 360


def test_a_restore_into_memory_that_dies_shows_whole_files_only(memory_point: CrashPoint) -> None:
    """Kill it there; every visible file is exact with its properties, and a rerun brings the rest."""
    destination = MemoryDestination()
    faults = Faults(crash=memory_point)
    die(lambda: restore_to(destination, faults))
    visible = content_of(destination)
    assert visible.items() <= older().content.items()
    restore_to(destination)
    assert content_of(destination) == older().content


def test_a_restore_into_a_directory_that_dies_shows_whole_files_only(directory_point: CrashPoint, root: Path) -> None:
    """Kill it there, between system calls too; every visible file is exact, and a rerun brings the rest."""
    die_in(root, directory_point)
    assert visible(root).items() <= FILES.items()
    restore_to(local(root))
    assert visible(root) == FILES
    assert scratch(root) == []


@pytest.mark.parametrize("number", range(1, len(FILES) + 1))
@pytest.mark.parametrize("moment", Moment)
def test_a_dying_restore_that_overwrites_shows_the_old_file_or_the_new_one(
    number: int, moment: Moment, root: Path
) -> None:
    """A file that is replaced is never torn: whoever looks sees all of one or all of the other."""
    previous = dict.fromkeys(FILES, b"what stood here before")
    restore_to(local(root))
    for path in files_below(root):
        path.write_bytes(b"what stood here before")
    die_in(root, CrashPoint("os.rename", number, moment), Conflict.OVERWRITE)
    seen = visible(root)
    assert all(data in (FILES[name], previous[name]) for name, data in seen.items())
    assert sum(data == FILES[name] for name, data in seen.items()) == number - (moment is Moment.BEFORE)
    restore_to(local(root, Conflict.OVERWRITE))
    assert visible(root) == FILES
    assert scratch(root) == []


@pytest.mark.parametrize(
    "point",
    [
        CrashPoint("os.link", 6, Moment.AFTER),
        CrashPoint("destination.write", 6, Moment.AFTER),
        CrashPoint("large.complete", 1, Moment.AFTER),
        CrashPoint("destination.finish", 1, Moment.BEFORE),
    ],
    ids=name_of,
)
def test_metadata_of_files_restored_before_the_crash_is_not_lost(point: CrashPoint, root: Path) -> None:
    """Content, properties and tags become visible together: a rerun skips the file and would never note them."""
    die_in(root, point)
    restore_to(local(root))
    noted = [json.loads(line)["key"] for line in (root / METADATA_FILE).read_text(encoding="utf-8").splitlines()]
    assert set(noted) == set(older().content)


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder of its own. Hundreds of tests use one, and pytest would keep all of theirs until the end."""
    with TemporaryDirectory() as name:
        yield Path(name)


def die(job: Callable[[], None]) -> None:
    """Do a restore until it meets its crash; its threads end."""
    with no_thread_left(), pytest.raises(SimulatedCrash):
        within(PATIENCE, job)


def die_in(root: Path, point: CrashPoint, conflict: Conflict = Conflict.SKIP) -> None:
    """Let a process restore into `root` and die at `point`. What it had not written yet is never written."""
    faults = Faults(crash=point)
    with system_calls(faults):
        die(lambda: restore_to(local(root, conflict), faults))


@contextmanager
def system_calls(faults: Faults) -> Iterator[None]:
    """Let the local directory's system calls follow the plan; at the end close what a dead process had open."""
    system = FaultyOs(faults)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_directory, "os", system)
        yield
    for descriptor in system.descriptors:
        os.close(descriptor)


def files_below(root: Path) -> list[Path]:
    """Give the visible files."""
    found = [path for path in root.rglob("*") if path.is_file()]
    return [path for path in found if not path.relative_to(root).parts[0].startswith(RESERVED)]


def visible(root: Path) -> dict[str, bytes]:
    """Give what a person sees in the directory, by key."""
    return {key_of(path.relative_to(root).as_posix()): path.read_bytes() for path in files_below(root)}


def scratch(root: Path) -> list[str]:
    """Name the folders of ours that are left."""
    return [path.name for path in root.iterdir() if path.name.startswith(RESERVED) and path.is_dir()]
