"""The report of an erasure, and of a look at one, as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.render import size
from functions.engine.retention.erasure_report import State
from functions.engine.retention.erasure_survey import Share

_SHARES = {
    Share.ALONE.value: "his alone, in packs of his alone: they go",
    Share.BESIDE_OTHERS.value: "his alone, in packs that others need: nobody finds them, they go when the pack does",
    Share.SHARED.value: "that others have too: they stay, as theirs",
}
_DATES = {
    "condemned": "the next collection has condemned his backups by",
    "not_offered": "nobody is offered them any more, and restores end, by",
    "hidden": "nothing of his alone is visible in the bucket by",
    "backups_gone": "the last manifest and commit record is deleted for good by",
    "packs_gone": "the last pack that only he needed is deleted for good by",
    "last_byte_gone": "so the last byte that was his alone is gone by",
}


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """Give what is ordered, or would be, what goes until when, and what stays."""
    return [*_head(report), "", *_found(report), "", *_dates(report), "", *_stays(report)]


def check_lines(report: Mapping[str, Any]) -> list[str]:
    """Give what is gone and what is not."""
    lines = [*_head(report), f"checked        {report['checked']}, in bucket {report['bucket']}", ""]
    for key, what in (
        ("left_of_backups", "objects of his backups"),
        ("left_of_packs", "packs of his alone"),
        ("left_of_packs_beside_others", "packs that others needed too"),
    ):
        counts = ", ".join(f"{report[key][state.value]:,} {state.value}" for state in State if report[key][state.value])
        lines.append(f"{what}: {counts or 'none'}")
    if report["listed_still"]:
        lines.append(f"not let go yet: {', '.join(report['listed_still'])}")
    if report["backed_up_since"]:
        lines.append(f"backed up since, and kept: {', '.join(report['backed_up_since'])}")
    if report["withdrawn"]:
        return [*lines, "", "The order was withdrawn: nothing more goes by it."]
    if report["gone"]:
        return [*lines, "", "Everything that was his alone is gone.", "", *_stays(report)]
    return [*lines, "", "Not everything is gone yet.", *_dates(report), "", *_stays(report)]


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'Erasure, not ordered' if report['dry_run'] else 'Erasure ' + report['erasure_id']}"
    yield f"user           {report['user'] or '(no folder)'}, of source {report['source']}"
    yield f"ordered        {report['ordered']}, by {report['by']}: {report['reason']}"
    yield f"in the source  {report['in_the_source']}"
    mode = report["lock"]["mode"]
    locked = f"{mode}, {report['lock']['days']} days at birth, and extended until let go" if mode else "none"
    yield f"locks          {locked}" + ("; nobody can shorten them, not even AWS" if mode == "COMPLIANCE" else "")
    for hold in report["held"]:
        yield f"held           {hold['hold']} on {hold['backup'] or 'everything'}: {hold['reason']}"


def _found(report: Mapping[str, Any]) -> Iterator[str]:
    backups = report["backups"]
    yield (
        f"What there is: {backups['count']:,} backups, {backups['first']} to {backups['last']}, "
        f"{backups['objects']:,} objects, {size(backups['bytes'])}"
    )
    for share, what in _SHARES.items() if report["chunks"] else ():
        amount = report["chunks"][share]
        yield f"  {amount['count']:,} chunks, {size(amount['bytes'])}: {what}"
    own, mixed = report["packs"][Share.ALONE.value], report["packs"][Share.BESIDE_OTHERS.value]
    yield f"  {own['count']:,} packs, {size(own['bytes'])}, only he needs"
    yield f"  {mixed['count']:,} packs, {size(mixed['bytes'])}, others need too"
    if report["chunks"] is None:
        yield "  chunks were not counted (--packs-only)"
    for name in report["not_counted"]:
        yield f"  not counted, since it cannot be read: {name}"


def _dates(report: Mapping[str, Any]) -> Iterator[str]:
    dates = report["dates"]
    if dates is None:
        yield "No date can be given: a hold keeps it, until it is released."
        return
    yield "If a collection comes every night and none refuses:"
    yield from (
        f"  {what} {dates[key] or 'no day: the lifecycle of this bucket lets nothing go'}"
        for key, what in _DATES.items()
    )
    yield "  in a replica a day later: tags are copied, and its lifecycle and locks are the same"


def _stays(report: Mapping[str, Any]) -> Iterator[str]:
    yield "What stays:"
    yield from (f"  - {text}" for text in report["stays"])
