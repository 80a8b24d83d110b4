"""restic, the peer: fetched as the newest Debian package, unpacked, never installed."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.debian import open_area, unpack
from benchmarks.server import Server

SUITES = ("sid",)
DEFAULT_TOOLS = Path("build/bench-tools")


def fetch_restic(tools: Path = DEFAULT_TOOLS) -> Path:
    """Return the restic binary, fetching the unstable release's package if it is not there yet."""
    binary = tools.resolve() / "restic" / "usr" / "bin" / "restic"
    if not binary.exists():
        with tempfile.TemporaryDirectory() as scratch:
            area = open_area(Path(scratch), SUITES)
            unpack(area.download("restic", None, Path(scratch) / "debs"), tools / "restic")
    return binary


@dataclass(frozen=True)
class Restic:
    """Command lines of restic for one repository. Options are the defaults, but for file identity.

    The second day's tree is a copy, so inode and change time say nothing and are ignored.
    """

    binary: Path
    server: Server
    bucket: str
    cache: Path

    def environment(self) -> dict[str, str]:
        """Return the environment: repository, password, keys, a cache of its own."""
        return {
            **self.server.environment(),
            "RESTIC_REPOSITORY": f"s3:{self.server.endpoint}/{self.bucket}",
            "RESTIC_PASSWORD": "bench",
            "RESTIC_CACHE_DIR": str(self.cache),
        }

    def init(self) -> None:
        """Create the repository (not measured)."""
        command = self._command("init")
        subprocess.run(command, env=self.environment(), check=True, stdout=subprocess.DEVNULL)

    def backup(self) -> list[str]:
        """Return the backup of the working folder; its parent is found by host, as the days' paths differ."""
        options = ["--ignore-inode", "--ignore-ctime", "--host", "bench", "--group-by", "host"]
        return self._command("backup", *options, ".")

    def restore(self, target: Path) -> list[str]:
        """Return the restore of the latest snapshot."""
        return self._command("restore", "latest", "--target", str(target))

    def check(self) -> list[str]:
        """Return the check that reads every pack."""
        return self._command("check", "--read-data")

    def _command(self, *arguments: str) -> list[str]:
        return [str(self.binary), *arguments]


def version(binary: Path) -> str:
    """Return restic's own words about its version."""
    done = subprocess.run([str(binary), "version"], check=True, capture_output=True, text=True)
    return done.stdout.strip()
