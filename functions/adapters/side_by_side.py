"""Does many small things in several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


def side_by_side(work: Callable[[T], object], items: Iterable[T], threads: int) -> None:
    """Do `work` on each item, up to `threads` at a time; no more are taken from `items` than are under way.

    Raises the first error, after what is under way has ended.
    """
    running: set[Future[object]] = set()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            if len(running) == threads:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
            running.add(pool.submit(work, item))
        for future in running:
            future.result()
