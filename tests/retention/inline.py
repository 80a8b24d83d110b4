"""The engine without threads: what its pools would do soon is done at once, so a test is the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from unittest.mock import patch

from functions.adapters.memory import answered
from functions.engine import backup, packer, restore
from functions.engine.workers import Tools, Work

_TOOLS = Tools()


class InlinePool:
    """Stands in for the pool of workers."""

    def __init__(self, count: int, on_failure: Callable[[BaseException], None]) -> None:
        """Start nothing."""
        self._on_failure = on_failure

    def submit(self, work: Work) -> None:
        """Do it."""
        try:
            work(_TOOLS)
        except BaseException as error:  # noqa: BLE001 - as the pool does
            self._on_failure(error)

    def close(self) -> None:
        """There is nothing to end."""


class InlineExecutor:
    """Stands in for the threads that finish packs."""

    def __init__(self, count: int, **_options: object) -> None:
        """Start nothing."""

    def submit(self, call: Callable[..., object], *arguments: object) -> Future[object]:
        """Do it."""
        return answered(lambda: call(*arguments))

    def shutdown(self, **_options: object) -> None:
        """There is nothing to end."""


@contextmanager
def without_threads() -> Iterator[None]:
    """Let sessions and restorers that are made in here work without threads."""
    with (
        patch.object(backup, "WorkerPool", InlinePool),
        patch.object(restore, "WorkerPool", InlinePool),
        patch.object(packer, "ThreadPoolExecutor", InlineExecutor),
    ):
        yield
