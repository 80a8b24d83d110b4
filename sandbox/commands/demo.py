"""`demo`: all of it in order, in a sandbox of its own that is gone afterwards, however it ends."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path
from typing import Final

from bundle.paths import ROOT
from sandbox import commands
from sandbox.commands import run as run_command
from sandbox.folder import end, is_up
from sandbox.telling import Teller

HELP: Final = "all of it in order: up, run, restore and so on, down"
ORDER: Final = ("up", "run", "restore", "chaos", "rights", "status")
_BUILD: Final = ROOT / "build"
_PREFIX: Final = "demo-"


def add_options(parser: ArgumentParser) -> None:
    """Add what `run` has: the other commands do as they please."""
    run_command.add_options(parser)
    parser.add_argument("--outage", action="store_true", help="let chaos cut one user off from S3: a minute more")


def run(options: Namespace) -> int:
    """Run one command after the other, until one of them fails; give its exit status."""
    teller, begun = Teller(), time.monotonic()
    _BUILD.mkdir(exist_ok=True)
    forget_the_dead()
    # Even `kill -9` closes our end of the pipe, and the sandbox follows.
    options.owner, ours = os.pipe()
    # Whoever has a sandbox in the usual folder keeps it.
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_BUILD))
    status = 1
    try:
        for name in (name for name in ORDER if name in commands.COMMANDS):
            status = run_one(name, folder, options, teller)
            if status:
                break
    finally:
        status = _clean_up(folder, status, teller)
        os.close(options.owner)
        os.close(ours)
    if not status:
        teller.say(f"All of it in {time.monotonic() - begun:.0f} s, and nothing of it is left.", "bold")
    return status


def forget_the_dead() -> None:
    """Remove the folders of demos that were killed."""
    for left in _BUILD.glob(f"{_PREFIX}*"):
        if not is_up(left):
            end(left)


def run_one(name: str, folder: Path, options: Namespace, teller: Teller) -> int:
    """Run a command with the options that it would have by itself, but for those that were given."""
    module = import_module(f"sandbox.commands.{name}")
    parser = ArgumentParser()
    module.add_options(parser)
    own = vars(parser.parse_args([]))
    given = {key: value for key, value in vars(options).items() if key in own}
    teller.say(f"\n{name}: {module.HELP}", "bold")
    return int(module.run(Namespace(**{**own, **given, "state": folder})))


def _clean_up(folder: Path, status: int, teller: Teller) -> int:
    """Take the sandbox down, if there is one still; a second Ctrl-C must not cut that short."""
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if end(folder):
            teller.say("\ndown: the sandbox is gone", "bold")
        if folder.exists():
            folder.rmdir()
    finally:
        signal.signal(signal.SIGINT, on_interrupt)
    return status
