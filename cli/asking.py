"""What commands share that call a function of a stack: which stack, which function, and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from cli import options
from cli.doctor.facts import Identity
from cli.doctor.reading import Reader
from cli.outputs import StackOutputs, parse_outputs, read_file
from cli.pulumi_program import ask_stack
from functions.engine.errors import (
    AccessError,
    ConfigurationError,
    CredentialsError,
    NotFoundError,
    StrongroomError,
    WrongAccountError,
)
from functions.runtime import people
from functions.runtime.cloud import Cloud
from functions.runtime.toolbox import Toolbox

SourceName: TypeAlias = Annotated[
    str | None, typer.Option("--source-name", help="Name of the source in the stack's settings. Default: every source.")
]
Wait: TypeAlias = Annotated[bool, typer.Option("--wait", help="Follow it to its end; the exit status says how it was.")]


def stack_outputs(outputs: Path | None, stack: str | None, program: Path | None) -> StackOutputs:
    """Give what a stack says of itself: in a file, or asked by Pulumi. ConfigurationError when it cannot be used."""
    options.one_of(outputs=outputs, stack=stack)
    options.not_without("--program", program, "--stack", given=stack is not None)
    return read_file(outputs) if outputs else parse_outputs(ask_stack(stack or "", program or Path()))


def region_of(said: StackOutputs) -> str:
    """Give the region of a stack. ConfigurationError when an older version did not say it."""
    if not said.region:
        raise ConfigurationError("the outputs name no region", hint="save the outputs of the stack again")
    return said.region


def function_of(said: StackOutputs, name: str) -> str:
    """Give the ARN of a function, by the name of its module. ConfigurationError when the stack has none."""
    if name not in said.functions:
        raise ConfigurationError(f"the outputs name no function {name}", hint="save the outputs of the stack again")
    return said.functions[name]


def users_to_name(users: list[str] | None, most: int) -> list[str]:
    """Give the users that were named, each once. ConfigurationError for too many."""
    named = options.named_users(users)
    if len(named) > most:
        raise ConfigurationError(f"{len(named):,} users were named, must be {most:,} at most", hint="name fewer")
    return named


def answer_of(tools: Toolbox, function: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
    """Call a function and wait, 15 minutes at most, for its answer. Raises what it raised."""
    cloud = tools.cloud()
    with _of_its_account(cloud, function):
        return people.answer_of(cloud, function, event)


def hand_over(tools: Toolbox, function: str, event: dict[str, Any]) -> None:
    """Have a function called, and do not wait."""
    cloud = tools.cloud()
    with _of_its_account(cloud, function):
        people.hand_over(cloud, function, event)


@contextmanager
def _of_its_account(cloud: Cloud, function: str) -> Iterator[None]:
    """Say so when a function cannot be called because the caller is of another account."""
    try:
        yield
    except CredentialsError:
        raise
    except (AccessError, NotFoundError) as error:
        who = _identity(cloud)
        if who is not None and f":{who.account}:" not in function:
            text = f"{who.arn} is of account {who.account}, the function is {function}"
            raise WrongAccountError(text) from error
        raise


def _identity(cloud: Cloud) -> Identity | None:
    try:
        return Reader(cloud).identity()
    except StrongroomError:
        return None
