"""What stands in the place of the old systems exists: settings, outputs, and the rules of the policy pack."""

from __future__ import annotations

import re
from pathlib import Path

from components.settings.shapes import all_keys
from components.settings.stack import Settings
from policies.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "coming-from-cdk.md").read_text(encoding="utf-8")
HEADINGS = ("Deploying", "Outputs", "Backups and restores", "Security", "Watching", "Promises", "Cost")


def here(heading: str) -> list[str]:
    """Give the last column of a section's table."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [row[-1] for row in rows[2:]]


def test_every_setting_exists() -> None:
    """As the configuration spells it: `retention.days`, below its section."""
    known = set(all_keys(Settings)) | {"sources[].priority"}
    cells = [cell for heading in HEADINGS for cell in here(heading)]
    named = re.findall(r"`([a-z]+(?:\[\])?\.[a-z][A-Za-z]+)`", "".join(cells))
    assert len(named) > 30
    assert set(named) <= known


def test_every_output_exists() -> None:
    """Under the old name where the page says so, or under the new one."""
    made = (ROOT / "components" / "exports.py").read_text(encoding="utf-8")
    made += (ROOT / "__main__.py").read_text(encoding="utf-8")
    kept = re.search(r"^\| (BackupBucketName, .+?) \| Tap \| The same names\.", PAGE, re.MULTILINE)
    assert kept
    new = [name for cell in here("Outputs") for name in re.findall(r"`([A-Z][A-Za-z]+)`", cell)]
    assert len(new) >= 8
    for name in (*kept[1].split(", "), *new):
        assert f'"{name}"' in made, name


def test_every_rule_of_the_policy_pack_exists() -> None:
    """In the place of the aspects."""
    (cell,) = [cell for cell in here("Security") if cell.startswith("The policy pack")]
    named = set(re.findall(r"`([a-z-]+)`", cell))
    assert len(named) == 3
    assert named <= {rule.name for rule in RULES}


def test_every_row_says_what_is_here() -> None:
    """Nothing is left open."""
    for heading in HEADINGS:
        cells = here(heading)
        assert len(cells) >= 5
        assert all(len(cell) > 30 for cell in cells)
