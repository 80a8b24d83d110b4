"""Arguments that nobody foresaw, to every command: one clear line with a remedy, and a status that is documented.

Commands and options are found in the tool itself. They run in this process, with a network that refuses: what gets past
the checks of the arguments finds nobody to talk to.
"""

from __future__ import annotations

import os
import shutil
import socket
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import interrupts, main, statuses
from cli.main import run

EXAMPLES = 25
"""For each command, about 30 of which there are."""

LEAVES: dict[str, Any] = {}
_GROUP: Any = typer.main.get_command(main.build())
for _name, _command in _GROUP.commands.items():
    for _part, _leaf in getattr(_command, "commands", {"": _command}).items():
        LEAVES[f"{_name} {_part}".strip()] = _leaf

ODD = st.sampled_from(
    [
        "",
        " ",
        "-",
        "--",
        "--json",
        "-1",
        "0",
        "1e400",
        "nan",
        "inf",
        "9" * 400,
        "0x10",
        "../..",
        "/",
        "//",
        "a/b",
        "\n",
        "alice\nstrongroom: all is well",
        "\r\x1b[2J",
        "\u202egnp",
        "Ã¤\ud7ff",
        "🗝" * 50,
        "a" * 5_000,
        "%s%n{0}{}",
        "$(id)",
        "s3://",
        "s3://a/../b",
        "arn:aws:s3:::x",
        "http://",
        "http://[::1",
        "https://user:secret@host",
        "2026-02-30",
        "9999-12-31T23:59:59+23:59",
        "20261120T020000Z-1f3a9c20",
        "/dev/null/x",
        "/proc/self/mem",
        "my-backups",
        "reports",
        "alice",
        "prod",
    ]
)
# What the system lets nobody pass: a zero byte, and half of a surrogate pair.
ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
NUMBERS = st.integers(-(10**30), 10**30).map(str) | st.floats(width=64).map(repr)


@dataclass(frozen=True)
class Ground:
    """Where the commands may write: a folder of their own, and an endpoint at which nobody listens."""

    folder: Path
    endpoint: str
    outputs: Path


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A folder that holds outputs of a stack; the tool works in it, and finds no Pulumi."""
    folder = tmp_path_factory.mktemp("fuzz")
    outputs = folder / "outputs.json"
    tables = ", ".join(f'"{name}": "t-{name}"' for name in ("runs", "users", "drills", "backups", "dedup", "restores"))
    functions = ", ".join(
        f'"{name}": "f-{name}"' for name in ("initiator", "verifier", "collector", "restore", "remediator")
    )
    outputs.write_text(
        '{"BackupBucketName": "my-backups", "Region": "us-east-1", "AccountId": "000000000000",'
        f' "Stack": "strongroom-x", "Tables": {{{tables}}}, "Functions": {{{functions}}}}}'
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "which", lambda *_arguments, **_options: None)
        patch.setattr(webbrowser, "open", lambda _address: None)
        patch.setattr(interrupts, "on_interrupt", lambda _close: None)
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("HOME", str(folder))
        os.chdir(folder)
        yield Ground(folder, endpoint, outputs)
        os.chdir(before)


GOOD = {
    "repository": "my-backups",
    "source": "my-source/clients/",
    "source_name": "reports",
    "user": "alice",
    "backup_id": "20261120T020000Z-1f3a9c20",
    "as_of": "2026-11-20T02:00:00Z",
    "at": "2026-12-24",
    "region": "eu-central-1",
    "to_bucket": "my-restores",
    "reason": "case 117",
    "hold_id": "20261120T020000Z-1f3a9c20",
    "collection": "20261120T020000Z-1f3a9c20",
    "pack": "0f" * 16,
    "share": "0.5",
    "percent": "5",
    "days": "30",
}
"""Values that may get past the checks, so that what follows them is reached as well."""


def values(parameter: Any, ground: Ground) -> st.SearchStrategy[str]:  # noqa: ANN401 - Typer's own classes are private
    """Give texts for an option: three of four may be good."""
    name, odd = parameter.name, ODD | ANY
    choices = [str(getattr(choice, "value", choice)) for choice in getattr(parameter.type, "choices", ())]
    good = st.sampled_from(choices or [GOOD.get(name, "x")])
    if name == "outputs":
        good = st.just(str(ground.outputs))
    if name == "endpoint":
        # An address that was found would be asked; this one refuses.
        good, odd = st.just(ground.endpoint), st.sampled_from(["http://", "ftp://x", "http://a/b", "x\ny", ""])
    if parameter.type.name in {"integer", "float", "integer range", "float range"}:
        good, odd = st.sampled_from([GOOD.get(name, "1"), "1", "5"]), NUMBERS | ODD
    if parameter.type.name in {"path", "file", "directory"}:
        # Written to, some of them: what is made up stays in the folder.
        odd = ODD | ANY.map(lambda text: str(ground.folder / text.replace("/", "_")))
    return st.integers(0, 3).flatmap(lambda turn: odd if turn == 0 else good)


def arguments(leaf: Any, ground: Ground) -> st.SearchStrategy[list[str]]:  # noqa: ANN401 - see values
    """Give arguments for a command: most of what it must have, any of what it may have, sometimes twice."""

    @st.composite
    def drawn(draw: st.DrawFn) -> list[str]:
        found: list[str] = []
        for parameter in leaf.params:
            often = (
                9 if parameter.required or parameter.name == "source_name" else 6 if parameter.name == "outputs" else 2
            )
            for _ in range(draw(st.sampled_from([0] * (10 - often) + [1] * often + [2] * (parameter.multiple and 3)))):
                if parameter.param_type_name == "argument":
                    found.append(draw(values(parameter, ground)))
                elif parameter.is_flag:
                    found.append(parameter.opts[0])
                else:
                    found += [parameter.opts[0], draw(values(parameter, ground))]
        return found + draw(st.lists(ODD, max_size=1) if draw(st.integers(0, 9)) == 0 else st.just([]))

    return drawn()


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_no_arguments_break_a_command(
    name: str,
    ground: Ground,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback, no bug, no wait: a documented status and, unless all went well, one line that says what to do."""
    tried = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )

    @tried
    @given(arguments(LEAVES[name], ground))
    def check(found: list[str]) -> None:
        status = run([*name.split(), *found])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err, found
        assert status in statuses.MEANINGS, found
        assert status != statuses.BUG, (found, printed.err)
        assert printed.err.isprintable() or "\n" in printed.err, found
        if status not in {statuses.DONE, statuses.PARTIAL, statuses.TROUBLE}:
            last = printed.err.splitlines()[-1]
            assert last.startswith("strongroom: "), (found, printed.err)
            assert last.endswith(")"), (found, last)

    check()
