"""The layer holds what the lock names, for the platform asked for, and nothing that no function loads."""

import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from bundle.archive import Archive, BundleError
from bundle.layer import SERVICES, layer_archive
from bundle.target import lambda_target, this_machine
from tests.bundle.wheels import make_wheel

ARM = lambda_target("3.13", "arm64")
FILES = {
    "pack/__init__.py": b"",
    "pack/core.pyi": b"",
    "pack/core.pyx": b"",
    "pack/__pycache__/core.cpython-313.pyc": b"",
    "pack-1.data/purelib/moved.py": b"",
    "pack-1.data/scripts/tool": b"",
}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows of."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def _lock(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _names(archive: Archive) -> set[str]:
    with ZipFile(archive.path) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def test_a_wheel_is_unpacked_below_python_without_stubs_scripts_and_caches(tmp_path: Path, index: Path) -> None:
    """Lambda puts `python/` of a layer on the path; libraries of `.data` belong there too."""
    lock = _lock(tmp_path, make_wheel(index, "pack", FILES))
    assert _names(layer_archive(lock, ARM, tmp_path / "build")) == {"python/pack/__init__.py", "python/moved.py"}


def test_only_the_models_of_used_services_are_kept(tmp_path: Path, index: Path) -> None:
    """The models of 400 services would be most of the layer."""
    models = [f"botocore/data/{name}/2012-01-01/service-2.json.gz" for name in ("ec2", *sorted(SERVICES))]
    files = dict.fromkeys(["botocore/data/endpoints.json", *models], b"{}")
    layer = layer_archive(_lock(tmp_path, make_wheel(index, "botocore", files)), ARM, tmp_path / "build")
    assert _names(layer) == {f"python/{name}" for name in files if "/ec2/" not in name}


def test_the_wheel_of_the_platform_is_taken_not_that_of_this_machine(tmp_path: Path, index: Path) -> None:
    """A layer for arm64 can be built on x86."""
    lines = make_wheel(index, "pack", {"pack.py": b"arm"}, tag="cp313-cp313-manylinux_2_28_aarch64").strip()
    other = make_wheel(index, "pack", {"pack.py": b"x86"}, tag="cp313-cp313-manylinux_2_28_x86_64").split()[1]
    lock = _lock(tmp_path, f"{lines} {other}\n")
    for architecture, expected in {"arm64": b"arm", "x86_64": b"x86"}.items():
        layer = layer_archive(lock, lambda_target("3.13", architecture), tmp_path / "build")
        with ZipFile(layer.path) as archive:
            assert archive.read("python/pack.py") == expected


@pytest.mark.parametrize("tag", ["cp313-cp313-manylinux_2_39_aarch64", "cp313-cp313-musllinux_1_2_aarch64"])
def test_a_wheel_that_lambda_could_not_load_is_not_taken(tag: str, tmp_path: Path, index: Path) -> None:
    """It would need a newer glibc than Lambda has, or another C library."""
    lock = _lock(tmp_path, make_wheel(index, "pack", {"pack.py": b""}, tag=tag))
    with pytest.raises(BundleError, match=r"python3\.13-arm64"):
        layer_archive(lock, ARM, tmp_path / "build")


def test_a_layer_is_built_once_and_again_when_the_lock_changes(tmp_path: Path, index: Path) -> None:
    """A second deployment fetches nothing."""
    line = make_wheel(index, "pack", {"pack.py": b""})
    first = layer_archive(_lock(tmp_path, line), ARM, tmp_path / "build")
    written = first.path.stat().st_mtime_ns
    assert layer_archive(_lock(tmp_path, line), ARM, tmp_path / "build").path.stat().st_mtime_ns == written
    more = _lock(tmp_path, line, make_wheel(index, "more", {"more.py": b""}))
    assert _names(layer_archive(more, ARM, tmp_path / "build")) == {"python/pack.py", "python/more.py"}


def test_two_builds_give_the_same_bytes(tmp_path: Path, index: Path) -> None:
    """Two machines deploy the same layer."""
    lock = _lock(tmp_path, make_wheel(index, "pack", FILES), make_wheel(index, "other", {"other.py": b"1"}))
    sums = {layer_archive(lock, ARM, tmp_path / folder).code_sha256 for folder in ("one", "two")}
    assert len(sums) == 1


def test_a_wheel_whose_hash_is_not_in_the_lock_is_refused(tmp_path: Path, index: Path) -> None:
    """What is in the layer is what was locked, or there is no layer."""
    lock = _lock(tmp_path, make_wheel(index, "pack", {"pack.py": b""}))
    make_wheel(index, "pack", {"pack.py": b"something else"})
    with pytest.raises(BundleError, match="hash"):
        layer_archive(lock, ARM, tmp_path / "build")
    assert not (tmp_path / "build").exists()


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path, index: Path) -> None:
    """The message says which interpreter was tried."""
    lock = _lock(tmp_path, make_wheel(index, "pack", {}))
    with pytest.raises(BundleError, match="nowhere/python"):
        layer_archive(lock, ARM, tmp_path / "build", python="/nowhere/python")
    with pytest.raises(BundleError, match="nowhere/python"):
        this_machine("/nowhere/python")


def test_a_missing_pip_is_named(tmp_path: Path, index: Path) -> None:
    """The message says that pip is what is missing."""
    broken = tmp_path / "python"
    broken.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n', encoding="utf-8")
    broken.chmod(0o755)
    lock = _lock(tmp_path, make_wheel(index, "pack", {}))
    with pytest.raises(BundleError, match="No module named pip"):
        layer_archive(lock, this_machine(), tmp_path / "build", python=str(broken))
