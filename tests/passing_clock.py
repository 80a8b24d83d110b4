"""A clock for tests in which time goes by when they say so."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta


class PassingClock:
    """Goes on by a millisecond each time somebody looks at it, and by as much as a test says. Safe from any thread."""

    def __init__(self, start: datetime) -> None:
        """Start at a moment, with its time zone."""
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Give the time."""
        with self._lock:
            self._now += timedelta(milliseconds=1)
            return self._now

    def pass_by(self, **span: float) -> None:
        """Let time go by."""
        with self._lock:
            self._now += timedelta(**span)
