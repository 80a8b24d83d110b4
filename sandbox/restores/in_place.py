"""One user's files are destroyed, and come back in place as they were on an earlier day, by the restore function."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from functions.contract.messages import RestoreEvent
from functions.contract.states import RESTORE_STEPS, RestoreState
from sandbox.nights.faults import insist
from sandbox.nights.figures import clock
from sandbox.nights.record import Night
from sandbox.nights.stack import FaultError, Stack
from sandbox.nights.witness import Witness, differences, look, of_user, total
from sandbox.restores.timing import Timing
from sandbox.telling import Teller

_RANSOM: Final = b"all your files are encrypted"
_ENDED: Final = frozenset(state for state, steps in RESTORE_STEPS.items() if not steps)


def most_changed(first: Witness, last: Witness, prefix: str) -> str:
    """Give the user with the most files that are not as they were: going back to the first night must bring all."""
    changed: dict[str, int] = {}
    for key in first.keys() | last.keys():
        user = key.removeprefix(prefix).partition("/")[0]
        changed[user] = changed.get(user, 0) + (first.get(key) != last.get(key))
    return max(sorted(changed), key=lambda user: changed[user])


def restore_in_place(stack: Stack, teller: Teller, nights: list[Night]) -> Timing:
    """Destroy and restore the user that has changed most; compare every byte with the first night.

    FaultError when one of them is not what it was.
    """
    source, first = stack.source, nights[0]
    user = most_changed(first.held, nights[-1].held, source["prefix"])
    folder = f"{source['prefix']}{user}/"
    wanted = of_user(first.held, folder)
    with teller.step(f"destroy the files of {user}") as tell:
        tell(_destroy(stack, folder, wanted))
    request = {
        RestoreEvent.SOURCE: source["name"],
        RestoreEvent.USERS: [user],
        RestoreEvent.AS_OF: clock(first.moment),
        RestoreEvent.BUCKET: source["bucket"],
        RestoreEvent.PREFIX: source["prefix"],
        RestoreEvent.CONFLICT: "overwrite",
    }
    begun = time.monotonic()
    with teller.step(f"restore {user} as of {request[RestoreEvent.AS_OF]} into place") as tell:
        told = ask_and_wait(stack, request)
        seconds = time.monotonic() - begun
        tell(f"{told['status']}, {told['files']['restored']:,} files")
    with teller.step(f"compare every byte of {user} with the first night") as tell:
        found = look(stack.client("s3"), source["bucket"], folder)
        tell(f"{len(found):,} files, {total(found):,} bytes")
    insist(teller, differences(wanted, found), f"files of {user} that did not come back as they were")
    return Timing("one user, in place", seconds, len(wanted), total(wanted))


def ask_and_wait(stack: Stack, request: Mapping[str, object]) -> dict[str, Any]:
    """Ask the restore function, and then again and again how it stands; give its last answer when it has ended.

    FaultError when it ended otherwise than completely.
    """
    first = stack.invoke("restore", request)

    def ended() -> dict[str, Any] | None:
        told: dict[str, Any] = stack.invoke("restore", {RestoreEvent.RESTORE: first[RestoreEvent.RESTORE]})
        return told if told["status"] in _ENDED else None

    told = stack.wait(f"the end of restore {first[RestoreEvent.RESTORE]}", ended)
    if told["status"] != RestoreState.COMPLETED:
        raise FaultError(f"the restore ended {told['status']}: {told}")
    return told


def _destroy(stack: Stack, folder: str, wanted: Witness) -> str:
    """Overwrite every third file that there was on the first night, and delete all else."""
    s3, bucket = stack.client("s3"), stack.source["bucket"]
    overwritten = set(sorted(wanted)[::3])
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
    there = [item["Key"] for page in pages for item in page.get("Contents", ())]
    # All of them: the embedded AWS lets an object keep its tags when it is overwritten, which S3 does not.
    for key in there:
        s3.delete_object(Bucket=bucket, Key=key)
    for key in overwritten:
        s3.put_object(Bucket=bucket, Key=key, Body=_RANSOM)
    return f"{len(there):,} gone, {len(overwritten):,} of them replaced by a ransom note"
