"""The bill of a steady month, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from components.settings import Settings, StorageClass
from components.settings.storage_prices import CLASSES
from costs.assumptions import ASSUMED, GB, Assumptions
from costs.aws_backup import LEAST_KIB, aws_backup, charged, first_backup
from costs.bill import Bill, Line
from costs.calendar import DAYS, HOURS, monthly
from costs.inventory import REPLICATION_METRICS, Inventory, inventory
from costs.stock import Stock, billed_records, by_class, early_gigabytes, stock_of
from costs.volume import Volume
from costs.work import Work, megabytes, work_of
from functions.contract.prices import REGION

PRIMARY = "S3, repository"
REPLICA = "S3, replica"
_GIB_OF_MB = 1_024
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a month costs, what the first backup costs once, and whether it is within the budget."""

    bill: Bill
    once: Bill
    budget_usd: float
    stock: Stock
    warnings: tuple[str, ...]

    @property
    def usd(self) -> float:
        """US dollars a month."""
        return self.bill.usd

    @property
    def over(self) -> bool:
        """Whether the month costs more than the budget."""
        return self.usd > self.budget_usd


@dataclass(frozen=True, slots=True)
class _Month:
    """Everything that lines are made of."""

    settings: Settings
    volume: Volume
    stock: Stock
    work: Work
    there: Inventory
    assumed: Assumptions


def forecast(settings: Settings, volume: Volume, assumed: Assumptions = ASSUMED) -> Forecast:
    """Count a steady month: the retention has filled up, and nobody restores anything."""
    stock = stock_of(settings, volume, assumed)
    work = work_of(settings, volume, stock, assumed)
    month = _Month(settings, volume, stock, work, inventory(settings), assumed)
    kept = (_storage, _requests, _replica, _tables, _vault)
    parts = (*kept, _functions, _api, _messages, _keys, _watching, _trail, _network)
    bill = Bill(tuple(line for line in chain(*(part(month) for part in parts)) if line.quantity))
    budget = settings.budget.monthly_usd
    return Forecast(bill, Bill(tuple(_once(month))), budget, stock, tuple(_warnings(month, bill.usd)))


# --------------------------------------------------------------------------------------- repository


def _storage(month: _Month) -> Iterator[Line]:
    stock, name = month.stock, month.settings.tier.storage_class
    for versions, what in ((stock.current, "packs"), (stock.noncurrent, "packs let go, still recoverable")):
        for place, gigabytes in by_class(name, stock, versions).items():
            yield Line(PRIMARY, f"{what}, {place}", gigabytes, f"s3.storage.{place}")
    yield Line(PRIMARY, "manifests and commit records, STANDARD", stock.records, "s3.storage.STANDARD")
    yield Line(PRIMARY, "files of drills, STANDARD", month.work.scratch_gb, "s3.storage.STANDARD")
    yield Line(PRIMARY, "trail and access logs, STANDARD", _log_gigabytes(month), "s3.storage.STANDARD")
    yield from _class_charges(name, month)


def _class_charges(name: StorageClass, month: _Month) -> Iterator[Line]:
    """Give what a class charges beside its storage: moves, least days, watching, reading."""
    stock = month.stock
    if name == "STANDARD":
        return
    yield Line(PRIMARY, f"packs moved to {name}", monthly(stock.packs_added), f"s3.move.{name}")
    early = early_gigabytes(name, stock)
    yield Line(PRIMARY, f"least days of {name}", early, f"s3.storage.{name}")
    yield Line(PRIMARY, f"packs read again from {name}", month.work.pack_gb, f"s3.read.{name}")
    if CLASSES[name].watch_usd:
        yield Line(PRIMARY, "packs watched", stock.packs, "s3.watch")


def _log_gigabytes(month: _Month) -> float:
    """Give what the trail and the access logs have grown to."""
    daily = month.work.trail_events / DAYS * month.assumed.event_bytes / GB
    copies = 2 if month.settings.replica else 1
    return daily * copies * (month.settings.retention.audit_days + month.assumed.log_keep_days)


