"""A store or a source that fails: jobs end with an error that is named, or with a result that is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest

from functions.adapters.faults import Failures, Faults, FaultyBlobStore, FaultyDestination, Moment
from functions.adapters.memory import MemoryDestination, MemoryLargeWrite, MemorySource
from functions.engine.errors import (
    AccessError,
    BlobNotFoundError,
    CredentialsError,
    DestinationExistsError,
    RequestError,
    SourceDeniedError,
    StrongroomError,
    UnavailableError,
)
from functions.engine.model import BackupStatus, Buffer, Properties, Unreadable
from functions.engine.ports import Target
from functions.engine.repository import Repository
from functions.engine.restore import Restorer
from functions.engine.safety import KIB, MIB
from functions.runtime.local_run import RunReport
from tests.faults.scenario import (
    PATIENCE,
    TINY,
    Content,
    State,
    content_of,
    no_thread_left,
    noise,
    older,
    owned_by,
    records_of,
    restored,
    run_backup,
    run_restore,
    verified,
    within,
)

WRITE_PATH = ("store.put_new", "index.lookup", "index.record")


def back_up_with(state: State, failures: Failures, *, seed: int = 0, jobs: int = 4) -> RunReport:
    """Run a backup over ports that fail; it must end, and its threads with it."""
    faults = Faults(failures=failures, seed=seed)
    with no_thread_left():
        return within(PATIENCE, lambda: run_backup(state.ports(faults), jobs=jobs, workers=2))


def unreadable_keys(state: State, report: RunReport) -> set[str]:
    """Name what the committed backups say they could not read."""
    records = [outcome.result.record for outcome in report.outcomes if outcome.result is not None]
    lines = [line for record in records for line in Repository(state.store()).entries(record)]
    return {line.key for line in lines if isinstance(line, Unreadable)}


def without(content: Content, keys: Iterable[str]) -> Content:
    """Give the content but for `keys`."""
    left_out = set(keys)
    return {key: value for key, value in content.items() if key not in left_out}


@pytest.mark.parametrize("seed", range(25))
def test_what_is_committed_while_every_port_fails_now_and_then_is_right(seed: int) -> None:
    """Each committed backup holds its user's files but for those that it names; a later run completes."""
    state = older().state.copy()
    try:
        report = back_up_with(state, Failures(0.03), seed=seed)
    except UnavailableError:
        report = RunReport("", [])  # the listing of users, or of backups, did not come
    for outcome in report.outcomes:
        assert (outcome.error is None) is (outcome.result is not None)
        assert outcome.error is None or isinstance(outcome.error, UnavailableError)
    missing = unreadable_keys(state, report)
    for outcome in report.outcomes:
        if outcome.result is not None:
            record = outcome.result.record
            expected = owned_by(record.user, state.content())
            assert record.status is (BackupStatus.PARTIAL if missing & set(expected) else BackupStatus.COMPLETED)
            assert restored(state.store(), [record]) == without(expected, missing)
    again = run_backup(state.ports())
    records = records_of(state.store(), [outcome.user for outcome in again.outcomes])
    assert restored(state.store(), records) == state.content()
    assert restored(state.store(), older().records) == older().content
    assert verified(state.store()).damages == []


@pytest.mark.parametrize("error", [UnavailableError, AccessError, CredentialsError, RequestError])
@pytest.mark.parametrize("call", WRITE_PATH)
def test_an_error_of_the_write_path_ends_every_backup_with_that_error(call: str, error: type[StrongroomError]) -> None:
    """Nothing is committed that needs what could not be written, and nobody waits for ever."""
    state = older().state.copy()
    report = back_up_with(state, Failures(1.0, error, frozenset({call})))
    errors = {type(outcome.error) for outcome in report.outcomes if outcome.error is not None}
    assert errors == {error}
    assert verified(state.store()).damages == []
    assert restored(state.store(), older().records) == older().content


@pytest.mark.parametrize("error", [AccessError, CredentialsError, RequestError])
@pytest.mark.parametrize("call", ["source.read", "source.stat", "source.list"])
def test_an_error_of_the_source_that_concerns_more_than_one_object_ends_the_backups_it_meets(
    call: str, error: type[StrongroomError]
) -> None:
    """The error that a port may raise anywhere, such as expired credentials, reaches the report; nobody hangs."""
    state = older().state.copy()
    report = back_up_with(state, Failures(1.0, error, frozenset({call})))
    errors = {type(outcome.error) for outcome in report.outcomes if outcome.error is not None}
    assert errors == {error}


