"""One file's trouble does not keep the others back; trouble of the whole restore ends it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from functions.adapters.memory import MemoryDestination
from functions.engine.conflict import Conflict
from functions.engine.errors import AccessError, RequestError, StrongroomError, UnavailableError
from functions.engine.model import Buffer, Properties
from functions.engine.orchestration.restore_conflicts import Naming, Verdict
from functions.engine.orchestration.restore_target import DecidedDestination
from functions.engine.ports import LargeWrite, Target
from functions.engine.restore import Restorer
from functions.engine.restore_work import RestoreReport
from tests.engine.kit import SMALL_SAFETY, World
from tests.strategies import noise

NAMING = Naming("", "again/", "label")


class Refusing(MemoryDestination):
    """A destination that refuses one name, at a moment of its life."""

    def __init__(self, name: str, error: StrongroomError, moment: str) -> None:
        """Refuse `name` with `error`."""
        super().__init__(conflict=Conflict.SKIP)
        self.refused = name
        self.error = error
        self.moment = moment

    def write(
        self,
        target: Target,
        parts: Sequence[Buffer],
        properties: Properties,
        modified: str,
        sha256: bytes | None = None,
    ) -> Future[str]:
        """See Destination."""
        if target.name == self.refused:
            return _ended(self.error)
        return super().write(target, parts, properties, modified, sha256)

    def begin(self, target: Target, size: int, properties: Properties, modified: str) -> LargeWrite:  # type: ignore[override]
        """See Destination."""
        if target.name == self.refused and self.moment == "begin":
            raise self.error
        inner = super().begin(target, size, properties, modified)
        return RefusingLarge(inner, self.error, self.moment) if target.name == self.refused else inner


class RefusingLarge:
    """A large file that fails."""

    def __init__(self, inner: LargeWrite, error: StrongroomError, moment: str) -> None:
        """Fail at `moment`."""
        self.inner = inner
        self.error = error
        self.moment = moment

    def write(self, number: int, offset: int, parts: Sequence[Buffer]) -> Future[None]:
        """See LargeWrite."""
        return _ended(self.error) if self.moment == "part" else self.inner.write(number, offset, parts)

    def complete(self) -> Future[str]:
        """See LargeWrite."""
        return _ended(self.error) if self.moment == "complete" else self.inner.complete()

    def abort(self) -> None:
        """See LargeWrite."""
        self.inner.abort()


def _ended(error: StrongroomError) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def restored(inner: MemoryDestination, decided: dict[str, Verdict] | None = None) -> RestoreReport:
    """Restore three small files and a large one."""
    world = World()
    for number in range(3):
        world.source.put(f"ada/{number}", noise(number, 1_000))
    world.source.put("ada/large", noise("large", 1_500_000))
    result = world.back_up("ada")
    sizes = {f"ada/{number}": 1_000 for number in range(3)}
    target = DecidedDestination(inner, NAMING, decided or {}, sizes, lambda: None)
    with Restorer(world.store, target, workers=2, safety=SMALL_SAFETY) as restorer:
        report = restorer.restore([result.record])
    return target.report(report, lambda _prefix, _after: iter(()))


@pytest.mark.parametrize(
    ("name", "moment"),
    [("1", "write"), ("large", "begin"), ("large", "part"), ("large", "complete")],
)
def test_a_file_that_is_refused_is_named_and_the_others_are_restored(name: str, moment: str) -> None:
    """For tags that S3 does not take, for example."""
    inner = Refusing(f"again/ada/{name}", RequestError("InvalidTag"), moment)
    report = restored(inner)
    assert (report.restored, report.skipped, report.failed) == (3, 0, 1)
    assert [(item.name, item.code) for item in report.failures] == [(f"ada/{name}", "REQUEST_REFUSED")]
    assert f"again/ada/{name}" not in inner.files
    assert inner.unfinished == 0


@pytest.mark.parametrize("error", [AccessError("no right"), UnavailableError("no answer")])
def test_what_is_not_one_files_own_ends_the_restore(error: StrongroomError) -> None:
    """All others would meet the same."""
    with pytest.raises(type(error)):
        restored(Refusing("again/ada/1", error, "write"))


def test_what_was_decided_is_done_and_counted() -> None:
    """Left alone, done before, put beside."""
    inner = MemoryDestination(conflict=Conflict.SKIP)
    decided = {"ada/0": Verdict.SKIP, "ada/1": Verdict.DONE, "ada/2": Verdict.RENAME}
    report = restored(inner, decided)
    assert set(inner.files) == {"again/ada/2.label", "again/ada/large"}
    assert (report.restored, report.skipped, report.failed, report.bytes) == (3, 1, 0, 1_502_000)
