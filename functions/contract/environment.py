"""The environment variables of each function: one frozen dataclass each.

A field `runs_table` is the variable `RUNS_TABLE`. A field of text, number or truth is read as such; `sources` and
other tuples are JSON. A field with a default may be missing. `functions.runtime.environment` reads them and reports
all problems together; `variables` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, TypeAlias

LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, slots=True)
class SourceSetting:
    """A source: `name` stands in object keys, `prefix` is empty or ends with `/`, `priority` users go first."""

    name: str
    bucket: str
    prefix: str = ""
    priority: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonEnvironment:
    """What every function needs. `aws_region` and the names of the function are set by Lambda itself."""

    stack: str
    aws_region: str
    topic_arn: str
    aws_endpoint_url: str | None = None
    """Set in the sandbox only."""
    log_level: LogLevel = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiatorEnvironment(CommonEnvironment):
    """Starts runs."""

    sources: tuple[SourceSetting, ...]
    runs_table: str
    users_table: str
    job_queue_url: str
    priority_queue_url: str
    aws_lambda_function_name: str
    run_window_minutes: int = 240
    run_lease_minutes: int = 1_320
    """A run that has not ended by then cannot keep the next one from starting."""
    ledger_days: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEnvironment(CommonEnvironment):
    """Backs up users."""

    sources: tuple[SourceSetting, ...]
    repository_bucket: str
    runs_table: str
    backups_table: str
    users_table: str
    dedup_table: str
    job_queue_url: str
    priority_queue_url: str
    dead_letter_queue_url: str
    max_receive_count: int = 5
    catalog_days: int = 65
    """Days after which the catalog forgets a backup. The bucket does not: it keeps what the rules keep."""
    split_files: int = 1_000_000
    """A user whose last backup had more files than this is backed up in parts, side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogEnvironment(CommonEnvironment):
    """Looks for what did not happen."""

    sources: tuple[SourceSetting, ...]
    runs_table: str
    users_table: str
    rpo_hours: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreEnvironment(CommonEnvironment):
    """Plans restores, fans them out and follows them."""

    repository_bucket: str
    restores_table: str
    restore_queue_url: str
    restore_buckets: tuple[str, ...]
    """Buckets that may be restored into. Its role can write to no other."""
    aws_lambda_function_name: str
    restore_concurrency: int = 50
    ledger_days: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreWorkerEnvironment(CommonEnvironment):
    """Restores one task after the other."""

    repository_bucket: str
    restores_table: str
    restore_queue_url: str
    dead_letter_queue_url: str
    restore_buckets: tuple[str, ...]
    max_receive_count: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierEnvironment(CommonEnvironment):
    """Proves that backups can be restored."""

    sources: tuple[SourceSetting, ...]
    repository_bucket: str
    users_table: str
    drills_table: str
    scratch_bucket: str
    scratch_prefix: str
    """Ends with `/`. Objects below it are cleared away by a lifecycle rule."""
    aws_lambda_function_name: str
    sample_percent: float = 1.0
    drills_a_day: int = 12
    drill_coverage_days: int = 90
    drill_bytes: int = 2 * 1024**3
    """At most this much of one user is restored in a drill; of a larger one, a random part of the files."""
    drills_kept_days: int = 2_555


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorEnvironment(CommonEnvironment):
    """Lets go of what no kept backup needs."""

    repository_bucket: str
    dedup_table: str
    backups_table: str
    lock_days: int = 30
    """Of the bucket's default retention: from it follows to when each lock is extended."""
    retention_days: int = 60
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None
    keep_yearly: int | None = None
    """For so many days, weeks, months and years a backup is kept beyond `retention_days`. Not set: for none."""
    expire_share: float = 0.1
    """The part of all bytes, or of all backups, that one collection may let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediatorEnvironment(CommonEnvironment):
    """Mends what may be mended without a person."""

    source_names: tuple[str, ...]
    runs_table: str
    restores_table: str
    job_queue_url: str
    priority_queue_url: str
    restore_queue_url: str
    job_dead_letters_url: str
    priority_dead_letters_url: str
    restore_dead_letters_url: str
    initiator_arn: str
    """With its alias."""
    function_arns: tuple[str, ...]
    """Functions that may get more memory, without alias. Their names are the stack's, a hyphen, and what they are."""
    remediation_enabled: bool = False
    memory_ceiling_mb: int | None = None
    redrives_per_day: int | None = None
    reruns_per_day: int | None = None
    backoff_minutes: int = 15
    pause_after_failures: int | None = None
    """Scheduled runs of which nobody got a backup. What is not set is never done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEnvironment(CommonEnvironment):
    """Answers people and their programs."""

    sources: tuple[SourceSetting, ...]
    repository_bucket: str
    runs_table: str
    restores_table: str
    backups_table: str
    restore_buckets: tuple[str, ...]
    initiator_function_name: str
    restore_function_name: str
    restore_concurrency: int = 50


ENVIRONMENTS: dict[str, type[CommonEnvironment]] = {
    "initiator": InitiatorEnvironment,
    "worker": WorkerEnvironment,
    "watchdog": WatchdogEnvironment,
    "restore": RestoreEnvironment,
    "restore_worker": RestoreWorkerEnvironment,
    "verifier": VerifierEnvironment,
    "collector": CollectorEnvironment,
    "api": ApiEnvironment,
    "remediator": RemediatorEnvironment,
}
"""The environment of each function, by the name of its module in `functions/handlers`."""

SET_BY_LAMBDA: Final = frozenset({"aws_region", "aws_lambda_function_name", "aws_endpoint_url"})
"""Fields that nobody may write: reserved on AWS, and the last one the embedded AWS sets itself."""
_JSON: Final = (bool, int, float, tuple, list)


def variables(kind: type[CommonEnvironment], values: Mapping[str, object]) -> dict[str, Any]:
    """Write an environment, of which `values` gives the fields by name, as variables.

    What Lambda sets itself, and what is None or not there, is left out. Numbers, truths and lists become JSON; text
    stays what it is, and so does what a deployment will know only later.
    """
    names = [field.name for field in fields(kind) if field.name not in SET_BY_LAMBDA]
    return {name.upper(): _written(values[name]) for name in names if values.get(name) is not None}


def _written(value: object) -> object:
    return json.dumps(value, default=asdict) if isinstance(value, _JSON) else value
