"""Restore drills on in-memory ports: who is proven, what is found, what is told, and what stops nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.adapters.memory import MemoryFile
from functions.contract.environment import SourceSetting
from functions.contract.metric_names import Metric
from functions.contract.states import DrillState
from functions.engine.errors import AccessError, ConfigurationError, UnavailableError
from functions.engine.model import Properties
from functions.engine.orchestration.ports import DrillResult, UserState
from tests.engine.kit import PROPERTIES, SOURCE, commit_of, manifest_of
from tests.runtime.verifier_kit import Change, Vault, Watch
from tests.strategies import noise, prose

DRILL = {"verify": "drill"}
FILES = {
    "bob/empty": b"",
    "bob/large": noise("large", 1_500_000),
    "bob/notes": prose("notes", 40_000),
    "bob/ünï\ncode": b"odd",
}


@pytest.fixture
def vault() -> Vault:
    """Give a repository without users."""
    return Vault()


def states(vault: Vault) -> dict[str, DrillState]:
    """Give how each user's last drill ended."""
    return {result.user: result.state for result in vault.drills.results}


def user(vault: Vault, name: str) -> UserState:
    """Give what is known of a user."""
    return next(found for found in vault.users.all(SOURCE) if found.user == name)


def only(vault: Vault) -> DrillResult:
    """Give the only result."""
    (result,) = vault.drills.results
    return result


def test_a_user_whose_restore_is_equal_is_proven(vault: Vault) -> None:
    """Every byte, property and tag, beside the source too; nobody is told of what is well."""
    backup = vault.back_up("bob", FILES, PROPERTIES)
    answer = vault.verify(DRILL)
    result = only(vault)
    size = sum(map(len, FILES.values()))
    assert answer == {"verify": "drill", "proven": 1, "failed": 0, "not_reached": 0}
    assert result == DrillResult(
        SOURCE, "bob", backup.record.backup_id, vault.clock.now, DrillState.PROVEN, len(FILES), size
    )
    assert user(vault, "bob").proven == vault.clock.now.replace(microsecond=0)
    assert vault.notifier.sent == []
    assert vault.heard.total("DrillsProven", SOURCE) == 1
    assert vault.heard.total("DrillsFailed") is None
    assert vault.heard.total("DrillAgeMax", SOURCE) == 0
    (line,) = vault.heard.lines("drill proved the backup")
    assert (line["source"], line["user"], line["backup_id"]) == (SOURCE, "bob", backup.record.backup_id)
    assert (line["files"], line["bytes"], line["beside_source"]) == (4, size, 4)


def test_it_restores_below_the_day_the_source_and_the_user(vault: Vault) -> None:
    """Each drill into a folder of its own, so that one done twice harms nothing."""
    vault.back_up("bob", FILES, PROPERTIES)
    vault.verify(DRILL)
    vault.verify(DRILL)
    folders = {key.rsplit("/", 1)[0] for key in vault.scratch.objects}
    assert len(folders) == 2
    assert all(folder.startswith(f"drills/2026-11-20/{SOURCE}/bob/") for folder in folders)
    assert [result.state for result in vault.drills.results] == [DrillState.PROVEN]  # the same moment: one record
    for folder in folders:
        found = {f"bob/{key.removeprefix(folder)[1:]}": item.data for key, item in vault.scratch.objects.items()}
        assert FILES.items() <= found.items()


def test_the_root_user_is_proven(vault: Vault) -> None:
    """Who owns what lies in no folder."""
    vault.back_up("", {"readme": b"hello", "bob/x": b"x"})
    assert vault.verify(DRILL)["proven"] == 1
    assert only(vault).files == 1


@pytest.mark.parametrize("files", [{}, {"bob/empty": b""}])
def test_a_user_with_nothing_is_proven(vault: Vault, files: dict[str, bytes]) -> None:
    """There is nothing to lose."""
    vault.back_up("bob", files)
    assert vault.verify(DRILL)["proven"] == 1
    assert only(vault).files == len(files)


