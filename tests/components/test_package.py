"""What is shipped is packed once, and a failure to do so is said in words."""

from pathlib import Path

import pytest
from pulumi import RunError

from bundle.code import functions_archive
from bundle.paths import ROOT
from bundle.target import this_machine
from components.package import ARCHITECTURE, RUNTIME, Package, PackageArgs
from tests.components.deployment import deploy


def test_the_layer_is_taken_from_what_was_built_before() -> None:
    """For the runtime that the functions have."""
    program = deploy(lambda: Package("functions", PackageArgs("test-packages", this_machine())))
    (layer,) = program.of("aws:lambda/layerVersion:LayerVersion")
    assert layer.inputs["compatibleRuntimes"] == [RUNTIME]
    assert layer.inputs["compatibleArchitectures"] == [ARCHITECTURE]
    assert layer.inputs["layerName"] == "test-packages"


def test_the_code_is_the_archive_of_the_functions(tmp_path: Path) -> None:
    """The same bytes as whoever else packs this checkout."""
    made: list[Package] = []
    deploy(lambda: made.append(Package("functions", PackageArgs("test-packages", this_machine()))))
    packed = functions_archive(ROOT, tmp_path)
    assert Path(made[0].code.path).read_bytes() == packed.path.read_bytes()


def test_packages_that_cannot_be_fetched_stop_the_program_with_the_reason(tmp_path: Path) -> None:
    """Without a stack trace, and with what pip said."""
    lock = tmp_path / "lambda.txt"
    lock.write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64)
    args = PackageArgs("test", this_machine(), lock=lock, folder=tmp_path / "build")
    with pytest.raises(RunError, match=r"cannot be packed: pip could not fetch the packages of lambda\.txt"):
        deploy(lambda: Package("functions", args))
