"""Wheels made up for tests, and a lock that names them: pip finds them in a folder, without a network."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile


def make_wheel(folder: Path, name: str, files: Mapping[str, bytes], *, tag: str = "py3-none-any") -> str:
    """Put a wheel of version 1 into `folder`; gives its line of a lock."""
    info = f"{name}-1.dist-info"
    wheel = folder / f"{name}-1-{tag}.whl"
    with ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
