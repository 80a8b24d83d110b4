"""What the documents say is so: links resolve, generated pages are current, commands exist."""

import re
import subprocess
from pathlib import Path

import pytest

from cli.reference import PAGES, error_classes
from cli.statuses import MEANINGS
from functions.adapters.local_index import IN_MEMORY
from functions.engine.safety import DEFAULT_SAFETY, MIB

ROOT = Path(__file__).resolve().parents[2]
PAGES_WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    """Give a page's path below the root."""
    return path.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    """Read a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """Give the anchors of a page's headings, as Markdown viewers make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES_WRITTEN, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the project, and to a heading of it when one is named."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert "://" not in link, f"{link}: pages of others move"
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(path), f"{link} has no such heading"


@pytest.mark.parametrize("page", PAGES_WRITTEN, ids=name_of)
def test_lines_fit_the_screen(page: Path) -> None:
    """Up to 120 columns, but for tables and listings."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_the_readme_names_both_commands_and_make_knows_them() -> None:
    """They are the first thing to try; `make help` lists them."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    for command in ("demo", "test"):
        assert f"    make {command} " in text_of("README.md")
        assert re.search(rf"^{command}\b", listed, re.MULTILINE)


def test_the_readme_fits_on_a_few_screens_and_shows_the_demo() -> None:
    """The nights' measures stand in it, and that what was restored was equal and no call denied."""
    text = text_of("README.md")
    assert len(text.splitlines()) <= 120
    for measure in ("type", "started by", "state", "users", "files", "read", "stored", "S3 requests", "seconds"):
        assert re.search(rf"^{measure}  ", text, re.MULTILINE)
    assert " 0 faults\n" in text
    assert " 0 differences\n" in text
    assert " none denied;" in text


def test_the_readme_s_commands_have_the_options_that_they_use() -> None:
    """Each `python -m cli` line of the README is one that the tool takes."""
    reference = text_of("docs/cli.md")
    lines = re.findall(r"^    python -m cli (\w+) +(.+)$", text_of("README.md"), re.MULTILINE)
    assert {command for command, _ in lines} == {"backup", "backups", "restore", "verify", "cost", "status"}
    for command, options in lines:
        section = reference.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
        for option in re.findall(r"--[a-z-]+", options):
            assert f"`{option}`" in section, f"{command} has no {option}"


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    """`python -m cli.reference docs` writes them."""
    assert text_of(f"docs/{name}") == PAGES[name]()


def test_every_code_and_every_status_is_documented() -> None:
    """With a meaning and, for every error, a remedy."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (\d+) \|", text_of("docs/errors.md"), re.MULTILINE)
    documented = {code: int(status) for code, _, _, status in rows}
    classes = error_classes()
    assert documented == {error.code: error.exit_status for error in classes} | {"BUG": 1, "INTERRUPTED": 130}
    assert len(documented) == len(classes) + 2
    assert set(documented.values()) | {0} == set(MEANINGS)
    statuses = re.findall(r"^\| (\d+) \| .+ \|$", text_of("docs/cli.md"), re.MULTILINE)
    assert list(map(int, statuses)) == list(MEANINGS)


def test_decisions_are_numbered_and_complete() -> None:
    """Context, decision, consequences; no number is missing, and each is mentioned somewhere."""
    assert [path.name[:5] for path in DECISIONS] == [f"{number:04}-" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_code_refers_to_decisions_and_pages_that_exist() -> None:
    """A name in a docstring is a link too."""
    for folder in ("functions", "cli", "sandbox"):
        for path in (ROOT / folder).rglob("*.py"):
            for name in re.findall(r"\bdocs/[\w./-]*\w", path.read_text(encoding="utf-8")):
                assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_the_design_defines_its_terms_and_marks_what_is_not_built() -> None:
    """Nobody should take a plan for a promise."""
    text = text_of("docs/design.md")
    for term in (
        "source",
        "user",
        "backup",
        "repository",
        "chunk",
        "pack",
        "place",
        "segment",
        "dedup index",
        "parent",
    ):
        assert f"- **{term}**: " in text
    for promise in ("a real lifecycle", "promotion"):
        row = next(line for line in text.splitlines() if line.startswith("|") and promise in line)
        now, later = row.split("|")[2:4]
        assert promise not in now
        assert promise in later


def test_the_bounds_of_memory_are_those_of_the_code() -> None:
    """The table of the design names the numbers that the engine keeps to."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", text_of("docs/design.md").partition("## Memory")[2], re.MULTILINE)
    bounds = dict(rows)
    safety = DEFAULT_SAFETY
    assert bounds["source bytes being read, cut and hashed"] == f"{safety.buffer_budget // MIB} MiB"
    assert safety.packs_in_flight == 3
    packs = f"{safety.pack_target // MIB} MiB each: one open, three on their way; {safety.pack_chunks:,} chunks in each"
    assert bounds["packs"] == packs
    held = f"{IN_MEMORY:,} chunks; when there are more, all are in a temporary file, 75 bytes each"
    assert bounds["index without a table"] == held
    assert bounds["lines that wait for an earlier one"] == f"{safety.entry_window:,}"
    manifest = f"{safety.segment_bytes // MIB} MiB or {safety.segment_entries:,} lines"
    assert bounds["one manifest, compressed"] == manifest
    assert bounds["restore: ranges read and files being written"] == f"{safety.restore_budget // MIB} MiB"
    assert bounds["restore: chunks planned at once"] == f"{safety.restore_window:,}"
