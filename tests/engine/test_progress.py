"""What a backup tells of itself while it goes on."""

from dataclasses import dataclass, field, replace

import pytest

from functions.engine.backup import BackupSession
from functions.engine.model import BackupType, SourceObject
from tests.engine.kit import SOURCE, WORKERS, World, put_all, within
from tests.strategies import noise

SMALL, LARGE = 1_000, 1_300_000


@dataclass
class Told:
    """A progress that adds up what it is told."""

    files: int = 0
    sums: dict[str, int] = field(default_factory=lambda: {"read": 0, "new": 0, "stored": 0})

    def advance(self, *, files: int = 0, read: int = 0, new: int = 0, stored: int = 0) -> None:
        """See Progress."""
        self.files += files
        for name, count in (("read", read), ("new", new), ("stored", stored)):
            self.sums[name] += count


class Broken:
    """A progress whose listener has gone away."""

    def advance(self, **_counts: int) -> None:
        """See Progress; it must not raise, and does."""
        raise BrokenPipeError("nobody listens")


def told_of(world: World, kind: BackupType = BackupType.INCREMENTAL) -> tuple[Told, dict[str, int]]:
    """Back up; give what was told meanwhile, and the totals of the record."""
    told = Told()
    with BackupSession(replace(world.ports, progress=told), workers=WORKERS, safety=world.safety) as session:
        totals = session.backup(world.job(kind=kind)).record.totals
    return told, totals._asdict()


def test_what_is_told_adds_up_to_the_totals(world: World) -> None:
    """Small and large files, one that comes twice and one that is empty; the next night, what is carried over too."""
    same = noise("same", SMALL)
    put_all(world.source, {"alice/a": same, "alice/b": same, "alice/c": noise("c", LARGE), "alice/d": b""})
    told, totals = told_of(world)
    assert told.files == totals["files"] == 4
    assert told.sums == {name: totals[name] for name in told.sums}
    assert told.sums["read"] == 2 * SMALL + LARGE > told.sums["new"] == SMALL + LARGE
    world.source.put("alice/a", noise("changed", SMALL))
    again, totals = told_of(world)
    assert again.files == totals["files"] == 4
    assert again.sums == {name: totals[name] for name in again.sums}
    assert again.sums["read"] == SMALL


def test_what_could_not_be_read_is_not_told_as_done(world: World) -> None:
    """Neither an object that is gone when it is read, nor one in an archive."""
    put_all(world.source, {"alice/a": noise("a", SMALL), "alice/gone": noise("g", SMALL)})
    world.source.put("alice/cold", noise("cold", SMALL), storage_class="GLACIER")

    def before(item: SourceObject) -> None:
        if item.key == "alice/gone":
            world.source.objects.pop(item.key, None)

    world.source.before_read = before
    told, totals = told_of(world)
    assert (told.files, totals["files"], totals["unreadable"]) == (1, 1, 1)
    assert told.sums["read"] == SMALL


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_listener_that_goes_away_ends_the_backup_and_does_not_hang_it(world: World, size: int) -> None:
    """Whoever waits for the outcomes hears of it, and nothing is committed."""
    put_all(world.source, {f"alice/{number}": noise(number, size) for number in range(5)})

    def back_up() -> None:
        ports = replace(world.ports, progress=Broken())
        with BackupSession(ports, workers=WORKERS, safety=world.safety) as session:
            session.backup(world.job())

    with pytest.raises(BrokenPipeError):
        within(20, back_up)
    assert not world.repository.newest(SOURCE)
