"""What can go wrong with the sandbox itself. Each says what to do next."""

from __future__ import annotations

from functions.engine.errors import StrongroomError


class SandboxError(StrongroomError):
    """The sandbox could not do what it was asked for."""

    code = "SANDBOX_FAILED"
    hint = "nothing of it is left running; run it again"


class UnknownResourceError(SandboxError):
    """The program registers a resource of a type that the sandbox cannot make."""

    code = "SANDBOX_UNKNOWN_TYPE"
    hint = "write a creator for it in sandbox/resources, or say in sandbox/differences.py why it is recorded only"


class RefusedError(SandboxError):
    """The embedded AWS refused to make a resource."""

    code = "SANDBOX_REFUSED"
    hint = "see sandbox/resources; what it cannot hold at all belongs into sandbox/differences.py"


class NotUpError(SandboxError):
    """There is no sandbox in the folder."""

    code = "SANDBOX_DOWN"
    exit_status = 3
    hint = "bring it up: python -m sandbox up"


class AlreadyUpError(SandboxError):
    """There is a sandbox in the folder, or somebody is bringing one up or down."""

    code = "SANDBOX_UP"
    exit_status = 8
    hint = "take it down: python -m sandbox down; or use another folder: --state"