def test_a_partial_backup_is_proven_for_what_it_holds(vault: Vault) -> None:
    """What it could not read it says itself."""
    vault.world.source.denied.add("bob/secret")
    backup = vault.back_up("bob", {"bob/secret": b"s", "bob/plain": b"p"})
    assert backup.record.status == "PARTIAL"
    assert vault.verify(DRILL)["proven"] == 1
    assert only(vault).files == 1


@pytest.mark.parametrize("change", ["put", "delete", "deny"])
def test_an_object_that_changed_since_is_compared_with_the_manifest_only(vault: Vault, change: str) -> None:
    """It says nothing about the backup."""
    vault.back_up("bob", {"bob/a": b"before", "bob/b": b"same"})
    if change == "put":
        vault.world.source.put("bob/a", b"after")
    elif change == "delete":
        vault.world.source.delete("bob/a")
    else:
        vault.world.source.denied.add("bob/a")
    assert vault.verify(DRILL)["proven"] == 1
    (line,) = vault.heard.lines("drill proved the backup")
    assert (line["files"], line["beside_source"]) == (2, 1)


def test_a_pack_with_a_wrong_byte_fails_the_drill_and_is_named(vault: Vault) -> None:
    """In the result, in the log and in the notice, with what to do."""
    backup = vault.back_up("bob", FILES, PROPERTIES)
    pack = vault.damage(backup, "bob/notes")
    assert vault.verify(DRILL) == {"verify": "drill", "proven": 0, "failed": 1, "not_reached": 0}
    result = only(vault)
    assert result.state is DrillState.FAILED
    assert result.error is not None
    assert result.error.startswith("CHUNK_CORRUPT: 'bob/notes': ")
    assert pack in result.error
    (notice,) = vault.notifier.sent
    assert pack in notice.body
    assert "what to do: run verify at depth full, then restore the object from the replica" in notice.body
    assert user(vault, "bob").proven is None
    assert vault.heard.total("DrillsFailed", SOURCE) == 1
    assert (vault.heard.total("DrillAgeMax", SOURCE) or 0) > 0


def tamper(name: str, change: Callable[[MemoryFile], MemoryFile | None]) -> Change:
    """Change one file on its way into the scratch bucket."""
    return lambda file: change(file) if file.key == name else file


def without(file: MemoryFile, **changes: Any) -> MemoryFile:  # noqa: ANN401 - any property
    """Give the file with other properties."""
    return file._replace(properties=replace(file.properties, **changes))


@pytest.mark.parametrize(
    ("name", "change", "difference"),
    [
        ("bob/notes", lambda file: file._replace(data=b"#" + file.data[1:]), "does not hold chunk"),
        ("bob/large", lambda file: file._replace(data=file.data[:-1] + b"#"), "does not hold chunk"),
        ("bob/notes", lambda file: file._replace(data=file.data[:-1]), "has 39,999 bytes instead of 40,000"),
        ("bob/empty", lambda file: file._replace(data=b"#"), "has 1 bytes instead of 0"),
        ("bob/notes", lambda file: file._replace(data=b""), "has 0 bytes instead of 40,000"),
        ("bob/notes", lambda file: without(file, system={"content-type": "x/y"}), "system metadata 'content-type'"),
        ("bob/empty", lambda file: without(file, tags={}), "lacks the tag 'class'"),
        ("bob/large", lambda file: without(file, user={}), "lacks the user metadata 'owner'"),
        ("bob/notes", lambda _file: None, "is not there after the restore"),
    ],
)
def test_a_restored_object_that_is_not_what_was_backed_up_is_found(
    vault: Vault, name: str, change: Callable[[MemoryFile], MemoryFile | None], difference: str
) -> None:
    """Whatever is wrong with it, and that one file only."""
    vault.back_up("bob", FILES, PROPERTIES)
    vault.scratch.change = tamper(name, change)
    assert vault.verify(DRILL)["failed"] == 1
    result = only(vault)
    assert result.error is not None
    assert result.error.startswith(f"RESTORE_MISMATCH: {name!r}: ")
    assert difference in result.error
    assert result.error in vault.notifier.sent[0].body or difference in vault.notifier.sent[0].body
    others = [key for key in FILES if key != name]
    assert all(repr(key) not in result.error for key in others)


