"""The archive of the functions: the package `functions`, sources only."""

from pathlib import Path

from bundle.archive import Archive, write_archive

PACKAGE = "functions"


def functions_archive(root: Path, folder: Path) -> Archive:
    """Pack the package `functions` of the checkout at `root` into `folder`."""
    sources = (root / PACKAGE).rglob("*.py")
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in sources}
    return write_archive(folder / f"{PACKAGE}.zip", files)
