"""Asks the API's function as API Gateway does: whatever a user may ask, once, and for a restore and a backup."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import uuid4

from functions.contract.api_paths import user_path
from functions.contract.states import RestoreState
from sandbox.nights.stack import FaultError, Stack

_TAKEN: Final = 300
"""Answers below are no refusals."""
_WAITED_FOR: Final = frozenset({RestoreState.COMPLETED, RestoreState.PARTIAL, RestoreState.FAILED})


def ask_the_api(stack: Stack, user: str) -> str:
    """Look at runs, backups and files, then have a restore and a backup made. FaultError when anything is refused."""
    own = f"/{user_path(user, stack.source['name'])}"
    run = _ask(stack, "GET", "/runs")["runs"][0]["run_id"]
    backup = _ask(stack, "GET", f"{own}/backups")["backups"][0]["backup_id"]
    for path in (f"/runs/{run}", f"{own}/backups/{backup}", f"{own}/backups/{backup}/files", f"{own}/files"):
        _ask(stack, "GET", path)
    restored = _restore(stack, own)
    before, token = stack.run_ids(), uuid4().hex
    _ask(stack, "POST", f"{own}/backups", {"client_token": token})
    made = stack.wait_for_end(stack.wait_for_run(before).id, lambda _work: None)
    return f"a restore ended {restored}, a backup {made.status}"


def _restore(stack: Stack, own: str) -> str:
    asked = _ask(stack, "POST", f"{own}/restores", {"client_token": uuid4().hex})["restore_id"]

    def ended() -> str | None:
        listed = _ask(stack, "GET", f"{own}/restores")["restores"]
        if asked not in {one["restore_id"] for one in listed}:
            return None  # it was only asked for, and nobody has taken it up yet
        state = str(_ask(stack, "GET", f"{own}/restores/{asked}")["state"])
        return state if state in _WAITED_FOR else None

    state = stack.wait(f"the end of restore {asked}", ended)
    if state != RestoreState.COMPLETED:
        raise FaultError(f"a restore that was asked for by the API ended {state}")
    return state


def _ask(stack: Stack, method: str, path: str, body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Hand the function a request in payload format 2.0; give its document."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": uuid4().hex},
        "body": json.dumps(body) if body else "",
        "isBase64Encoded": False,
    }
    answer = stack.invoke("api", event)
    if answer["statusCode"] >= _TAKEN:
        raise FaultError(f"{method} {path} was answered {answer['statusCode']}: {answer['body']}")
    return json.loads(answer["body"])