def test_bytes_that_the_source_has_otherwise_are_found(vault: Vault) -> None:
    """An object with the same etag must have the same bytes, or the backup is of something else."""
    vault.back_up("bob", {"bob/a": b"before"})
    found = vault.world.source.objects["bob/a"]
    vault.world.source.objects["bob/a"] = replace(found, data=b"BEFORE")
    assert vault.verify(DRILL)["failed"] == 1
    assert "differs from the source" in str(only(vault).error)


def test_a_scratch_bucket_that_may_not_be_written_fails_the_drill_with_the_remedy(vault: Vault) -> None:
    """And keeps nobody else from his."""

    def refuse(file: MemoryFile) -> MemoryFile:
        if file.key.startswith("bob/"):
            raise AccessError("write it: AccessDenied", hint="grant s3:PutObject on scratch")
        return file

    for name in ("alice", "bob", "carol"):
        vault.back_up(name, {f"{name}/a": name.encode()})
    vault.scratch.change = refuse
    assert vault.verify(DRILL) == {"verify": "drill", "proven": 2, "failed": 1, "not_reached": 0}
    assert states(vault) == {"alice": "PROVEN", "bob": "FAILED", "carol": "PROVEN"}
    (notice,) = vault.notifier.sent
    assert "what to do: grant s3:PutObject on scratch" in notice.body
    assert "1 restore drill failed, 2 succeeded." in notice.body


@pytest.mark.parametrize(("kind", "code"), [("commit", "BACKUP_NOT_FOUND"), ("manifest", "MANIFEST_CORRUPT")])
def test_a_backup_that_lacks_an_object_fails_the_drill(vault: Vault, kind: str, code: str) -> None:
    """The table says that there is a backup; the bucket decides."""
    backup = vault.back_up("bob", {"bob/a": b"a"})
    vault.back_up("carol", {"carol/a": b"a"})
    del vault.world.store.blobs[commit_of(backup) if kind == "commit" else manifest_of(backup)]
    assert vault.verify(DRILL)["failed"] == 1
    assert states(vault) == {"bob": "FAILED", "carol": "PROVEN"}
    assert str(next(result for result in vault.drills.results if result.user == "bob").error).startswith(code)