def test_expired_credentials_while_a_large_object_is_read_again_reach_the_report() -> None:
    """The object changed under the read, and looking it up again fails for good: an error, not a wait for ever."""
    state = older().state.copy()
    for key in [key for key in state.source.objects if key != "clients/cyd/z-large.bin"]:
        state.source.delete(key)
    report = back_up_with(state, Failures(1.0, CredentialsError, frozenset({"source.stat"})), jobs=1)
    errors = {outcome.user: outcome.error for outcome in report.outcomes}
    assert isinstance(errors["cyd"], CredentialsError)


def test_objects_that_may_not_be_read_make_the_backup_partial() -> None:
    """One user's denied object is listed with its reason; the other users are complete."""
    state = older().state.copy()
    state.source.denied.add("clients/bob/e-new.bin")
    report = run_backup(state.ports())
    status = {o.user: o.result.record.status for o in report.outcomes if o.result is not None}
    assert status.pop("bob") is BackupStatus.PARTIAL
    assert set(status.values()) == {BackupStatus.COMPLETED}
    [bob] = records_of(state.store(), ["bob"])
    assert [(item.key, item.code) for item in bob.unreadable] == [("clients/bob/e-new.bin", SourceDeniedError.code)]
    assert restored(state.store(), [bob]) == without(owned_by("bob", state.content()), {"clients/bob/e-new.bin"})


@pytest.mark.parametrize("seed", range(25))
def test_a_restore_through_ports_that_fail_now_and_then_never_shows_a_wrong_file(seed: int) -> None:
    """It ends with an error; what is visible is exact; a rerun over good ports completes."""
    destination = MemoryDestination()
    faults = Faults(failures=Failures(0.1), seed=seed)
    store = FaultyBlobStore(older().state.store(), faults)
    with no_thread_left(), pytest.raises(UnavailableError):
        within(PATIENCE, lambda: run_restore(store, FaultyDestination(destination, faults), older().records))
    assert content_of(destination).items() <= older().content.items()
    run_restore(older().state.store(), destination, older().records)
    assert content_of(destination) == older().content


@pytest.mark.parametrize("call", ["large.write", "large.complete"])
def test_a_large_file_that_cannot_be_written_is_given_up(call: str) -> None:
    """It is not left at the destination as parts that nobody sees and somebody pays for."""
    destination = MemoryDestination()
    faults = Faults(failures=Failures(1.0, calls=frozenset({call}), moment=Moment.BEFORE))
    with no_thread_left(), pytest.raises(UnavailableError):
        run_restore(older().state.store(), FaultyDestination(destination, faults), older().records)
    assert "clients/ada/a-large.bin" not in destination.files
    assert destination.unfinished == 0


def test_a_large_file_that_meets_one_of_its_name_is_given_up() -> None:
    """Somebody wrote the name while the parts were written: theirs stays, ours is skipped and leaves nothing."""
    destination = MemoryDestination()
    refused = Failures(1.0, DestinationExistsError, frozenset({"large.complete"}), Moment.BEFORE)
    faulty = FaultyDestination(destination, Faults(failures=refused))
    report = run_restore(older().state.store(), faulty, older().records)
    assert (report.restored, report.skipped, report.failed) == (len(older().content) - 1, 1, 0)
    assert destination.unfinished == 0


class Unfinished(MemoryDestination):
    """A destination whose large writes hang until they are given up; the last one fails."""

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> MemoryLargeWrite:
        """See Destination."""
        super().begin(target, size, properties, modified)
        return HangingWrite(self, target, size, properties, modified)


class HangingWrite(MemoryLargeWrite):
    """A large write as S3 has it: giving it up makes the parts under way fail."""

    part: Future[None] | None = None

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:
        """See LargeWrite."""
        self.part = Future()
        if self._target.name.endswith("3"):
            self.part.set_exception(UnavailableError("the last one fails"))
        return self.part

    def abort(self) -> None:
        """See LargeWrite."""
        super().abort()
        if self.part is not None and not self.part.done():
            self.part.set_exception(BlobNotFoundError("no such upload"))


def test_a_restore_that_fails_while_large_files_are_under_way_ends_with_its_own_error() -> None:
    """All of them are given up; that their parts fail then is no news."""
    state = State({}, {}, MemorySource({f"clients/ada/{number}": noise(100 * KIB, number) for number in range(4)}))
    records = [outcome.result.record for outcome in run_backup(state.ports()).outcomes if outcome.result is not None]
    destination = Unfinished()
    safety = replace(TINY, restore_budget=4 * MIB)

    def restore() -> None:
        with Restorer(state.store(), destination, workers=1, safety=safety) as restorer:
            restorer.restore(records)

    with no_thread_left(), pytest.raises(UnavailableError, match="the last one fails"):
        within(PATIENCE, restore)
    assert destination.files == {}
    assert destination.unfinished == 0
