"""Asks Pulumi for the outputs of a stack, in the folder of its program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from functions.engine.errors import ConfigurationError

_SECONDS = 60
_PROGRAM = "Pulumi.yaml"
_SAVED = "where Pulumi is, save them: pulumi stack output --json > FILE; then name --outputs FILE"


def ask_stack(stack: str, folder: Path) -> str:
    """Give what `pulumi stack output --json` prints. ConfigurationError, with Pulumi's own words, when it cannot."""
    if not (folder / _PROGRAM).is_file():
        raise ConfigurationError(
            f"--stack {stack}: {folder / _PROGRAM} does not exist", hint=f"name the folder with --program, or {_SAVED}"
        )
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise ConfigurationError(f"--stack {stack}: there is no `pulumi` on the path", hint=_SAVED)
    command = [pulumi, "stack", "output", "--json", "--non-interactive", "--stack", stack]
    try:
        done = subprocess.run(  # noqa: S603 - Pulumi, with a name that no shell sees
            command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"--stack {stack}: Pulumi gave no answer: {error}", hint=_SAVED) from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
        raise ConfigurationError(f"--stack {stack}: Pulumi says: {said}", hint=f"log in, check the name, or {_SAVED}")
    return done.stdout