def test_what_nobody_foresaw_fails_one_drill(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the others."""
    for name in ("bob", "carol"):
        vault.back_up(name, {f"{name}/a": b"a"})
    listing = vault.scratch.list

    def odd(prefix: str, start_after: str = "", *, recursive: bool = True) -> object:
        if "/bob/" in prefix:
            raise ZeroDivisionError("odd")
        return listing(prefix, start_after, recursive=recursive)

    monkeypatch.setattr(vault.scratch, "list", odd)
    assert vault.verify(DRILL)["proven"] == 1
    assert states(vault) == {"bob": "FAILED", "carol": "PROVEN"}
    assert "ZeroDivisionError" in vault.notifier.sent[0].body
    (line,) = vault.heard.lines("drill ended in a way that nobody foresaw")
    assert "ZeroDivisionError: odd" in line["exception"]


def test_failures_are_told_though_a_table_fails_afterwards(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is not lost with the invocation, which is repeated."""
    backup = vault.back_up("bob", {"bob/a": b"a"})
    vault.damage(backup, "bob/a")
    vault.back_up("carol", {"carol/a": b"carol"})

    def down(*_arguments: object) -> None:
        raise UnavailableError("the table does not answer")

    monkeypatch.setattr(vault.users, "proven", down)
    with pytest.raises(UnavailableError):
        vault.verify(DRILL)  # Bob, the oldest, comes first
    assert states(vault) == {"bob": "FAILED", "carol": "PROVEN"}
    assert "user 'bob'" in vault.notifier.sent[0].body


def test_of_a_large_user_a_random_part_is_restored(vault: Vault) -> None:
    """As many bytes as allowed, another part another day, and in time everything."""
    files = {f"bob/{number:02}": noise(number, 10_000) for number in range(20)}
    vault.back_up("bob", files)
    vault.set(drill_bytes=45_000)
    seen: set[str] = set()
    for seed in range(40):
        vault.scratch.objects.clear()
        vault.clock.now += timedelta(days=1)
        assert vault.verify({**DRILL, "seed": seed})["proven"] == 1
        keys = {key.rsplit("/", 1)[1] for key in vault.scratch.objects}
        assert len(keys) == 4
        seen |= keys
    assert len(seen) == 20
    assert {(result.files, result.size) for result in vault.drills.results} == {(4, 40_000)}


def test_of_a_backup_of_many_segments_a_few_are_restored(vault: Vault) -> None:
    """Nobody can read a billion lines in time; another day it is others."""
    vault.world.safety = replace(vault.world.safety, segment_entries=2)
    backup = vault.back_up("bob", {f"bob/{number:02}": noise(number, 100) for number in range(40)})
    assert len(backup.record.segments) == 20
    seen: set[str] = set()
    for seed in range(30):
        vault.scratch.objects.clear()
        assert vault.verify({**DRILL, "seed": seed})["proven"] == 1
        keys = {key.rsplit("/", 1)[1] for key in vault.scratch.objects}
        assert len(keys) == 16
        seen |= keys
    assert len(seen) == 40


def test_a_round_that_was_killed_is_made_up_for_by_the_next(vault: Vault) -> None:
    """What was proven stays proven, and the rest comes first."""
    for name in ("alice", "bob", "carol"):
        vault.back_up(name, {f"{name}/a": name.encode()})

    def killed(file: MemoryFile) -> MemoryFile:
        if len(vault.drills.results) == 1:
            raise KeyboardInterrupt
        return file

    vault.scratch.change = killed
    with pytest.raises(KeyboardInterrupt):
        vault.verify(DRILL)
    assert len(states(vault)) == 1
    vault.scratch.change = lambda file: file
    vault.clock.now += timedelta(seconds=1)
    assert vault.verify(DRILL)["proven"] == 3
    assert all(found.proven is not None for found in vault.users.all(SOURCE))


def test_a_file_larger_than_the_limit_is_restored_alone(vault: Vault) -> None:
    """A drill of nothing would prove nothing."""
    vault.back_up("bob", {"bob/large": noise("large", 900_000)})
    vault.set(drill_bytes=1)
    assert vault.verify(DRILL)["proven"] == 1
    assert only(vault).size == 900_000


def test_keys_that_are_too_long_below_the_scratch_folder_are_proven(vault: Vault) -> None:
    """A key of 1,024 bytes is as good as any other."""
    long = "bob/" + "é" * 510
    assert len(long.encode()) == 1_024
    vault.back_up("bob", {long: b"long", f"{long[:-1]}x": b"other"})
    assert vault.verify(DRILL)["proven"] == 1
    assert all(len(key.encode()) <= 1_024 for key in vault.scratch.objects)


def test_whom_the_time_does_not_reach_comes_first_tomorrow(vault: Vault) -> None:
    """Nobody is begun when it is nearly over."""
    names = [f"u{number}" for number in range(6)]
    for name in names:
        vault.back_up(name, {f"{name}/a": name.encode()})
    vault.set(drills_a_day=6)
    for day in range(3):
        vault.clock.now += timedelta(days=1)
        before = {result.user for result in vault.drills.results}
        answer = vault.verify(DRILL, Watch(left=250.0, each=6.0) if day == 0 else Watch())
        if day == 0:
            assert 0 < answer["not_reached"] < 6
            assert answer["proven"] + answer["not_reached"] == 6
        if day == 1:
            missing = set(names) - before
            order = [result.user for result in vault.drills.results[len(before) :]]
            assert set(order[: len(missing)]) == missing
    assert set(states(vault)) == set(names)
    assert vault.notifier.sent == []


def test_a_drill_that_had_a_fair_share_of_the_time_has_failed(vault: Vault) -> None:
    """One user takes no more than half of what is left, and those after him have theirs."""
    vault.back_up("bob", {f"bob/{number:03}": noise(number, 2_000) for number in range(50)})
    assert vault.verify(DRILL, Watch(left=900.0, each=30.0))["failed"] == 1
    assert str(only(vault).error).startswith("OUT_OF_TIME: ")


def test_a_drill_that_had_little_time_was_not_reached(vault: Vault) -> None:
    """It is not called failed, and nobody is alarmed."""
    vault.back_up("bob", {f"bob/{number:03}": noise(number, 2_000) for number in range(50)})
    assert vault.verify(DRILL, Watch(left=150.0, each=10.0))["not_reached"] == 1
    assert vault.drills.results == []
    assert vault.notifier.sent == []


def test_who_was_not_proven_in_time_is_told(vault: Vault) -> None:
    """Once a day until it is mended; the age is a metric."""
    backup = vault.back_up("bob", {"bob/a": b"a"})
    vault.damage(backup, "bob/a")
    vault.back_up("carol", {"carol/a": b"carol"})
    vault.clock.now += timedelta(days=91)
    vault.verify(DRILL)
    failed, overdue = vault.notifier.sent
    assert "FAILED" in failed.subject
    assert overdue.subject == "Strongroom test: restore drills OVERDUE: 1 user"
    assert "user 'bob' of source 'reports': never proven, first backed up 91 days ago" in overdue.body
    assert "carol" not in overdue.body
    assert (vault.heard.total("DrillAgeMax", SOURCE) or 0) >= timedelta(days=91).total_seconds()


def test_sources_take_turns(vault: Vault) -> None:
    """None waits for the end of another one's drills; each has its own age."""
    vault.set(sources=(*vault.settings.sources, SourceSetting("invoices", "other")), drills_a_day=4)
    for name in ("u1", "u2", "u3"):
        backup = vault.back_up(name, {f"{name}/a": name.encode()})
        vault.users.backed_up(replace(backup.record, source="invoices"))
    assert vault.verify(DRILL)["failed"] == 2  # those of invoices are in the table only
    assert [result.source for result in vault.drills.results] == [SOURCE, "invoices"] * 2
    assert (vault.heard.total("DrillAgeMax", "invoices") or 0) > 0


def test_a_stack_without_users_ends_well(vault: Vault) -> None:
    """On its first day."""
    assert vault.verify(DRILL) == {"verify": "drill", "proven": 0, "failed": 0, "not_reached": 0}
    assert vault.runs("drill") == 1
    assert vault.heard.total("DrillAgeMax", SOURCE) == 0
    assert vault.notifier.sent == []


def test_properties_that_s3_gives_itself_are_no_difference(vault: Vault) -> None:
    """An object without a content type has one when it is restored."""
    vault.back_up("bob", {"bob/a": b"a"}, Properties())
    vault.scratch.change = tamper("bob/a", lambda file: without(file, system={"content-type": "binary/octet-stream"}))
    assert vault.verify(DRILL)["proven"] == 1


def test_users_whom_a_person_names_are_proven_now(vault: Vault) -> None:
    """Each with an answer of his own; who is unknown has one too, and nobody takes it for the day's round."""
    backup = vault.back_up("bob", FILES, PROPERTIES).record
    vault.back_up("alice", {"alice/a": b"a"}, PROPERTIES)
    answer = vault.verify({**DRILL, "source": SOURCE, "users": ["bob", "nobody"]})
    proven, unknown = sorted(answer["drills"], key=lambda drill: str(drill["state"]))
    assert (proven["user"], proven["state"], proven["backup"], proven["files"]) == (
        "bob",
        "PROVEN",
        backup.backup_id,
        len(FILES),
    )
    assert unknown == {"source": SOURCE, "user": "nobody", "state": "UNKNOWN"}
    assert states(vault) == {"bob": DrillState.PROVEN}
    assert vault.heard.total(Metric.VERIFY_RUN) is None


def test_a_drill_of_a_source_that_is_none_says_which_there_are(vault: Vault) -> None:
    """Nothing is restored."""
    with pytest.raises(ConfigurationError, match="source 'recipes' is none"):
        vault.verify({**DRILL, "source": "recipes", "users": ["bob"]})
