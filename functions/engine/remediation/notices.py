"""What people are told of remedies. Pure. Whoever reads one should know what was done, why, and what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from functions.engine.orchestration.ports import Notice
from functions.engine.remediation.model import Action, Refusal, Remedy, Why

_SHOWN: Final = 50
_NAME: Final = 200
_MORE_MEMORY: Final = "strongroom:workers.memoryMb"

_DONE: Final = {
    Remedy.REDRIVE: "messages of {target} were sent again",
    Remedy.RERUN: "users of {target} are tried again",
    Remedy.MEMORY: "{target} got more memory",
    Remedy.PAUSE: "the schedule of {target} is paused",
}
_TRIED: Final = {
    Remedy.REDRIVE: "messages of {target} are not sent again",
    Remedy.RERUN: "users of {target} are not tried again",
    Remedy.MEMORY: "{target} gets no more memory",
    Remedy.PAUSE: "the schedule of {target} is not paused",
}
_NEXT: Final = {
    Why.AGAIN: "it did not help: find out what fails, in the log of the function and in docs/runbooks/dead-letters.md",
    Why.ENOUGH: "something fails again and again: find out what it is before anything is repeated by hand",
    Why.CEILING: "find out what needs so much, or raise it: pulumi config set --path strongroom:remediation."
    "memoryCeilingMb <MB>",
    Why.FOREIGN: "nothing of it is touched; find out who sends such events",
    Why.ENDED: "the next run backs up everybody; look why they failed, then delete the messages",
    Why.UNREADABLE: "docs/runbooks/messages-rejected.md",
    Why.TOO_MANY: "docs/runbooks/backups-failed.md",
    Why.DEPLOYING: "when the deployment has ended, look whether the function still runs out of memory",
}


def acted_notice(stack: str, action: Action, result: str) -> Notice:
    """Say what was done, for which cause, and what a person has to do."""
    lines = [
        f"{_sentence(_DONE, action.remedy, action.target)}.",
        f"Why: {action.reason}.",
        *([f"Result: {result}."] if result else []),
        *_named(action.users),
        "",
        f"What to do: {_left_to_do(action)}",
        "",
        f"This is not done again for the same cause ({action.cause}).",
    ]
    return _notice(stack, f"Remediation: {_DONE[action.remedy].format(target=action.target)}", lines)


def failed_notice(stack: str, action: Action, reason: str) -> Notice:
    """Say that something was tried and failed. It is not tried again."""
    lines = [
        f"This was tried and failed: {_DONE[action.remedy].format(target=action.target)}.",
        f"Why it was tried: {action.reason}.",
        f"Why it failed: {reason}",
        "",
        f"It is not tried again for the same cause ({action.cause}). What to do: docs/runbooks/remediation-gave-up.md",
    ]
    return _notice(stack, f"Remediation failed: {action.remedy.value} of {action.target}", lines)


def refused_notice(stack: str, refusal: Refusal) -> Notice:
    """Say what is not done, and why. Told once for each cause and reason."""
    lines = [
        f"{_sentence(_TRIED, refusal.remedy, refusal.target)}: {refusal.reason}.",
        "",
        f"What to do: {_NEXT[refusal.why]}.",
        f"Cause: {refusal.cause}. See docs/runbooks/remediation-gave-up.md",
    ]
    return _notice(stack, f"Remediation gave up: {_TRIED[refusal.remedy].format(target=refusal.target)}", lines)


def resumed_notice(stack: str, source: str) -> Notice:
    """Say that the schedule of a source starts runs again."""
    line = f"The schedule of source {source} starts runs again. The next one comes at its time; nothing is made up for."
    return _notice(stack, f"Remediation: the schedule of {source} is resumed", [line])


def paused_notice(stack: str, source: str, until: datetime) -> Notice:
    """Say that a scheduled run was not started, because its source is paused."""
    lines = [
        f"A scheduled run of source {source} was not started: its schedule is paused until {_time(until)}.",
        "Runs started by hand are not kept back.",
        "",
        f"What to do: {_resume(source)}",
    ]
    return _notice(stack, f"Backup of {source} is paused", lines)


def _left_to_do(action: Action) -> str:
    match action.remedy:
        case Remedy.MEMORY:
            line = f"pulumi config set --path {_MORE_MEMORY} {action.memory_to}"
            return (
                f"it has {action.memory_to:,} MB now, {action.memory_from:,} MB before. Pulumi does not know: that is"
                f" drift, and a deployment may take it back. To keep it, for all functions:\n\n    {line}\n\n"
                "then `pulumi up`. To go back: `pulumi up --refresh`."
            )
        case Remedy.PAUSE:
            ends = f"It ends by itself at {_time(action.until)}. " if action.until else ""
            return f"find out why every run failed, and mend it. {ends}To end it now: {_resume(action.target)}"
        case Remedy.REDRIVE:
            return "look whether they succeed now: the run's summary says so, or they lie in the dead letters again."
        case Remedy.RERUN:
            return "nothing now: the summary of the run says how it ended. If it fails again, a person must look."


def _resume(source: str) -> str:
    command = f"strongroom resume --outputs outputs.json --source-name {source}"
    return f"`{command}`, see docs/runbooks/remediation-paused.md"


def _named(users: Sequence[str]) -> list[str]:
    if not users:
        return []
    lines = [f"  {user[:_NAME] or '(files in no folder)'!r}" for user in users[:_SHOWN]]
    rest = [f"  ... and {len(users) - _SHOWN:,} more"] if len(users) > _SHOWN else []
    return ["", "Users:", *lines, *rest]


def _sentence(words: dict[Remedy, str], remedy: Remedy, target: str) -> str:
    text = words[remedy].format(target=target)
    return text[0].upper() + text[1:]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _notice(stack: str, headline: str, lines: Sequence[str]) -> Notice:
    return Notice(f"[{stack}] {headline}", "\n".join(lines) + "\n")
