"""What the functions of a stack work on, and the ARNs of it that the contract's rights speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pulumi import Input, Output

from components.refs import BucketRef, KeyRef, QueueRef, TableRef, TopicRef
from functions.contract.environment import SourceSetting
from functions.contract.object_keys import COLLECTIONS, PACKS, SNAPSHOTS
from functions.contract.rights import ALIAS, ASKED
from functions.contract.tables import STATUS_INDEX, BackupsTable

REMEDIATOR = "remediator"
_INDEXES = {"runs": STATUS_INDEX, "restores": STATUS_INDEX, "backups": BackupsTable.USER_INDEX}
"""Tables that functions ask otherwise than by their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything that a function may be given. What decides the form of a policy is plain text."""

    account_id: str
    region: str
    functions: Mapping[str, str]
    """Names of the functions, by the name of their modules in `functions/handlers`."""
    key: KeyRef
    """What scratch bucket, tables, queues and topic are encrypted with."""
    repository_key: KeyRef
    """What the repository is encrypted with: the same, unless it was taken over from another stack."""
    more_table_keys: tuple[Input[str], ...] = ()
    """ARNs of the keys of tables that were taken over from another stack."""
    sources: tuple[SourceSetting, ...]
    source_keys: tuple[Input[str], ...] = ()
    """ARNs of the keys that sources are encrypted with."""
    repository: BucketRef
    scratch: BucketRef
    scratch_prefix: str
    restore_buckets: tuple[str, ...] = ()
    restore_keys: tuple[Input[str], ...] = ()
    """ARNs of the keys that buckets to restore into are encrypted with."""
    tables: Mapping[str, TableRef]
    """By the names of the contract, such as `runs`."""
    job_queue: QueueRef
    priority_queue: QueueRef
    restore_queue: QueueRef
    job_dead_letters: QueueRef
    priority_dead_letters: QueueRef
    restore_dead_letters: QueueRef
    topic: TopicRef
    partition: str = field(default="aws")

    def function_arn(self, function: str) -> str:
        """Give a function's ARN, without alias: a function goes on by its own name."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account_id}:function:{self.functions[function]}"

    def sized_arns(self) -> list[str]:
        """Give the ARNs of the functions that may get more memory: all but the one that gives it."""
        return [self.function_arn(function) for function in self.functions if function != REMEDIATOR]

    def role_pattern(self, function: str) -> str:
        """Give what matches the ARN of a function's role, whose name ends in a few random characters."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.functions[function]}-*"

    def dead_letters(self, function: str) -> QueueRef:
        """Give the queue for what a function cannot understand."""
        return self.restore_dead_letters if function == "restore_worker" else self.job_dead_letters


def shared_arns(resources: Resources) -> dict[str, list[Input[str]]]:
    """Give the ARNs of what means the same to every function, by the names of `functions.contract.rights`.

    A list may be empty: nothing of the kind was configured.
    """
    buckets = {f"arn:{resources.partition}:s3:::{source.bucket}": None for source in resources.sources}
    restored = [f"arn:{resources.partition}:s3:::{bucket}" for bucket in resources.restore_buckets]
    key: list[Input[str]] = [resources.key.arn]
    snapshots = below(resources.repository.arn, f"/{SNAPSHOTS}*")
    return {
        **{f"{name}_table": _table(name, table) for name, table in resources.tables.items()},
        "job_queue": [resources.job_queue.arn],
        "priority_queue": [resources.priority_queue.arn],
        "restore_queue": [resources.restore_queue.arn],
        "dead_letters": [
            queue.arn
            for queue in (resources.job_dead_letters, resources.priority_dead_letters, resources.restore_dead_letters)
        ],
        "initiator": [f"{resources.function_arn('initiator')}:{ALIAS}"],
        "sized_functions": list(resources.sized_arns()),
        "sized_aliases": [f"{arn}:{ALIAS}" for arn in resources.sized_arns()],
        "queue_key": key,
        "table_key": [*key, *resources.more_table_keys],
        "environment_key": key,
        "topic": [resources.topic.arn],
        "topic_key": key,
        "sources": list(buckets),
        "source_objects": _source_objects(resources),
        "source_key": list(resources.source_keys),
        "repository": [resources.repository.arn],
        "repository_objects": [below(resources.repository.arn, "/*")],
        "repository_backups": [below(resources.repository.arn, f"/{PACKS}*"), snapshots],
        "repository_snapshots": [snapshots],
        "repository_plans": [below(resources.repository.arn, f"/{COLLECTIONS}*")],
        "repository_key": [resources.repository_key.arn],
        "scratch": [resources.scratch.arn],
        "scratch_objects": [below(resources.scratch.arn, f"/{literal(resources.scratch_prefix)}*")],
        "scratch_key": key,
        "restore_buckets": list(restored),
        "restore_objects": [f"{bucket}/*" for bucket in restored],
        "restore_key": list(resources.restore_keys),
        "asked_functions": [resources.function_arn(function) for function in ASKED],
        "xray": ["*"],
    }


def own_arns(resources: Resources, function: str) -> dict[str, list[Input[str]]]:
    """Give the ARNs of what is another thing to each function."""
    logs = f"arn:{resources.partition}:logs:{resources.region}:{resources.account_id}:log-group"
    return {
        "self": [resources.function_arn(function)],
        "dead_letter_queue": [resources.dead_letters(function).arn],
        "logs": [f"{logs}:{log_group_name(resources.functions[function])}:*"],
    }


def log_group_name(function_name: str) -> str:
    """Give the log group that Lambda writes to unless it is told another one."""
    return f"/aws/lambda/{function_name}"


def below(arn: Input[str], path: str) -> Input[str]:
    """Put a path behind an ARN. What is plain stays plain."""
    return f"{arn}{path}" if isinstance(arn, str) else Output.concat(arn, path)


def literal(text: str) -> str:
    """Write text so that a policy takes `*`, `?` and `$` as they are (IAM, "Policy variables and tags")."""
    return "".join(f"${{{character}}}" if character in "*?$" else character for character in text)


def _table(name: str, table: TableRef) -> list[Input[str]]:
    return [table.arn, below(table.arn, f"/index/{_INDEXES[name]}")] if name in _INDEXES else [table.arn]


def _source_objects(resources: Resources) -> list[Input[str]]:
    """Give the objects of the sources, each once: two sources may be one folder."""
    return list(
        {
            f"arn:{resources.partition}:s3:::{source.bucket}/{literal(source.prefix)}*": None
            for source in resources.sources
        }
    )
