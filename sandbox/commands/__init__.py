"""The commands: a module each, with `HELP`, `add_options(parser)` and `run(options) -> exit status`.

`options.state` is the folder of the sandbox, for every command.
"""

from __future__ import annotations

from typing import Final

COMMANDS: Final = ("up", "run", "status", "restore", "chaos", "rights", "down", "demo", "gameday")
"""Modules of this package, in the order in which they are used."""
