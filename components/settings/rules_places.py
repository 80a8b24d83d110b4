"""Rules about regions, buckets, addresses, executions and tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from typing import Final

from components.settings.names import Names
from components.settings.problems import Path, Problem
from components.settings.regions import REGIONS, partition_of, zones_of
from components.settings.sources import Source
from components.settings.stack import Settings
from components.settings.tags import OWN_TAGS
from components.settings.workers import UNRESERVED

_VARIABLE_BYTES: Final = 2_500
"""For one list in a function's environment, which has 4 KB for all its variables (AWS Lambda quotas)."""
_SUBNET_PREFIX: Final = 27
"""The smallest subnet: 32 addresses, of which AWS keeps 5, an endpoint of each service takes one."""


def replica_is_elsewhere(settings: Settings) -> Iterator[Problem]:
    """`replica.region` must be another region than `region`, in the same partition: S3 replicates into no other."""
    if settings.replica is None:
        return
    partition = partition_of(settings.region)
    others = [region for region in REGIONS if region != settings.region and partition_of(region) == partition]
    if settings.replica.region not in others:
        must = f"must be another region than {settings.region}, in the partition {partition}"
        near = [region for region in others if region[:2] == settings.region[:2]]
        yield Problem(("replica", "region"), settings.replica.region, must, (near or others)[-1])


def buckets_are_not_ours(settings: Settings) -> Iterator[Problem]:
    """`sources` and `restore.buckets` must not name buckets of the stack itself."""
    ours = Names(settings).buckets()
    for number, source in enumerate(settings.sources):
        if source.bucket in ours:
            must = "must not be a bucket of this stack: its backups would be backed up"
            yield Problem(("sources", number, "bucket"), source.bucket, must, "acme-reports")
    for number, bucket in enumerate(settings.restore.buckets):
        if bucket in ours:
            must = "must not be a bucket of this stack: nothing but the engine writes there"
            yield Problem(("restore", "buckets", number), bucket, must, "acme-restored")


def sources_differ(settings: Settings) -> Iterator[Problem]:
    """`sources` must have different names, and none may hold what another protects: it would be backed up twice."""
    for number, source in enumerate(settings.sources):
        earlier = settings.sources[:number]
        if source.name in {other.name for other in earlier}:
            must = "must be the name of one source only"
            yield Problem(("sources", number, "name"), source.name, must, f"{source.name[:38]}-2")
        holder = next((other for other in earlier if _overlap(source, other)), None)
        if holder:
            must = f"must not hold, or be held by, what source {holder.name} protects in the same bucket"
            yield Problem(("sources", number, "prefix"), source.prefix, must, "another-folder/")


def environment_fits(settings: Settings) -> Iterator[Problem]:
    """`sources`, and `restore.buckets`, must each fit into 2,500 bytes: they are environment variables of functions."""
    sources = [source.model_dump(include={"name", "bucket", "prefix", "priority"}) for source in settings.sources]
    yield from _too_long(("sources",), sources, "priority users by beginnings of their names: legal-*")
    yield from _too_long(("restore", "buckets"), settings.restore.buckets, "a few buckets, with a prefix a restore")


def keys_are_here(settings: Settings) -> Iterator[Problem]:
    """`sources[].keyArn` and `restore.keyArns` must be keys of the stack's region: a bucket has its key beside it."""
    named: list[tuple[Path, str]] = [
        (("sources", number, "keyArn"), source.key_arn)
        for number, source in enumerate(settings.sources)
        if source.key_arn
    ]
    named += [(("restore", "keyArns", number), arn) for number, arn in enumerate(settings.restore.key_arns)]
    for path, arn in named:
        wanted = ["arn", partition_of(settings.region), "kms", settings.region]
        if arn.split(":")[:4] != wanted:
            must = f"must be a key of the stack's region, {settings.region}, as its buckets are"
            yield Problem(path, arn, must, ":".join([*wanted, *arn.split(":")[4:]]))


def ceiling_is_above(settings: Settings) -> Iterator[Problem]:
    """`remediation.memoryCeilingMb` must be at least `workers.memoryMb`: functions have that much from the start."""
    memory, ceiling = settings.workers.memory_mb, settings.remediation.memory_ceiling_mb
    if settings.remediation.enabled and ceiling < memory:
        must = f"must be at least {memory}, workers.memoryMb: functions have that much from the start"
        yield Problem(("remediation", "memoryCeilingMb"), ceiling, must, memory)


def zones_exist(settings: Settings) -> Iterator[Problem]:
    """`network.zones` must be zones that the region is known to have: nothing is asked of AWS for it."""
    zones, known = settings.network.zones, len(zones_of(settings.region))
    if settings.network.isolated and zones > known:
        must = f"must be at most {known}, the zones of {settings.region} that functions can run in"
        yield Problem(("network", "zones"), zones, must, known)


def reserves_what_there_is(settings: Settings) -> Iterator[Problem]:
    """With `workers.reserved`, functions must leave 100 of `workers.accountConcurrency`: nobody can reserve them."""
    workers = settings.workers
    left = workers.account_concurrency - workers.at_once
    if workers.reserved and left < UNRESERVED:
        must = (
            f"must be {UNRESERVED} more than the {workers.at_once:,} that these functions reserve: ask AWS for more, "
            f"name smaller concurrencies, or set workers.reserved to false"
        )
        example = workers.at_once + UNRESERVED
        yield Problem(("workers", "accountConcurrency"), workers.account_concurrency, must, example)


def subnets_are_large_enough(settings: Settings) -> Iterator[Problem]:
    """`network.cidr` must hold a subnet of 32 addresses for each of `network.zones`."""
    network = settings.network
    parts = (network.zones - 1).bit_length()
    if IPv4Network(network.cidr).prefixlen + parts > _SUBNET_PREFIX:
        must = f"must be large enough for {network.zones} subnets of 32 addresses: /{_SUBNET_PREFIX - parts} or larger"
        yield Problem(("network", "cidr"), network.cidr, must, "10.0.0.0/16")


def tags_are_true(settings: Settings) -> Iterator[Problem]:
    """`tags` must not set what the program sets itself, to what is true of the stack."""
    own = {key.lower() for key in OWN_TAGS}
    for key, value in settings.tags.items():
        if key.lower() in own:
            must = f"must not be set: the program sets {', '.join(OWN_TAGS)} to what is true"
            yield Problem(("tags", key), value, must, {"CostCenter": "DataProtection"})


def _overlap(one: Source, other: Source) -> bool:
    return one.bucket == other.bucket and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))


def _too_long(path: Path, value: Sequence[object], example: str) -> Iterator[Problem]:
    size = len(json.dumps(value).encode())
    if size > _VARIABLE_BYTES:
        must = f"must be up to {_VARIABLE_BYTES:,} bytes as JSON, the functions' environment holds no more"
        yield Problem(path, f"{size:,} bytes", must, example)
