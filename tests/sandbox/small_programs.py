"""Runs small programs one after the other and prints what became of each, as JSON.

In a process of its own: a program that fails leaves tasks and loops of Pulumi's runtime behind.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

from functions.engine.errors import StrongroomError
from sandbox.differences import Gap
from sandbox.program.graph import Resource
from sandbox.program.run import Making, run_program
from sandbox.resources.registry import CREATORS

VAULT: Final = "aws:glacier/vault:Vault"
REASON: Final = "nobody has vaults"
PROGRAMS: Final = {
    "unknown type": """
        made = aws.glacier.Vault("old", name="old")
        aws.s3.Bucket("after-the-unknown", bucket=made.name.apply(lambda name: f"after-{name}"))
        """,
    "recorded only": """
        vault = aws.glacier.Vault("old", name="old")
        aws.sns.Topic("after", name=vault.name.apply(lambda name: f"after-{name}"))
        pulumi.export("name", vault.name)
        """,
    "refused": """
        first = aws.s3.Bucket("badly-named", bucket="A")
        aws.s3.BucketPolicy("waits", bucket=first.bucket, policy="{}")
        """,
    "unknown input": """
        aws.s3.Bucket("one", bucket="one", acceleration_status="Enabled")
        """,
    "looks up": """
        pulumi.export("region", aws.get_region().name)
        """,
    "own words": """
        raise pulumi.RunError("the moon is full")
        """,
    "crashes": """
        1 / 0
        """,
}
"""Bodies of programs that have imported `pulumi` and `pulumi_aws as aws`."""


def outcome(name: str, program: Path, endpoint: str) -> dict[str, Any]:
    """Run one; give its error, or its graph and exports."""
    program.write_text(f"import pulumi\nimport pulumi_aws as aws\n{dedent(PROGRAMS[name])}")
    told: list[Resource] = []
    making = Making(program, CREATORS, {VAULT: Gap(REASON)} if name == "recorded only" else {})
    try:
        deployed = run_program("test", {"aws:region": "us-east-1"}, endpoint, told.append, making)
    except StrongroomError as error:
        return {"error": type(error).__name__, "text": str(error), "told": [one.name for one in told]}
    return {**asdict(deployed), "told": [one.name for one in told]}


def main(endpoint: str) -> None:
    """Run all of them."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: outcome(name, Path(folder) / "program.py", endpoint) for name in PROGRAMS}
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
