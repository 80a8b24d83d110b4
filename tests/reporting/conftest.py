"""Lets the tests in a browser run where there is one, and says so where there is none."""

from __future__ import annotations

import pytest

from tests.reporting import in_browser

collect_ignore = [] if in_browser.find() else ["test_in_browser.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and how to have it: `make e2e` insists on it."""
    if collect_ignore:
        terminalreporter.write_line(f"pages were read and not looked at: {in_browser.NONE}")
