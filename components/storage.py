"""What holds data: keys, buckets and tables in one or two regions, and who may read them from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions

from components.access import Access, AccessArgs, bucket_statements
from components.adoption import COLLECTOR, adopt, successors
from components.audit import Audit, AuditArgs
from components.backfill import Backfill, BackfillArgs
from components.bucket import Bucket, BucketArgs
from components.bucket_policy import Lock
from components.key_policy import cloudtrail, log_groups, publisher, trusted_accounts
from components.kms import Key, KeyArgs
from components.lifecycle import ByAge, ByTag
from components.refs import BucketRef, KeyRef, TableRef
from components.replication import Replication, ReplicationArgs
from components.settings import BucketKind, Names, Replica, Settings
from components.tables import TABLES, Tables, TablesArgs
from components.topic import PUBLISHERS, TRAILS

_WINDOW_DAYS, _SHORT_WINDOW_DAYS = 30, 7
"""Days in which the deletion of a key can be taken back: in a stack that protects its data, and in any other."""
_SCRATCH_DAYS = 2


@dataclass(frozen=True)
class StorageArgs:
    """The settings, and what everything is called."""

    settings: Settings
    names: Names


@dataclass(frozen=True)
class Copy:
    """The second region."""

    region: str
    key: KeyRef
    bucket: BucketRef
    rule: str


class Storage(ComponentResource):
    """Keys, repository, replica, logs, scratch, trail, tables."""

    key: KeyRef
    key_id: Output[str]
    repository: BucketRef
    repository_key: KeyRef
    scratch: BucketRef
    logs: BucketRef
    trail_files: BucketRef
    tables: dict[str, TableRef]
    copy: Copy | None
    restore_role_arn: Output[str] | None
    restore_role: Output[str] | None
    """Its name."""
    backfill_role_arn: Output[str] | None

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Storage", name, None, opts)
        self._settings, self._names, self._own = args.settings, args.names, ResourceOptions(parent=self)
        settings = args.settings
        primary = self._key("primary", settings.region)
        self.key, self.key_id = primary.ref, primary.key_id
        adopted = adopt(settings, args.names)
        logged: tuple[BucketKind, ...] = ("scratch", "trail") if adopted else ("primary", "scratch", "trail")
        self.logs = self._log_bucket(settings.region, logged)
        self.repository = adopted.repository if adopted else self._repository()
        self.repository_key = adopted.key if adopted else self.key
        self.scratch = self._scratch()
        self.copy = self._copy(settings.replica) if settings.replica else None
        self.trail_files = self._audit()
        self.tables = self._tables(adopted.tables if adopted else {})
        access = self._access() if settings.access.trusted_accounts else None
        self.restore_role_arn = access.role_arn if access else None
        self.restore_role = access.role_name if access else None
        self.backfill_role_arn = self._backfill(settings.replica) if settings.replica else None
        self.register_outputs({"repository": self.repository.name})

    def _key(self, kind: str, region: str) -> Key:
        settings, names = self._settings, self._names
        account, partition = settings.account_id, settings.partition
        statements = [publisher(service, account) for service in PUBLISHERS]
        statements.append(log_groups(region, account, "/aws/", partition))
        if kind == "primary":
            statements += [*cloudtrail(account, names.trail_arn(), partition), publisher(TRAILS, account)]
            trusted = settings.access.trusted_accounts
            if trusted:
                statements += trusted_accounts(trusted, region, names.repository_arn(), partition)
        return Key(
            kind,
            KeyArgs(
                alias=names.key_alias(kind),
                description=f"Strongroom {settings.environment}: {kind}",
                account_id=account,
                region=region,
                statements=statements,
                deletion_window_days=_WINDOW_DAYS if settings.protect else _SHORT_WINDOW_DAYS,
                protect=settings.protect,
                partition=partition,
            ),
            self._own,
        )

    def _repository(self) -> BucketRef:
        settings, names = self._settings, self._names
        trusted, arn = settings.access.trusted_accounts, names.repository_arn()
        sources = [source.name for source in settings.sources]
        return self._bucket(
            BucketArgs(
                name=names.bucket("primary"),
                kind="repository",
                region=settings.region,
                account_id=settings.account_id,
                lifecycle=ByTag(settings.retention.undelete_days, settings.tier.storage_class),
                key=self.key,
                lock=self._lock(),
                log_target=self.logs,
                protect=settings.protect,
                break_glass=settings.access.break_glass_roles,
                expirers=[names.role_pattern(COLLECTOR), *settings.access.expirer_roles],
                statements=bucket_statements(trusted, arn, sources, settings.partition) if trusted else (),
            )
        )

    def _scratch(self) -> BucketRef:
        settings = self._settings
        return self._bucket(
            BucketArgs(
                name=self._names.bucket("scratch"),
                kind="scratch",
                region=settings.region,
                account_id=settings.account_id,
                lifecycle=ByAge(_SCRATCH_DAYS),
                key=self.key,
                log_target=self.logs,
                protect=False,
                break_glass=settings.access.break_glass_roles,
            )
        )

    def _log_bucket(self, region: str, sources: Sequence[BucketKind]) -> BucketRef:
        settings, names = self._settings, self._names
        return self._bucket(
            BucketArgs(
                name=names.bucket("logs", region),
                kind="logs",
                region=region,
                account_id=settings.account_id,
                lifecycle=ByAge(settings.retention.audit_days),
                log_sources=[names.bucket_arn(kind, region) for kind in sources],
                protect=settings.protect,
                break_glass=settings.access.break_glass_roles,
            )
        )

    def _copy(self, replica: Replica) -> Copy:
        settings, names = self._settings, self._names
        key = self._key("replica", replica.region).ref
        logs = self._log_bucket(replica.region, ("replica",))
        bucket = self._bucket(
            BucketArgs(
                name=names.bucket("replica", replica.region),
                kind="replica",
                region=replica.region,
                account_id=settings.account_id,
                lifecycle=ByTag(settings.retention.undelete_days),
                key=key,
                lock=self._lock(),
                log_target=logs,
                protect=settings.protect,
                break_glass=settings.access.break_glass_roles,
                expirers=[*settings.access.expirer_roles, *successors(settings)],
            )
        )
        replication = Replication(
            "replication",
            ReplicationArgs(
                source=self.repository,
                source_key=self.repository_key,
                source_region=settings.region,
                replica=bucket,
                replica_key=key,
                replica_region=replica.region,
                account_id=settings.account_id,
                time_control=replica.time_control,
                storage_class=replica.storage_class,
            ),
            self._own,
        )
        return Copy(replica.region, key, bucket, replication.rule)

    def _audit(self) -> BucketRef:
        settings, names = self._settings, self._names
        audit = Audit(
            "audit",
            AuditArgs(
                trail_name=names.trail(),
                trail_arn=names.trail_arn(),
                bucket_name=names.bucket("trail"),
                bucket_arn=names.bucket_arn("trail"),
                buckets=[self.repository, *([self.copy.bucket] if self.copy else [])],
                key=self.key,
                topic_name=names.topic("trail"),
                region=settings.region,
                account_id=settings.account_id,
                retention_days=settings.retention.audit_days,
                lock=Lock(settings.retention.lock_mode, settings.retention.audit_lock_days, extension_days=0),
                log_target=self.logs,
                protect=settings.protect,
                break_glass=settings.access.break_glass_roles,
            ),
            self._own,
        )
        return audit.ref

    def _backfill(self, replica: Replica) -> Output[str] | None:
        if not replica.backfill:
            return None
        return Backfill("backfill", BackfillArgs(self.repository, self.logs), self._own).role_arn

    def _tables(self, adopted: Mapping[str, TableRef]) -> dict[str, TableRef]:
        settings, copy = self._settings, self.copy
        args = TablesArgs(
            names={table: self._names.table(table) for table in TABLES},
            key=self.key,
            region=settings.region,
            replica_region=copy.region if copy else None,
            replica_key=copy.key if copy else None,
            protect=settings.protect,
            adopted=adopted,
        )
        return Tables("tables", args, self._own).refs

    def _access(self) -> Access:
        settings = self._settings
        return Access(
            "access",
            AccessArgs(
                role_name=self._names.of("restore"),
                trusted_accounts=settings.access.trusted_accounts,
                repository=self.repository,
                key=self.repository_key,
                region=settings.region,
                sources=[source.name for source in settings.sources],
                partition=settings.partition,
            ),
            self._own,
        )

    def _lock(self) -> Lock:
        return Lock(self._settings.retention.lock_mode, self._settings.retention.lock_days)

    def _bucket(self, args: BucketArgs) -> BucketRef:
        return Bucket(f"{args.kind}-{args.region}", args, self._own).ref