def _requests(month: _Month) -> Iterator[Line]:
    work, name = month.work, month.settings.tier.storage_class
    yield Line(PRIMARY, "GET of files and records", work.source_gets + work.repository_gets, "s3.get.STANDARD")
    yield Line(PRIMARY, "GET of packs, by samples and drills", work.pack_gets, f"s3.get.{name}")
    puts = work.pack_puts + work.record_puts + work.scratch_puts
    yield Line(PRIMARY, "PUT of packs, records and files of drills", puts, "s3.put.STANDARD")
    yield Line(PRIMARY, "LIST of sources and repository", work.lists, "s3.put.STANDARD")
    yield Line(PRIMARY, "locks extended", work.locks, "s3.put.STANDARD")
    yield Line(PRIMARY, "tags of what is let go", work.tags, "s3.put.STANDARD")


# ------------------------------------------------------------------------------------------ replica


def _replica(month: _Month) -> Iterator[Line]:
    replica, stock = month.settings.replica, month.stock
    if replica is None:
        return
    name = replica.storage_class
    for versions, what in ((stock.current, "packs"), (stock.noncurrent, "packs let go, still recoverable")):
        for place, gigabytes in by_class(name, stock, versions, at_birth=True).items():
            yield Line(REPLICA, f"{what}, {place}", gigabytes, f"s3.storage.{place}")
    yield Line(REPLICA, f"manifests and commit records, {name}", billed_records(name, stock), f"s3.storage.{name}")
    yield Line(REPLICA, f"least days of {name}", early_gigabytes(name, stock, at_birth=True), f"s3.storage.{name}")
    copied = monthly(stock.packs_added + stock.records_added)
    yield Line(REPLICA, "objects copied", copied, f"s3.put.{name}")
    yield Line(REPLICA, "locks and tags copied", month.work.locks + month.work.tags, "s3.put.STANDARD")
    if CLASSES[name].watch_usd:
        yield Line(REPLICA, "packs watched", stock.packs, "s3.watch")
    sent = monthly(stock.added + stock.record_gb_added)
    yield Line(REPLICA, "transfer to the other region", sent, "s3.transfer")
    if replica.time_control:
        yield Line(REPLICA, "replication time control", sent, "s3.time_control")


# ----------------------------------------------------------------------------------------- services


def _functions(month: _Month) -> Iterator[Line]:
    work, memory = month.work, month.settings.workers.memory_mb / _GIB_OF_MB
    yield Line("Lambda", f"{memory:.2f} GB of memory", work.seconds * memory, "lambda.gb_second")
    yield Line("Lambda", "invocations", work.invocations, "lambda.request")
    yield Line("X-Ray", "traces", work.invocations, "xray.trace")


def _tables(month: _Month) -> Iterator[Line]:
    work, assumed, there = month.work, month.assumed, month.there
    catalog = work.jobs * assumed.job_writes
    yield Line("DynamoDB", "writes, dedup index", 2 * work.chunks_new, "dynamodb.write")
    yield Line("DynamoDB", "writes, catalog and ledger", catalog, "dynamodb.write")
    if there.replicated_tables:
        yield Line("DynamoDB", "writes in the other region", catalog, "dynamodb.replicated_write")
    yield Line("DynamoDB", "reads", work.chunks_read + work.jobs * assumed.job_reads, "dynamodb.read")
    stored = _index_gigabytes(month) + _ledger_gigabytes(month) * (2 if there.replicated_tables else 1)
    yield Line(
        "DynamoDB", "storage, both regions" if there.replicated_tables else "storage", stored, "dynamodb.storage"
    )
    yield Line("DynamoDB", "point-in-time recovery, in all regions", stored, "dynamodb.recovery")


