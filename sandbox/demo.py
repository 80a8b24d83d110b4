"""The whole cycle on this machine: back up, change, back up again, verify, restore, compare every byte.

    python -m sandbox.demo                     the files of Python's standard library, as 20 users
    python -m sandbox.demo --data ~/Documents  your own files; they are only read

Only the engine takes part, wired as the operator's tool is. `make demo` shows the whole stack.

It starts an embedded AWS on a free loopback port and leaves nothing behind: no server, no files, no account. The
exit status is 0 only if every byte and all metadata of both restores equal the source.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from cli.progress import Goal
from cli.render import size
from functions.engine.errors import StrongroomError
from functions.runtime.toolbox import Connection, Toolbox, tune_process
from sandbox.demo_check import compare
from sandbox.demo_cloud import RESTORED, SOURCE, Cloud, isolate
from sandbox.demo_files import USERS, UnusableFolderError, change, growth, in_words, plan, plan_changes, upload
from sandbox.demo_steps import Steps, announced, say
from sandbox.ministack import MiniStack, MiniStackError

_DIFFERENT, _UNUSABLE, _INTERRUPTED, _TERMINATED = 1, 2, 130, 143
_SHOWN = 20


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    about = "Back up, change, back up again, restore, compare."
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=about)
    data = os.environ.get("DATA") or sysconfig.get_path("stdlib")
    parser.add_argument("--data", type=Path, default=Path(data), help="folder of files; also DATA=folder")
    parser.add_argument("--flip-a-bit", action="store_true", help="damage one restored file: the demo must then fail")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the demo; give its exit status."""
    signal.signal(signal.SIGTERM, _terminated)
    options = parse(arguments)
    tune_process()
    try:
        with _stage() as (cloud, folder):
            return play(cloud, folder, options.data.expanduser(), flip_a_bit=options.flip_a_bit)
    except KeyboardInterrupt:
        return _complain("interrupted; everything it started is gone", _INTERRUPTED)
    except (MiniStackError, UnusableFolderError, OSError) as error:
        return _complain(str(error), _UNUSABLE)
    except StrongroomError as error:
        return _complain(str(error), error.exit_status)


def play(cloud: Cloud, folder: Path, data: Path, *, flip_a_bit: bool) -> int:
    """Run the cycle in `cloud`, restoring below `folder`; give 0 when all is equal."""
    uploads = plan(data)
    say(f"The files of {data} become {len(uploads):,} objects of {USERS} users; every eighth lies with two.")
    with announced("fill the source", Goal(len(uploads))) as progress:
        upload(cloud.source, uploads, progress)
    with Toolbox(Connection(endpoint=cloud.endpoint), os.environ) as tools:
        steps = Steps(tools)
        steps.back_up("first backup", len(uploads))
        changes = plan_changes(uploads)
        with announced("change the source", Goal(len(changes))) as progress:
            change(cloud.source, changes, progress)
        say(f"{len(changes)} of {len(uploads):,} changed: {in_words(changes)}.")
        files = len(uploads) + growth(changes)
        steps.back_up("second backup", files)
        steps.verify("verify every byte")
        steps.restore_to_bucket("restore to bucket")
        steps.restore_to_directory("restore to folder", folder)
    if flip_a_bit:
        _flip_a_bit(folder)
    with announced("compare every byte", Goal(files)) as progress:
        found = compare(cloud.s3, SOURCE, RESTORED, folder, progress)
    steps.show()
    for difference in found.differences[:_SHOWN]:
        say(f"DIFFERENT: {difference}")
    if found.differences:
        return _complain(f"{len(found.differences):,} differences", _DIFFERENT)
    say(
        f"Equal: {found.objects:,} objects in the bucket and {found.files:,} files in the folder, {size(found.bytes)} "
        "compared byte by byte, with names, content types, user metadata, tags and times."
    )
    return 0


@contextmanager
def _stage() -> Iterator[tuple[Cloud, Path]]:
    """Give an empty cloud and an empty folder; take both away, however the block ends."""
    isolate()
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with MiniStack() as stack, tempfile.TemporaryDirectory(prefix="strongroom-demo-") as folder:
            try:
                yield Cloud(stack.endpoint), Path(folder)
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut the cleaning up short
    finally:
        signal.signal(signal.SIGINT, on_interrupt)


def _flip_a_bit(folder: Path) -> None:
    """Damage the largest restored file in its middle, without touching its size or time."""
    victim = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    times = (victim.stat().st_atime, victim.stat().st_mtime)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    os.utime(victim, times)
    say(f"flipped one bit of {victim.relative_to(folder)}")


def _complain(text: str, status: int) -> int:
    sys.stderr.write(f"demo: {text}\n")
    return status


def _terminated(_signal: int, _frame: object) -> NoReturn:
    """Unwind, so that everything is cleaned up."""
    sys.exit(_TERMINATED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
