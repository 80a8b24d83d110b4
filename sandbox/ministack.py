"""Starts and stops MiniStack, the embedded AWS of the tests and the demo.

MiniStack pins versions of its own, so it runs in an environment of its own and is never imported here.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PYTHON = PROJECT_ROOT / ".venv-ministack" / "bin" / "python"

_READY_PATH = "/_ministack/ready"
_POLL_SECONDS = 0.02
_LOG_LINES_SHOWN = 20

# The child holds the reading end of a pipe whose writing end is ours. However this process ends, the pipe
# closes, and the child removes its folder and ends its whole group: even `kill -9` leaves nothing behind.
_FRONT = PROJECT_ROOT / "sandbox" / "front.py"
_RELEASED = b"r"
_OWNER = "SANDBOX_OWNER"


class MiniStackError(RuntimeError):
    """MiniStack could not be started, or is asked for while it does not run."""


@dataclass(frozen=True)
class Place:
    """Where a MiniStack runs, when it is not to be any place."""

    folder: Path | None = None
    """Of its files; made by it, so it must not exist. Default: a temporary one."""
    port: int = 0
    """Of loopback; 0 is any free one."""
    lock: int | None = None
    """A file descriptor that the server holds as long as it runs."""
    owner: int | None = None
    """The reading end of a pipe: a released server ends when nobody holds the writing end any more. Default: never."""


class MiniStack:
    """A MiniStack on a free loopback port for the length of a `with` block.

    `python` is the interpreter of its environment, `auth` turns on signature and policy checks, and `env`
    holds MiniStack's own settings (its documentation names them), for example `{"LOG_LEVEL": "DEBUG"}`.
    """

    def __init__(
        self,
        *,
        python: Path = DEFAULT_PYTHON,
        auth: bool = False,
        env: Mapping[str, str] | None = None,
        place: Place | None = None,
        start_seconds: float = 30.0,
        stop_seconds: float = 5.0,
    ) -> None:
        self._python = python
        self._settings = {"AUTH": "true" if auth else "false", **(env or {})}
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._place = place or Place()
        self._folder: Path | None = None
        self._port = 0

    @property
    def endpoint(self) -> str:
        """The URL of every service, such as `http://127.0.0.1:40001`."""
        if self._process is None:
            raise MiniStackError("MiniStack is not running: use it inside its `with` block, or call start()")
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process id, for measuring it."""
        if self._process is None:
            raise MiniStackError("MiniStack is not running: it has no process id")
        return self._process.pid

    @property
    def log(self) -> str:
        """What MiniStack has written so far; empty when it does not run."""
        if self._folder is None:
            return ""
        return (self._folder / "ministack.log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and return when it answers; a failed start leaves nothing behind."""
        if self._process is not None:
            raise MiniStackError(f"MiniStack is already running at {self.endpoint}")
        if not os.access(self._python, os.X_OK):
            raise MiniStackError(
                f"no MiniStack environment: {self._python} is not an executable file; `make setup` builds it"
            )
        try:
            self._launch()
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, with everything it started, and remove its files; a second call does nothing."""
        process, self._process = self._process, None
        folder, self._folder = self._folder, None
        if process is not None:
            _end(process, self._stop_seconds)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def release(self) -> None:
        """Let it outlive this process, but not its owner. Whoever has its process id ends its process group."""
        process, self._process = self._process, None
        self._folder = None
        if process is None or process.stdin is None:
            raise MiniStackError("MiniStack is not running: there is nothing to release")
        process.stdin.write(_RELEASED)
        process.stdin.close()
        process.returncode = 0  # not ours any more: Python must not complain that it still runs

    def _launch(self) -> None:
        """Hand the child a listening socket: no other process can take the port in between."""
        self._folder = self._make_folder()
        with self._listen() as listener, self._log_path().open("wb") as log:
            self._port = listener.getsockname()[1]
            bind = f"fd://{listener.fileno()}"
            # One process (`--workers 0`): the state is in memory and cannot be shared.
            options = ["--bind", bind, "--workers", "0", "--keep-alive", "75"]
            self._process = subprocess.Popen(  # noqa: S603 -- our own environment, no shell
                # -P: the folder of the program holds a module that is called like MiniStack.
                [str(self._python), "-P", str(_FRONT), "ministack.app:app", *options],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[fd for fd in (listener.fileno(), self._place.lock, self._place.owner) if fd is not None],
                start_new_session=True,
            )

    def _make_folder(self) -> Path:
        if self._place.folder is None:
            return Path(tempfile.mkdtemp(prefix="strongroom-ministack-"))
        self._place.folder.mkdir(parents=True)
        return self._place.folder

    def _listen(self) -> socket.socket:
        try:
            return socket.create_server(("127.0.0.1", self._place.port))
        except OSError as error:
            raise MiniStackError(f"cannot listen on port {self._place.port}: {error.strerror}") from error

    def _log_path(self) -> Path:
        if self._folder is None:
            raise MiniStackError("MiniStack is not running: it has no log")
        return self._folder / "ministack.log"

    def _environment(self) -> dict[str, str]:
        """Nothing of ours but the search path: real credentials must not reach an emulator."""
        owner = {} if self._place.owner is None else {_OWNER: str(self._place.owner)}
        return {
            **owner,
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "STATE_DIR": str(self._folder),
            "S3_DATA_DIR": str(self._folder),
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_HOST": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
            # A listener on a fixed port, which nothing here uses.
            "IOT_MTLS_ENABLED": "0",
            **self._settings,
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._start_seconds
        while not _answers(self._port):
            status = self._process.poll() if self._process else None
            if status is not None:
                raise MiniStackError(f"MiniStack ended with status {status} while starting{self._log_tail()}")
            if time.monotonic() > deadline:
                raise MiniStackError(f"MiniStack did not answer within {self._start_seconds:g} s{self._log_tail()}")
            time.sleep(_POLL_SECONDS)

    def _log_tail(self) -> str:
        lines = self.log.splitlines()[-_LOG_LINES_SHOWN:]
        return "; the end of its log:" + "".join(f"\n  {line}" for line in lines) if lines else ""


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", _READY_PATH)
        return connection.getresponse().status == 200  # noqa: PLR2004 -- HTTP OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask the process to end, then kill whatever is left of its group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