def _vault(month: _Month) -> Iterator[Line]:
    """Give what AWS Backup keeps of all tables but the dedup index, each backup a full one, and perhaps of the sources.

    AWS also charges for each restore that it tries; the copies of its price page that were read do not say how much.
    """
    vault, table = month.settings.vault, _ledger_gigabytes(month)
    if not vault.enabled:
        return
    months = vault.monthly_days / DAYS
    warm = min(months, vault.cold_days / DAYS) if vault.cold_days else months
    kept = warm + vault.weekly_days / _WEEK
    yield Line("AWS Backup", "tables, warm", table * (kept + vault.daily_days), "backup.table_warm")
    yield Line("AWS Backup", "tables, cold", table * (months - warm), "backup.table_cold")
    if month.settings.replica:
        yield Line("AWS Backup", "tables, copies, warm", table * (kept + vault.copy_days), "backup.table_warm")
        yield Line("AWS Backup", "tables, copies, cold", table * (months - warm), "backup.table_cold")
        yield Line("AWS Backup", "transfer of the copies", monthly(table), "s3.transfer")
    yield Line("AWS Backup", "restores that are tried", table, "backup.table_restore")
    if vault.sources:
        yield from _of_sources(aws_backup(month.settings, month.volume).lines)


def _of_sources(lines: Iterable[Line]) -> Iterator[Line]:
    return (line._replace(what=f"sources, {line.what}") for line in lines)


def _ledger_gigabytes(month: _Month) -> float:
    """Give the catalog and the ledger, in one region."""
    assumed = month.assumed
    item_bytes = assumed.backup_item_bytes + assumed.task_item_bytes
    return month.work.jobs / DAYS * month.stock.life_days * item_bytes / GB


def _index_gigabytes(month: _Month) -> float:
    """Give the dedup index: an item for every chunk that is stored."""
    volume, assumed = month.volume, month.assumed
    small = volume.gigabytes * GB / volume.count if volume.count else assumed.chunk_bytes
    chunk = min(assumed.chunk_bytes, max(1.0, small))
    return month.stock.all * volume.compression * GB / chunk * assumed.item_bytes / GB


def _messages(month: _Month) -> Iterator[Line]:
    work, there = month.work, month.there
    notices = monthly(month.assumed.notices_a_day)
    yield Line("SQS", "requests, empty polls counted", work.messages, "sqs.request")
    yield Line("SNS", "notices", notices, "sns.publish")
    yield Line("SNS", "mails", notices * there.mails, "sns.email")
    yield Line("EventBridge Scheduler", "invocations", work.scheduled, "scheduler.invocation")


def _api(month: _Month) -> Iterator[Line]:
    """Give the API's requests, and what answers them."""
    if not month.settings.api.enabled:
        return
    requests = monthly(month.assumed.api_requests_a_day)
    memory = month.settings.workers.memory_mb / _GIB_OF_MB
    yield Line("API Gateway", "requests", requests, "apigateway.request")
    yield Line("Lambda", "API, invocations", requests, "lambda.request")
    yield Line("Lambda", "API, GB-seconds", requests * month.assumed.api_seconds * memory, "lambda.gb_second")
    yield Line("CloudWatch", "logs of the API", requests * month.assumed.api_log_bytes / GB, "cloudwatch.logs")


def _keys(month: _Month) -> Iterator[Line]:
    work, keys = month.work, month.there.keys
    yield Line("KMS", "keys", keys, "kms.key")
    yield Line("KMS", "rotated keys, after two years", keys * 2, "kms.key")
    s3 = work.source_gets + work.trail_events + work.scratch_puts
    requests = s3 * month.assumed.kms_share + work.jobs * month.assumed.job_writes / 10 + work.messages / 10
    yield Line("KMS", "requests", requests, "kms.request")


def _watching(month: _Month) -> Iterator[Line]:
    there, work, assumed = month.there, month.work, month.assumed
    logs = work.jobs * assumed.job_log_bytes / GB
    yield Line("CloudWatch", "metrics of alarms", there.alarm_metrics, "cloudwatch.alarm")
    yield Line("CloudWatch", "metrics of our own", there.metrics, "cloudwatch.metric")
    yield Line("CloudWatch", "dashboards", there.dashboards, "cloudwatch.dashboard")
    yield Line("CloudWatch", "logs of functions", logs, "cloudwatch.logs")
    flows = work.invocations * assumed.flow_bytes / GB if month.settings.network.isolated else 0.0
    yield Line("CloudWatch", "flow logs", flows, "cloudwatch.vended")
    kept = (logs + flows) * month.settings.workers.log_days / DAYS
    yield Line("CloudWatch", "logs kept", kept, "cloudwatch.stored")
    if month.settings.replica:
        yield Line("CloudWatch", "metrics of replication", REPLICATION_METRICS, "cloudwatch.metric")
    yield Line("Budgets", "budget", there.budgets, "budgets.budget")


