"""Fetch Debian packages of any suite without touching the machine's own package configuration.

The mirror is the one the machine is configured for; only the suite differs. Lists, state and cache
live in a folder of the caller, and packages are unpacked, never installed.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TARGET_FORMAT = "$(ORIGIN)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)"


class PackageSourceError(RuntimeError):
    """The machine has no Debian source, or no source offers the package."""


def configured_source() -> tuple[str, str]:
    """Return (mirror address, code name) of the first Debian `main` source the machine has."""
    command = ["apt-get", "indextargets", "--format", TARGET_FORMAT, "Identifier: Packages"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        origin, component, codename, address = line.split("|")
        plain = not codename.endswith(("-updates", "-security", "-backports"))
        if origin == "Debian" and component == "main" and plain:
            return address, codename
    raise PackageSourceError("no Debian main source is configured; run apt-get update first")


@dataclass(frozen=True)
class PackageArea:
    """A private apt state for one suite, in `folder`."""

    folder: Path
    suite: str

    def options(self) -> list[str]:
        """Return the apt options that point every path of apt into this area."""
        settings = {
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::State": self.folder / "state",
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
        }
        pairs = [f"{name}={value}" for name, value in settings.items()]
        if os.geteuid() == 0:
            pairs.append("APT::Sandbox::User=root")
        return [part for pair in pairs for part in ("-o", pair)]

    def refresh(self) -> None:
        """Write the source list and fetch the suite's package index."""
        for name in ("state", "lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        address, _ = configured_source()
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        source = f"deb {signed}{address} {self.suite} main\n"
        (self.folder / "sources.list").write_text(source, encoding="utf-8")
        self._apt_get("update", "-qq", cwd=self.folder)

    def download(self, package: str, version: str | None, into: Path) -> Path:
        """Download one package; without the wanted version, the suite's own, and say so."""
        into.mkdir(parents=True, exist_ok=True)
        found = sorted(into.glob(f"{package}_*.deb"))
        if found:
            return found[-1]
        try:
            self._apt_get("download", "-qq", f"{package}={version}" if version else package, cwd=into)
        except PackageSourceError:
            if version is None:
                raise
            print(f"note: {package} {version} is gone from {self.suite}, taking its present version")
            self._apt_get("download", "-qq", package, cwd=into)
        return max(into.glob(f"{package}_*.deb"))

    def _apt_get(self, *arguments: str, cwd: Path) -> None:
        """Run apt-get inside this area and turn a failure into an error that quotes it."""
        command = ["apt-get", *self.options(), *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PackageSourceError(f"apt-get {arguments[0]} failed: {done.stderr.strip()[-500:]}")


def open_area(folder: Path, suites: tuple[str, ...]) -> PackageArea:
    """Return an area for the first suite that answers; the configured release is the last resort."""
    problems: list[str] = []
    for suite in (*suites, configured_source()[1]):
        area = PackageArea((folder / suite).resolve(), suite)
        try:
            area.refresh()
        except PackageSourceError as error:
            problems.append(f"{suite}: {error}")
            continue
        return area
    raise PackageSourceError("; ".join(problems))


def unpack(package: Path, into: Path) -> None:
    """Unpack a package's files; nothing of it is run or installed."""
    into.mkdir(parents=True, exist_ok=True)
    command = ["dpkg", "-x", str(package), str(into)]
    subprocess.run(command, check=True)
