"""The machine: everything that can happen to a repository, in any order, and what must hold after each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.adapters.faults import CrashPoint, Faults, Moment
from functions.engine.model import BackupType
from tests.retention import mishaps
from tests.retention.world import CONTENTS, FILES, HOUR, LOCK_DAYS, USERS, World

users = st.sampled_from(USERS)
files = st.sampled_from(FILES)
contents = st.integers(0, len(CONTENTS) - 1)
kinds = st.sampled_from([BackupType.INCREMENTAL, BackupType.INCREMENTAL, BackupType.FULL])
spans = st.sampled_from([1, 2, 3, 6, 12, 17, 18, 19, 20, 21, 22, 23, 24, 24, 30, 48, 72, 120, 240])
"""Hours, with a taste for those around the waiting times."""
returns = st.sampled_from([0, 17, 19, 19, 24])
moments = st.sampled_from(list(Moment))
points = st.one_of(
    st.just(CrashPoint("targets.forget", 1, Moment.BEFORE)),
    st.builds(CrashPoint, st.just(""), st.integers(1, 150), moments),
    st.builds(CrashPoint, st.sampled_from(["vault.expire", "store.put_new"]), st.integers(1, 6), moments),
    st.builds(CrashPoint, st.sampled_from(["targets.forget", "vault.extend", "vault.now"]), st.integers(1, 3), moments),
    st.builds(CrashPoint, st.just("store.get"), st.integers(1, 20), moments),
)
"""Calls of a collection, with a taste for those that change something."""
mostly_none = st.one_of(st.none(), st.none(), points)
picks = st.integers(0, 5)
often = st.sampled_from([True, True, False])


def _half(key: str) -> bool:
    """Choose the keys that a lazy lifecycle gets to."""
    return sum(key.encode()) % 2 == 0


class RetentionMachine(RuleBasedStateMachine):
    """Backups, collections, time and mishaps.

    `steps` counts, over all runs of a class, how often something happened after which everything was checked; some
    rules do several things.
    """

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        """Start with an empty world."""
        super().__init__()
        self.world = World()

    @initialize(nights=st.integers(1, 4))
    def begin_somewhere(self, nights: int) -> None:
        """Begin with some nights: after three of them, something is about to go."""
        for user in USERS:
            self.world.put(user, FILES[2], 0)
        self.nights_pass(nights, 24, 0)

    # ---------------------------------------------------------------------------------- sources, backups

    @rule(user=users, file=files, content=contents)
    def put(self, user: str, file: str, content: int) -> None:
        """A user writes a file."""
        self.world.put(user, file, content)

    @rule(user=users)
    def delete_all(self, user: str) -> None:
        """A user deletes everything and goes dormant."""
        self.world.delete_all(user)

    @rule(user=users, file=files)
    def lock_out(self, user: str, file: str) -> None:
        """One file may not be read for a while, or may again."""
        self.world.source.denied ^= {f"{user}/{file}"}

    @rule(user=users, kind=kinds)
    def back_up(self, user: str, kind: BackupType) -> None:
        """A backup from end to end."""
        self.world.back_up(user, kind)

    @rule(user=users, file=files, content=contents)
    def change_and_back_up(self, user: str, file: str, content: int) -> None:
        """What happens every night."""
        self.world.put(user, file, content)
        self.world.back_up(user)

    @rule(user=users, kind=kinds, number=st.integers(1, 60), moment=moments)
    def crash_backup(self, user: str, kind: BackupType, number: int, moment: Moment) -> None:
        """A worker dies, at any call."""
        self.world.back_up(user, kind, Faults(crash=CrashPoint("", number, moment)))

    @precondition(lambda self: len(self.world.open) < 3)
    @rule(user=users, kind=kinds, objects=st.integers(1, 3))
    def begin(self, user: str, kind: BackupType, objects: int) -> None:
        """A backup that takes several invocations."""
        self.world.write(self.world.begin(user, kind), objects)

    @precondition(lambda self: self.world.open)
    @rule(pick=picks)
    def go_on(self, pick: int) -> None:
        """Its next invocation."""
        self._go_on(pick, 1)

    @precondition(lambda self: self.world.open)
    @rule(pick=picks)
    def finish(self, pick: int) -> None:
        """All that is left of it, and the commit."""
        self._go_on(pick, None)

    @precondition(lambda self: self.world.truths)
    @rule(pick=picks)
    def redeliver(self, pick: int) -> None:
        """The message of a backup that was done long ago comes again."""
        truths = sorted(self.world.truths.values(), key=lambda truth: truth.name)
        self.world.redeliver(truths[-1 - pick % len(truths)])

    # -------------------------------------------------------------------------------------- collections

    @rule()
    def collect(self) -> None:
        """A collection from end to end."""
        self.world.collect()

    @rule(point=points)
    def crash_collection(self, point: CrashPoint) -> None:
        """A collection that dies, at any call."""
        self.world.crash_collection(point)

    @rule(point=points, pick=picks, hours=st.sampled_from([1, 2, 3, 4]))
    def commit_within_a_collection(self, point: CrashPoint, pick: int, hours: int) -> None:
        """A backup is finished in the middle of a collection that takes long."""

        def meanwhile() -> None:
            self._go_on(pick, None)
            self.world.pass_time(hours)

        self.world.interrupt_collection(point, meanwhile)

    @rule(point=points, user=users, kind=kinds)
    def back_up_within_a_collection(self, point: CrashPoint, user: str, kind: BackupType) -> None:
        """A whole backup in the middle of a collection."""
        self.world.interrupt_collection(point, lambda: self.world.back_up(user, kind))

    @rule(point=points)
    def collect_twice_at_once(self, point: CrashPoint) -> None:
        """A whole collection in the middle of another one."""
        self.world.interrupt_collection(point, self.world.collect)

    @rule(point=points, user=users, pick=st.none() | picks)
    def hold_within_a_collection(self, point: CrashPoint, user: str, pick: int | None) -> None:
        """A hold comes too late for a collection under way: the next one follows it."""
        self.world.interrupt_collection(point, lambda: self.hold(user, pick))

    @rule(point=points)
    def crash_when_something_goes(self, point: CrashPoint) -> None:
        """A collection dies that has something to let go."""
        self.nights_pass(3, 24, 0)
        self.world.crash_collection(point)

    # Long ways to where it gets dangerous: the single steps would rarely meet in this order. `ripe` says that nights
    # pass first, after which something is about to go.

    @rule(user=users, kind=kinds, objects=st.integers(1, 3), hours=st.sampled_from([0, 3, 17, 20]))
    def span_a_collection(self, user: str, kind: BackupType, objects: int, hours: int) -> None:
        """A backup begins, a collection comes, and the backup is finished."""
        self.world.write(self.world.begin(user, kind), objects)
        self.world.collect()
        self.world.pass_time(hours)
        self._go_on(-1, None)

    @rule(user=users, slow=mostly_none, late=st.none() | points, hours=returns, ripe=often)
    def old_content_returns(
        self, user: str, slow: CrashPoint | None, late: CrashPoint | None, hours: int, *, ripe: bool
    ) -> None:
        """A backup meets content that is about to go, before or within the collection that condemns it.

        It is finished within or after the next one.
        """
        world = self.world
        self._ripen(ripe=ripe)
        world.put(user, FILES[3], world.fading_content())

        def begin() -> None:
            world.pass_time(3 if slow is not None else 0)
            world.write(world.begin(user))

        def finish() -> None:
            self._go_on(-1, None)
            world.pass_time(3)

        self._with(begin, slow)
        world.pass_time(hours)
        self._with(finish, late, after=True)

    @rule(user=users, hours=st.sampled_from([0, 22]), ripe=often)
    def rebuild_across_a_collection(self, user: str, hours: int, *, ripe: bool) -> None:
        """A rebuild lists its packs, a collection condemns some, and the rebuild records them all."""
        world = self.world
        self._ripen(ripe=ripe)
        content = world.fading_content()
        world.rebuilds.clear()
        world.begin_rebuild()
        world.collect()
        world.end_rebuild()
        world.pass_time(hours)
        world.put(user, FILES[3], content)
        world.write(world.begin(user))
        world.collect()
        world.check()
        self._go_on(-1, None)

    @rule(point=points, user=users, ripe=often)
    def hold_after_a_crash(self, point: CrashPoint, user: str, *, ripe: bool) -> None:
        """A collection dies, a hold is set on what it may have tagged, and the next one comes."""
        self._ripen(ripe=ripe)
        self.world.crash_collection(point)
        self.world.check()
        self.world.hold(user, None)
        self.world.collect()

    @precondition(lambda self: self.world.gone)
    @rule(pick=picks, hours=st.sampled_from([0, 1, 24, 24, 48]), whole_user=st.booleans())
    def hold_what_is_gone(self, pick: int, hours: int, *, whole_user: bool) -> None:
        """A collection after which a hold is set on what is tagged, or hidden."""
        self.world.collect()
        self.world.check()
        self.world.pass_time(hours)
        if gone := sorted(self.world.gone):  # a hold that was set earlier may have brought the last of them back
            name = gone[-1 - pick % len(gone)]
            self.world.hold(name.user, None if whole_user else name.backup_id)
        self.world.collect()

    @rule(user=users, days=st.integers(1, 3))
    def erase_and_withdraw(self, user: str, days: int) -> None:
        """An erasure is followed for days, and then taken back."""
        world = self.world
        erased = [truth.name for truth in world.there() if truth.name.user == user]
        world.erase(user)
        reports = []
        for _ in range(days):
            reports.append(world.collect())
            world.check()
            world.pass_time(24)
            world.check()
        if days > 1 and all(report is not None and not report.refused for report in reports):
            left = {name for name in erased if name not in world.gone}
            held = {name for name in left if any(hold.covers(name) for hold in world.holds)}
            assert left == held, f"{left - held} should be erased"
        world.withdraw(world.erasures[-1])
        world.collect()

    @rule(user=users, nights=st.integers(1, 5), first=st.integers(0, 4), rest=st.sampled_from([0, 0, 5]))
    def partial_nights(self, user: str, nights: int, first: int, rest: int) -> None:
        """One file may not be read, night after night; then its user may go dormant."""
        key = f"{user}/{FILES[first % len(FILES)]}"
        self.world.source.denied.add(key)
        self.nights_pass(nights, 24, first)
        self.world.source.denied.discard(key)
        for _day in range(rest):
            self.world.collect()
            self.world.check()
            self.world.pass_time(24)
            self.world.check()

    @rule(user=users, file=files, content=contents)
    def partial_night(self, user: str, file: str, content: int) -> None:
        """A changed file may not be read tonight."""
        key = f"{user}/{file}"
        self.world.put(user, file, content)
        self.world.source.denied.add(key)
        self.world.back_up(user)
        self.world.source.denied.discard(key)

    @rule(nights=st.integers(1, 3), hours=st.sampled_from([20, 22, 24]), first=st.integers(0, 4))
    def nights_pass(self, nights: int, hours: int, first: int) -> None:
        """Some nights as they should be."""
        for night in range(first, first + nights):
            self.world.night(night)
            self.world.check()
            self.world.collect()
            self.world.check()
            self.world.pass_time(hours)
            self.world.check()

    # ----------------------------------------------------------------------------------- time and mishaps

    @rule(hours=spans, lazy=st.booleans())
    def pass_time(self, hours: int, *, lazy: bool) -> None:
        """Time goes by; the lifecycle may be late for half of the keys."""
        self.world.pass_time(hours, _half if lazy else lambda _key: True)

    @rule(minutes=st.sampled_from([-60, -30, 0, 0, 30, 60]))
    def skew(self, minutes: int) -> None:
        """The workers' clock is wrong, within limits."""
        self.world.skew = minutes * HOUR / 60

    @rule()
    def lose_index(self) -> None:
        """The table is lost."""
        self.world.lose_index()

    @rule()
    def rebuild(self) -> None:
        """The table is rebuilt from the bucket."""
        self.world.rebuild()

    @precondition(lambda self: not self.world.rebuilds)
    @rule()
    def begin_rebuild(self) -> None:
        """A rebuild that takes long begins."""
        self.world.begin_rebuild()

    @precondition(lambda self: self.world.rebuilds)
    @rule()
    def end_rebuild(self) -> None:
        """... and ends."""
        self.world.end_rebuild()

    @rule(user=users, pick=st.none() | picks)
    def hold(self, user: str, pick: int | None) -> None:
        """A hold on a user, or on one of his backups, be it there or gone."""
        names = sorted(name for name in self.world.truths if name.user == user)
        self.world.hold(user, names[pick % len(names)].backup_id if pick is not None and names else None)

    @precondition(lambda self: self.world.holds)
    @rule(pick=picks)
    def release(self, pick: int) -> None:
        """A hold is released."""
        self.world.release(self.world.holds[pick % len(self.world.holds)])

    @precondition(lambda self: len(self.world.erasures) < 3)
    @rule(user=users, leaves=st.booleans())
    def erase(self, user: str, *, leaves: bool) -> None:
        """A user is erased, having left or not."""
        if leaves:
            self.world.delete_all(user)
        self.world.erase(user)

    @precondition(lambda self: self.world.erasures)
    @rule(pick=picks)
    def withdraw(self, pick: int) -> None:
        """It was a mistake."""
        self.world.withdraw(self.world.erasures[pick % len(self.world.erasures)])

    @rule(
        user=users,
        hours=st.sampled_from([22, 24, 24]),
        later=st.sampled_from([0, 3, 3, 3]),
        late=st.sampled_from([12, 19, 19, 19]),
    )
    def erase_and_back_up(self, user: str, hours: int, later: int, late: int) -> None:
        """A user is erased and stays: the next backup meets what is about to go, and is finished late."""
        world = self.world
        world.put(user, FILES[3], world.unused_content())
        world.back_up(user)
        world.erase(user)
        world.collect()
        world.check()
        world.pass_time(hours)
        world.collect()
        world.pass_time(later)
        world.check()
        world.write(world.begin(user))
        world.pass_time(late)
        world.collect()
        world.check()
        self._go_on(-1, None)

    @rule(user=users)
    def note_incomplete(self, user: str) -> None:
        """His newest backup did not arrive whole in a copy that was taken over."""
        mishaps.note_incomplete(self.world, user)

    @rule(number=st.integers(0, 4))
    def lose_plan(self, number: int) -> None:
        """A part of the newest plan did not arrive there either."""
        mishaps.lose_plan(self.world, number)

    @rule(days=st.sampled_from([LOCK_DAYS, LOCK_DAYS + 1, LOCK_DAYS + 3]))
    def change_lock(self, days: int) -> None:
        """Somebody changes the days for which the bucket locks what is new."""
        mishaps.change_lock(self.world, days)

    @precondition(lambda self: self.world.gone)
    @rule(pick=picks)
    def undelete(self, pick: int) -> None:
        """An operator brings back what was expired."""
        names = sorted(self.world.gone)
        self.world.undelete(names[-1 - pick % len(names)])

    @precondition(lambda self: any(self.world.there()))
    @rule(pick=picks)
    def restore(self, pick: int) -> None:
        """Somebody needs a backup."""
        truths = sorted(self.world.there(), key=lambda truth: truth.name)
        self.world.restore(truths[pick % len(truths)])

    @precondition(lambda self: len(self.world.truths) > 5)
    @rule()
    def settle(self) -> None:
        """Nothing happens for a while, but collections."""
        self.world.settle()

    @invariant()
    def everything_kept_is_there(self) -> None:
        """See World.check."""
        before = self.world.counted
        self.world.check()
        self.world.counted = self.world.checks
        type(self).steps += self.world.checks - before

    def _ripen(self, *, ripe: bool) -> None:
        if ripe:
            self.nights_pass(3, 24, 0)

    def _with(self, action: Callable[[], object], point: CrashPoint | None, *, after: bool = False) -> None:
        """Do something before a collection, or after it, or in its middle if a point is given."""
        if point is not None:
            self.world.interrupt_collection(point, action)
            return
        if not after:
            action()
        self.world.collect()
        self.world.check()
        if after:
            action()

    def _go_on(self, pick: int, objects: int | None) -> None:
        world = self.world
        if not world.open:
            return
        backup = world.open[pick % len(world.open)]
        world.write(backup, objects)
        if backup.whole and backup in world.open:
            world.commit(backup)