def _trail(month: _Month) -> Iterator[Line]:
    work = month.work
    changed = work.pack_puts + work.record_puts + work.tags
    copies = changed + work.locks if month.settings.replica else 0.0
    yield Line("CloudTrail", "data events, repository", work.trail_events, "cloudtrail.data_event")
    yield Line("CloudTrail", "data events, replica", copies, "cloudtrail.data_event")
    logged = (work.trail_events + copies) * month.assumed.event_log_bytes / GB
    yield Line("CloudWatch", "log group of the trail", logged, "cloudwatch.logs")
    kept = logged * month.assumed.trail_log_days / DAYS
    yield Line("CloudWatch", "log group of the trail, kept", kept, "cloudwatch.stored")
    events = changed * (2 if month.settings.replica else 1) + work.scratch_puts
    yield Line("EventBridge", "events of buckets", events, "eventbridge.event")


def _network(month: _Month) -> Iterator[Line]:
    there = month.there
    if there.endpoint_zones:
        gigabytes = month.work.jobs * month.assumed.call_bytes / GB
        yield Line("VPC endpoints", "hours of each zone", there.endpoint_zones * HOURS, "vpc.endpoint_hour")
        yield Line("VPC endpoints", "data", gigabytes, "vpc.endpoint_gb")


# ------------------------------------------------------------------------------ once, and what to know


def _once(month: _Month) -> Iterator[Line]:
    """Give what the first backup of everything costs."""
    volume, assumed, settings = month.volume, month.assumed, month.settings
    name, replica = settings.tier.storage_class, settings.replica
    packs, records = month.stock.packs_base, 2 * volume.users
    memory = settings.workers.memory_mb / _GIB_OF_MB
    seconds = volume.count * assumed.speed.file + megabytes(volume.gigabytes) * assumed.speed.megabyte
    gets = max(volume.count, volume.gigabytes * GB / assumed.part_bytes)
    chunks = max(volume.count, volume.gigabytes * GB / assumed.chunk_bytes)
    yield Line(PRIMARY, "GET of files", gets, "s3.get.STANDARD")
    yield Line(PRIMARY, "PUT of packs and records", packs + records, "s3.put.STANDARD")
    if name != "STANDARD":
        yield Line(PRIMARY, f"packs moved to {name}", packs, f"s3.move.{name}")
    yield Line("Lambda", f"{memory:.2f} GB of memory", seconds * memory, "lambda.gb_second")
    yield Line("DynamoDB", "writes, dedup index", chunks / volume.dedup, "dynamodb.write")
    if replica:
        yield Line(REPLICA, "transfer to the other region", month.stock.base, "s3.transfer")
        yield Line(REPLICA, "objects copied", packs + records, f"s3.put.{replica.storage_class}")
    if settings.vault.sources:
        yield from _of_sources(first_backup(settings, volume))


def _warnings(month: _Month, usd: float) -> Iterator[str]:
    settings, volume = month.settings, month.volume
    budget = settings.budget.monthly_usd
    if usd > budget:
        yield f"{usd:,.2f} USD a month are {usd - budget:,.2f} more than budget.monthlyUsd, which is {budget:,.2f}"
    if settings.vault.sources and charged(volume) > volume.gigabytes:
        yield (
            f"AWS Backup charges an object below {LEAST_KIB} KB as one of {LEAST_KIB} KB: with vault.sources "
            f"{volume.gigabytes:,.0f} GB of files are paid for as {charged(volume):,.0f}"
        )
    if settings.region != REGION:
        yield f"prices are those of {REGION}; {settings.region} has its own, up to a third higher in most regions"
