"""Command lines of Strongroom, in one place: change them here when the tool's options change."""

from __future__ import annotations

import compileall
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import Server

PROJECT = Path(__file__).resolve().parent.parent
PACK_PREFIX = "packs/"
_PACKAGES = ("functions", "cli", "costs")


def compile_packages() -> None:
    """Compile what the tool loads, as pip does with what it installs: else a start costs 40 ms more."""
    for package in _PACKAGES:
        compileall.compile_dir(PROJECT / package, quiet=1)


@dataclass(frozen=True)
class Strongroom:
    """Command lines for one source bucket and one repository bucket."""

    server: Server
    source: str
    repository: str

    def environment(self) -> dict[str, str]:
        """Return the environment of the tool."""
        return self.server.environment()

    def backup(self) -> list[str]:
        """Return the backup of all users of the source."""
        return self._command("backup", "--source", self.source)

    def restore_to_directory(self, target: Path) -> list[str]:
        """Return the restore of all users to a local folder."""
        return self._restore("--to-directory", str(target))

    def restore_to_bucket(self, bucket: str) -> list[str]:
        """Return the restore of all users to another bucket."""
        return self._restore("--to-bucket", bucket)

    def verify(self) -> list[str]:
        """Return the check that reads every pack."""
        return self._command("verify", "--source-name", self.source, "--depth", "full")

    def _restore(self, *target: str) -> list[str]:
        return self._command("restore", "--source-name", self.source, "--all-users", *target)

    def _command(self, action: str, *arguments: str) -> list[str]:
        python = os.environ.get("BENCH_PYTHON", sys.executable)
        where = ["--endpoint", self.server.endpoint, "--repository", self.repository]
        return [python, "-m", "cli", action, *where, *arguments]
