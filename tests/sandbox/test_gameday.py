"""A game day with a few users: the first region is lost, and backups go on in the replica."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sandbox.nights.people import LIBRARY
from tests.sandbox.conftest import command


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the command says of a day on which the copies of the tables are lost too."""
    data = tmp_path_factory.mktemp("data") / "email"
    shutil.copytree(LIBRARY / "email", data)
    return _held(data, "--without-tables")


def test_everything_goes_on_in_the_second_region_without_the_first(day: str) -> None:
    """The command itself fails unless every byte is what it was and nothing was asked of the lost region."""
    assert "us-east-1 is lost" in day
    found = day.index("strongroom recover: look at what is there: 5 backups of 5 users")
    restored = day.index("strongroom restore --replica: everybody: ", found)
    night = day.index("a night in the second region, into the replica: COMPLETED, 5 users", restored)
    again = day.index("strongroom restore: everybody, from the new backups: ", night)
    assert day.index("15 backups", again) > day.index("us-east-1 is back", again)
    assert re.search(r"verify --depth full, on the new primary: 15 backups, \d+ packs, 0 damages", day)


def test_lost_tables_are_filled_from_the_replica(day: str) -> None:
    """With the catalog and the users; with their copies it would be the dedup index alone."""
    assert "the copies of the tables are lost too: 5 tables" in day
    assert re.search(r"fill the new primary's tables: dedup, backups, users: \d+ chunks, 5 backups", day)


def test_every_step_has_its_time_and_what_it_means_for_a_terabyte(day: str) -> None:
    """In one table."""
    table = day[day.index("Game day") :].splitlines()
    rows = [re.split(r"  +", line.strip()) for line in table[2:13]]
    assert len(rows) == 11
    assert all(float(row[1]) >= 0 for row in rows)
    assert sum("docs/scale.md" in row[-1] for row in rows) == 5
    assert "16 min: 3.8 million chunks" in day


def _held(data: Path, *options: str) -> str:
    done = command("gameday", "--users", "5", "--data", str(data), *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout
