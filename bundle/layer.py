"""The layer: the locked packages as wheels, unpacked below `python/`, without what the functions never load."""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from bundle.archive import Archive, BundleError, write_archive
from bundle.target import Target

SERVICES = frozenset({"dynamodb", "lambda", "s3", "sns", "sqs", "sts"})
"""The services that functions call, as botocore names them. The models of all others (27 MB) stay out."""

_FOLDER = "python"
_MODELS = ("botocore", "data")
_LEFT_OUT = (
    "aws_lambda_powertools/event_handler/",  # HTTP routing, with a copy of Swagger UI
    "boto3/data/",  # models of the resource API
    "boto3/examples/",
    "zstandard/_cffi",  # the twin of backend_c for PyPy, 11 MB
)
_LEFT_OUT_FOLDERS = frozenset({"test", "tests"})
_LEFT_OUT_ENDINGS = (".pxd", ".pyc", ".pyi", ".pyx")
_ERROR_LINES = 5


def layer_archive(lock: Path, target: Target, folder: Path, *, python: str = sys.executable) -> Archive:
    """Build the layer of the packages in `lock` for `target`, or take it from `folder` if it was built before.

    `python` is the interpreter whose pip fetches the wheels; every hash in the lock is checked. Raises BundleError
    when pip is missing, cannot reach its index, or finds no wheel for the target.
    """
    path = folder / f"layer-{target.name}-{_key(lock, target)}.zip"
    if path.exists():
        return Archive(path)
    with tempfile.TemporaryDirectory() as wheels:
        _fetch(lock, target, Path(wheels), python)
        return write_archive(path, dict(_contents(Path(wheels))))


def _key(lock: Path, target: Target) -> str:
    """Everything that the bytes depend on: the lock, the target, and the rules in this folder."""
    digest = hashlib.sha256(lock.read_bytes())
    digest.update(repr(target).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _fetch(lock: Path, target: Target, wheels: Path, python: str) -> None:
    command = [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", *target.pip_options]
    command += ["--dest", str(wheels), "--requirement", str(lock)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own command
    except OSError as error:
        raise BundleError(f"cannot run {python}: {error}; name an interpreter that has pip") from error
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise BundleError(
            f"pip could not fetch the packages of {lock.name} for {target.name}; it needs an index with wheels "
            f"for that platform, and `python -m pip` in {python}. It said:\n" + "\n".join(errors[-_ERROR_LINES:])
        )


def _contents(wheels: Path) -> Iterator[tuple[str, bytes]]:
    for wheel in sorted(wheels.glob("*.whl")):
        with ZipFile(wheel) as archive:
            for name in archive.namelist():
                place = _place(name)
                if place is not None:
                    yield f"{_FOLDER}/{place}", archive.read(name)


def _place(name: str) -> str | None:
    """Where a file of a wheel belongs below `python/`; None if it stays out.

    Below `<package>.data`, a wheel keeps what goes elsewhere: libraries to the packages, scripts and headers to
    places that a layer does not have (the binary distribution format).
    """
    parts = PurePosixPath(name).parts
    if name.endswith("/"):
        return None
    if parts[0].endswith(".data"):
        return _place("/".join(parts[2:])) if parts[1] in {"purelib", "platlib"} else None
    return name if _is_loaded(name, parts) else None


def _is_loaded(name: str, parts: tuple[str, ...]) -> bool:
    """Whether a function could load this file."""
    if parts[: len(_MODELS)] == _MODELS and len(parts) > len(_MODELS) + 1:
        return parts[len(_MODELS)] in SERVICES
    in_tests = not _LEFT_OUT_FOLDERS.isdisjoint(parts[:-1])
    return not (in_tests or name.startswith(_LEFT_OUT) or name.endswith(_LEFT_OUT_ENDINGS))
