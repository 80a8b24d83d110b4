"""The page says what the simulation says, and the simulation what was measured."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import simulate
from benchmarks.simulation import prices
from benchmarks.simulation.checks import Check, explained_cpu, figures, measured, sandbox
from benchmarks.simulation.limits import RELAXED
from benchmarks.simulation.report import DOCUMENT, Table, place, shown, written

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
TOLERANCE = 0.35
"""Of wall times on a shared machine, server included. What the simulation is for differs by factors of ten."""


@pytest.mark.parametrize("name", DOCUMENT)
def test_the_page_shows_what_the_simulation_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m benchmarks.simulate --write docs/scale.md` brings it up to date."""
    monkeypatch.chdir(ROOT)
    assert shown(PAGE, name) == DOCUMENT[name]().markdown()


def test_every_limit_that_binds_is_explained() -> None:
    """The page says of each what takes over."""
    bound = {name for name in RELAXED if f"| {name} (" in shown(PAGE, "sizes")}
    explained = set(re.findall(r"^\*\*(.+?)\*\*", PAGE.partition("## What takes over")[2], re.MULTILINE))
    assert bound
    assert bound <= explained


def test_the_page_names_the_day_of_its_prices() -> None:
    """And the region."""
    assert prices.DATE in PAGE
    assert prices.REGION in PAGE


@pytest.mark.parametrize("check", figures(RESULTS), ids=lambda check: check.name)
def test_what_was_measured_is_predicted(check: Check) -> None:
    """Set up for the machine of the benchmarks, the simulation gives their wall times."""
    assert check.ratio == pytest.approx(1.0, abs=TOLERANCE)


@pytest.mark.parametrize("check", explained_cpu(RESULTS), ids=lambda check: check.name)
def test_the_costs_explain_the_cpu_that_was_measured(check: Check) -> None:
    """Row by row of the table of results."""
    assert check.ratio == pytest.approx(1.0, abs=0.25)


def test_a_missing_row_of_the_results_is_an_error() -> None:
    """A check that compares with nothing would always pass."""
    with pytest.raises(ValueError, match="no row big, nothing"):
        measured(RESULTS, "big", "nothing")
    with pytest.raises(ValueError, match="20 ms"):
        figures(RESULTS.replace("at 20ms a request", ""))


def run_of(seconds: float) -> dict[str, float]:
    """Give the figures of a sandbox run."""
    return {"users": 1_000, "files_per_user": 20, "seconds": seconds, "workers": 2, "per_job_cpu_seconds": 0.2}


def test_a_sandbox_run_is_predicted_from_what_a_job_costs() -> None:
    """1,000 jobs of 0.2 s on two workers take 100 s and a little for the start."""
    assert sandbox(run_of(100.0)).ratio == pytest.approx(1.0, abs=0.05)
    with pytest.raises(KeyError):
        sandbox({"users": 1_000})


@pytest.mark.parametrize(("seconds", "status"), [(90.0, 0), (20.0, 1), (900.0, 1)])
def test_a_check_that_is_far_off_fails(seconds: float, status: int, tmp_path: Path) -> None:
    """By a factor of two, either way."""
    file = tmp_path / "sandbox-run.json"
    file.write_text(json.dumps(run_of(seconds)), encoding="utf-8")
    assert simulate.main(["--check", str(file)]) == status


@pytest.mark.parametrize("text", [None, "no JSON", "{}", "[]", '{"users": 0}', json.dumps(run_of(0.0))])
def test_a_check_without_figures_says_so(text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing, damaged, or of a run that did nothing."""
    file = tmp_path / "sandbox-run.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert simulate.main(["--check", str(file)]) == 2
    assert "no figures to compare with" in capsys.readouterr().err


def test_any_size_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """In files of 100 KB, with ten workers."""
    assert simulate.main(["--shape", "1000,10e6,1", "--concurrency", "10", "--changed", "0.02"]) == 0
    assert "1 TB, 1,000 users, 10,000,000 objects" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--shape", "1000"],
        ["--shape", "10,5,1"],
        ["--shape", "1.5,5,1"],
        ["--shape", "1,nan,1"],
        ["--shape", "1,1,inf"],
        ["--shape", "0,1,1"],
        ["--concurrency", "0"],
        ["--partitions", "-1"],
        ["--changed", "1.1"],
        ["--vcpu-factor", "0"],
        ["--vcpu-factor", "nan"],
        ["--vcpu-factor", "x"],
    ],
)
def test_sizes_that_cannot_be_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the option's name."""
    with pytest.raises(SystemExit):
        simulate.main(arguments)
    assert f"argument {arguments[0]}" in capsys.readouterr().err


@pytest.mark.parametrize("old", ["", "\n| old |\n"])
def test_tables_are_written_into_their_places_only(old: str) -> None:
    """What stands around them stays; a page without a place is an error."""
    begin, end = place("a")
    page = f"before\n\n{begin}{old}{end}\n\nafter\n"
    table = Table(("x",), [("1",)])
    new = written(page, {"a": table})
    assert new == f"before\n\n{begin}\n{table.markdown()}\n{end}\n\nafter\n"
    assert shown(new, "a") == table.markdown()
    assert written(new, {"a": table}) == new
    with pytest.raises(ValueError, match="no place for the table b"):
        written(page, {"b": table})
