"""The tag by which an object of the repository is let go: retention sets it, the bucket's lifecycle acts on it."""

from __future__ import annotations

from typing import Final

STATE: Final = "strongroom:state"
EXPIRED: Final = "expired"
"""Only an object with this state is ever deleted, and it can be brought back until its noncurrent version is gone."""
