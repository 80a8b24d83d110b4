"""`up`: start the embedded AWS, run the program, make everything."""

from __future__ import annotations

import os
import stat
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from sandbox import differences, state
from sandbox.aws import Clients
from sandbox.folder import claimed, server_folder
from sandbox.ministack import MiniStack, Place
from sandbox.program.graph import Deployed, Resource
from sandbox.state import State
from sandbox.telling import Tell, Teller

HELP: Final = "bring the whole stack up on this machine"
STACK: Final = "local"
_LAST_PORT: Final = 65_535


def add_options(parser: ArgumentParser) -> None:
    """Add what only this command has."""
    parser.add_argument("--port", type=_port, default=0, help="port of the embedded AWS; default: any free one")
    parser.add_argument("--empty", action="store_true", help="start the embedded AWS only, for `pulumi up -s local`")
    parser.add_argument(
        "--owner",
        type=_pipe,
        metavar="FD",
        help="reading end of a pipe: end, whatever happens, when nobody holds the writing end any more; for programs",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise ArgumentTypeError(f"{text} is not from 0 to {_LAST_PORT}")
    return int(text)


def _pipe(text: str) -> int:
    try:
        mode = os.fstat(int(text)).st_mode
    except (ValueError, OverflowError, OSError):
        mode = 0
    if not stat.S_ISFIFO(mode):
        raise ArgumentTypeError(f"{text} is no pipe")
    return int(text)


def run(options: Namespace) -> int:
    """Bring it up. When that fails, or is interrupted, nothing of it is left."""
    teller, begun = Teller(), time.monotonic()
    with claimed(options.state) as lock:
        server = MiniStack(auth=True, place=Place(server_folder(options.state), options.port, lock, options.owner))
        try:
            with teller.step("start the embedded AWS") as tell:
                server.start()
                tell(server.endpoint)
            made = _make(server, teller, empty=options.empty, begun=begun)
            state.write(options.state, made)
            server.release()
        except BaseException:
            server.stop()
            raise
    if made.graph:
        _show(teller, made)
    teller.say(f"Up at {made.endpoint} after {made.seconds:.1f} s{_extent(made)}.", "bold")
    teller.say(f"Its state: {options.state / state.FILE}. To take it down: python -m sandbox down")
    return 0


def _make(server: MiniStack, teller: Teller, *, empty: bool, begun: float) -> State:
    """Make the stack in the embedded AWS, and what stands beside it."""
    # A second that a failed start and the other commands need not wait for.
    from sandbox.program.beside import keep_notices, make_buckets  # noqa: PLC0415
    from sandbox.program.config import REGION, read_config  # noqa: PLC0415
    from sandbox.program.run import run_program  # noqa: PLC0415

    config, clients = read_config(STACK, server.endpoint), Clients(server.endpoint)
    deployed, notices = Deployed(), ""
    with teller.step("make the organisation's buckets") as tell:
        buckets = make_buckets(clients, config, config[REGION])
        tell(", ".join(buckets))
    if not empty:
        with teller.step(f"run the program of the stack {STACK}") as tell:
            deployed = run_program(STACK, config, server.endpoint, _Count(tell))
        for text in deployed.warnings:
            teller.say(f"warning: {text}", "yellow")
        notices = keep_notices(clients, deployed.exports["NotificationTopicArn"], config[REGION])
    return State(
        endpoint=server.endpoint,
        pid=server.pid,
        stack=STACK,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 1),
        config=config,
        exports=deployed.exports,
        notices_queue=notices,
        buckets=buckets,
        graph=deployed.graph,
    )


class _Count:
    """Tells how many resources there are, and the last one."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._made = tell, 0

    def __call__(self, resource: Resource) -> None:
        """Count a resource of AWS."""
        if resource.type.startswith("aws:") and not resource.recorded_only:
            self._made += 1
            self._tell(f"{self._made} resources of AWS")


def _extent(made: State) -> str:
    if not made.graph:
        return ", empty"
    return f": {len(made.created)} resources of {len({item.type for item in made.created})} types"


def _show(teller: Teller, made: State) -> None:
    """Say what is there, what is recorded only, and what is otherwise than in a real deployment."""
    for type_, count in sorted(Counter(item.type for item in made.created).items()):
        teller.say(f"  {count:4} {type_}", style="dim")
    _list(teller, "Recorded only", [(item.name, item.recorded_only) for item in made.recorded_only])
    _list(teller, "Otherwise than in a real deployment", differences.CHANGED.items())
    _list(teller, "Held, but not enforced", differences.NOT_PROVED.items())


def _list(teller: Teller, title: str, pairs: Iterable[tuple[str, str]]) -> None:
    rows = list(pairs)
    teller.say(f"{title}:{'' if rows else ' nothing'}")
    for name, text in rows:
        teller.say(f"  {name}: {text}")
