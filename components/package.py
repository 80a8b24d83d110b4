"""What the functions run: their code, and the layer with the packages that they need."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, FileArchive, Output, ResourceOptions, RunError

from bundle.archive import Archive, BundleError
from bundle.code import functions_archive
from bundle.layer import layer_archive
from bundle.paths import BUILD, LOCK, ROOT
from bundle.target import Target, lambda_target

PYTHON: Final = "3.13"
RUNTIME: Final = f"python{PYTHON}"
ARCHITECTURE: Final = "arm64"


@dataclass(frozen=True)
class PackageArgs:
    """What to pack, and for what; the archives are kept in `folder`, and a layer that is there is taken from it."""

    name: str
    """Of the layer."""
    target: Target = field(default_factory=lambda: lambda_target(PYTHON, ARCHITECTURE))
    root: Path = ROOT
    lock: Path = LOCK
    folder: Path = BUILD


class Package(ComponentResource):
    """The archives, the same bytes on every machine: what has not changed previews as no change."""

    code: FileArchive
    layer_arn: Output[str]

    def __init__(self, name: str, args: PackageArgs, opts: ResourceOptions | None = None) -> None:
        """Build the archives. RunError, which Pulumi shows without a stack trace, when they cannot be built."""
        super().__init__("strongroom:index:Package", name, None, opts)
        code, layer = _build(args)
        self.code = FileArchive(str(code.path))
        version = aws.lambda_.LayerVersion(
            f"{name}-layer",
            layer_name=args.name,
            description="Packages that the functions of Strongroom need",
            code=FileArchive(str(layer.path)),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            opts=ResourceOptions(parent=self),
        )
        self.layer_arn = version.arn
        self.register_outputs({"layer_arn": version.arn, "code_sha256": code.code_sha256})


def _build(args: PackageArgs) -> tuple[Archive, Archive]:
    try:
        return functions_archive(args.root, args.folder), layer_archive(args.lock, args.target, args.folder)
    except BundleError as error:
        raise RunError(f"the functions cannot be packed: {error}") from error
