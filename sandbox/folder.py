"""The folder of a sandbox, and the lock that says whether there is one.

The embedded AWS holds the lock as long as it runs, and whoever brings it up or takes it down holds it meanwhile. The
kernel lets go of it when the process ends, however it ends. So the lock is held exactly if something is there, and a
process id is believed only while it is held.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundle.paths import ROOT
from sandbox import state
from sandbox.errors import AlreadyUpError, SandboxError

DEFAULT: Final = ROOT / "build" / "sandbox"
_LOCK, _SERVER = "lock", "server"
_POLITE_S = 2.0
"""It keeps nothing that would have to be saved, and whoever pressed Ctrl-C waits."""
_PATIENCE_S = 10.0
_POLL_S = 0.02


def server_folder(folder: Path) -> Path:
    """Give where the embedded AWS keeps its files, its log among them."""
    return folder / _SERVER


@contextmanager
def claimed(folder: Path) -> Iterator[int]:
    """Hold the lock of an empty folder, which is made; give its file descriptor. AlreadyUpError if it is taken.

    What a sandbox that is gone has left there goes first. When the block fails, so does what it left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = _take(folder)
    if lock is None:
        raise AlreadyUpError(f"there is a sandbox in {folder} already")
    try:
        _clear(folder)
        yield lock
    except BaseException:
        _remove(folder)
        raise
    finally:
        os.close(lock)


def is_up(folder: Path) -> bool:
    """Say whether there is a sandbox in the folder."""
    if not (folder / _LOCK).exists():
        return False
    lock = _take(folder)
    if lock is not None:
        os.close(lock)
    return lock is None


def end(folder: Path) -> bool:
    """End the sandbox in the folder and remove the folder; give whether there was one that ran.

    AlreadyUpError when somebody is bringing it up or taking it down; SandboxError when it does not end.
    """
    if not (folder / _LOCK).exists():
        return False
    lock = _take(folder)
    ran = lock is None
    if lock is None:
        lock = _end_server(folder)
    try:
        _remove(folder)
    finally:
        os.close(lock)
    return ran


def _end_server(folder: Path) -> int:
    """Ask the server to end, then kill what is left of its group; give the lock that it held."""
    if not (folder / state.FILE).exists():
        raise AlreadyUpError(f"somebody is bringing up the sandbox in {folder}", hint="wait, or end that command")
    pid = state.pid_of(folder)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    lock = _wait_for(folder, _POLITE_S)
    # Lambda's processes do not hold the lock. Their group is there as long as one of them is.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    lock = lock if lock is not None else _wait_for(folder, _PATIENCE_S)
    if lock is None:
        raise SandboxError(f"process {pid} does not end", hint="end it by hand")
    return lock


def _wait_for(folder: Path, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while (lock := _take(folder)) is None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return lock


def _take(folder: Path) -> int | None:
    """Take the lock; give its file descriptor, or None when it is held."""
    path = folder / _LOCK
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        # Whoever held it before may have removed it in between: then it is no lock any more.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return lock
        os.close(lock)


def _clear(folder: Path) -> None:
    """Remove what a sandbox keeps in its folder, but for the lock; what somebody else put there stays."""
    shutil.rmtree(server_folder(folder), ignore_errors=True)
    for left in folder.glob(f"*{state.FILE}*"):
        left.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    _clear(folder)
    (folder / _LOCK).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
