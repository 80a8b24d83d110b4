"""The two archives, alone in a clean interpreter, are enough to load every function."""

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from bundle.archive import UNPACKED_LIMIT, Archive
from bundle.code import functions_archive
from bundle.layer import SERVICES, layer_archive
from bundle.paths import BUILD, LOCK, ROOT
from bundle.target import this_machine

_LOAD = """
import importlib, json, sys
sys.path[:0] = sys.argv[1:3]
for name in json.loads(sys.argv[3]):
    importlib.import_module(name)
import boto3
for service in json.loads(sys.argv[4]):
    boto3.client(service, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
print(json.dumps(sorted({str(module.__file__) for module in list(sys.modules.values())
                         if getattr(module, "__file__", None)})))
"""


@pytest.fixture(scope="session")
def layer() -> Archive:
    """The layer for this machine, which `make setup` has built."""
    return layer_archive(LOCK, this_machine(), BUILD)


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The functions of this checkout."""
    return functions_archive(ROOT, tmp_path_factory.mktemp("code"))


def _modules(code: Archive) -> list[str]:
    with ZipFile(code.path) as archive:
        names = [name.removesuffix(".py").removesuffix("/__init__") for name in archive.namelist()]
    return [name.replace("/", ".") for name in names]


def test_every_module_loads_from_the_two_archives_alone(code: Archive, layer: Archive, tmp_path: Path) -> None:
    """No function needs a file that is not shipped, and every client finds its model."""
    for archive, folder in ((code, "code"), (layer, "layer")):
        with ZipFile(archive.path) as opened:
            opened.extractall(tmp_path / folder)
    paths = [str(tmp_path / "code"), str(tmp_path / "layer" / "python")]
    # -I -S: no site-packages, no PYTHONPATH, no current folder.
    command = [sys.executable, "-I", "-S", "-c", _LOAD, *paths, json.dumps(_modules(code)), json.dumps(list(SERVICES))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own command
    assert result.returncode == 0, result.stderr
    elsewhere = [name for name in json.loads(result.stdout) if "site-packages" in name or name.startswith(str(ROOT))]
    assert elsewhere == []


def test_the_code_is_the_package_and_nothing_else(code: Archive) -> None:
    """Sources of `functions`, nothing of the checkout around it."""
    with ZipFile(code.path) as archive:
        names = archive.namelist()
    assert "functions/engine/backup.py" in names
    assert {name.split("/")[0] for name in names} == {"functions"}
    assert {name.rsplit(".")[-1] for name in names} == {"py"}


def test_no_test_and_no_cache_is_shipped(code: Archive, layer: Archive) -> None:
    """Neither ours nor those of the packages."""
    for archive in (code, layer):
        with ZipFile(archive.path) as opened:
            parts = [set(name.split("/")) for name in opened.namelist()]
        assert not [part for part in parts if part & {"__pycache__", "tests", "test"}]


def test_both_together_are_far_below_the_limit(code: Archive, layer: Archive) -> None:
    """Half of our own limit is still free."""
    assert code.unpacked_bytes + layer.unpacked_bytes < UNPACKED_LIMIT / 2
