"""The tables: on demand, encrypted, recoverable to any second of 35 days, and protected from deletion.

With a second region, all but the dedup index become global tables. Their writers are in the first region only: each
region decides conditions by its own copy, and of two writers the last one wins (Amazon DynamoDB Developer Guide,
"Global tables: how it works"). Who moves to the second region stops the first (docs/runbooks/lose-a-region.md).

The dedup index stays where it is. There it could name packs that have not been replicated, and a writer who believes
it leaves out bytes that no pack of that region holds. It is rebuilt there from the packs that did arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

from components.refs import KeyRef, TableRef
from functions.contract.tables import (
    STATUS,
    STATUS_INDEX,
    TIMESTAMP,
    TTL,
    BackupsTable,
    DedupTable,
    DrillsTable,
    LedgerTable,
    UsersTable,
)
from functions.engine.errors import ConfigurationError


class Index(NamedTuple):
    """A global secondary index over all attributes."""

    name: str
    partition_key: str
    sort_key: str


@dataclass(frozen=True)
class Spec:
    """What the contract says of a table. Keys are text, but for the dedup index."""

    partition_key: str
    sort_key: str | None = None
    indexes: tuple[Index, ...] = ()
    key_type: Literal["S", "B"] = "S"
    expires: bool = True
    stream: bool = False
    replicated: bool = True

    @property
    def attributes(self) -> list[str]:
        """Give each attribute that is a key of the table or of an index, once."""
        keys = [self.partition_key, *([self.sort_key] if self.sort_key else [])]
        return list(dict.fromkeys([*keys, *(key for index in self.indexes for key in index[1:])]))


_BY_STATUS: Final = Index(STATUS_INDEX, STATUS, TIMESTAMP)
_LEDGER: Final = Spec(LedgerTable.PARTITION_KEY, LedgerTable.SORT_KEY, (_BY_STATUS,))

TABLES: Final[Mapping[str, Spec]] = {
    "dedup": Spec(DedupTable.PARTITION_KEY, key_type="B", expires=False, replicated=False),
    "backups": Spec(
        BackupsTable.PARTITION_KEY,
        BackupsTable.SORT_KEY,
        (_BY_STATUS, Index(BackupsTable.USER_INDEX, BackupsTable.USER_ID, TIMESTAMP)),
        stream=True,
    ),
    "runs": _LEDGER,
    "users": Spec(UsersTable.PARTITION_KEY, UsersTable.SORT_KEY, expires=False),
    "restores": _LEDGER,
    "drills": Spec(DrillsTable.PARTITION_KEY, DrillsTable.SORT_KEY),
}


@dataclass(frozen=True)
class TablesArgs:
    """The tables of a stack. `names` gives the physical name of each table of `TABLES`."""

    names: Mapping[str, str]
    key: KeyRef
    region: str
    replica_region: str | None = None
    replica_key: KeyRef | None = None
    protect: bool = True
    """Refuses to delete the tables, both here and at DynamoDB, and leaves them when they go out of the program."""
    adopted: Mapping[str, TableRef] = field(default_factory=dict)
    """Tables of `TABLES` that are there already and belong to another stack: they are used, not made."""

    def __post_init__(self) -> None:
        """Refuse a table without a name, and a copy that would not be encrypted with a key of its region."""
        if missing := TABLES.keys() - self.names.keys():
            raise ConfigurationError(f"tables without a name: {', '.join(sorted(missing))}")
        if (self.replica_region is None) != (self.replica_key is None):
            raise ConfigurationError("a replica region needs a KMS key of that region, and the key a region")
        if self.replica_region == self.region:
            raise ConfigurationError(f"tables cannot be replicated from {self.region} to itself")


class Tables(ComponentResource):
    """All tables of the contract."""

    refs: dict[str, TableRef]

    def __init__(self, name: str, args: TablesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Tables", name, None, opts)
        self._args = args
        tables = {
            table: self._table(f"{name}-{table}", args.names[table], spec)
            for table, spec in TABLES.items()
            if table not in args.adopted
        }
        self.refs = {**args.adopted, **{name: TableRef(table.name, table.arn) for name, table in tables.items()}}
        self.register_outputs({name: table.arn for name, table in tables.items()})

    def _table(self, name: str, physical: str, spec: Spec) -> aws.dynamodb.Table:
        args = self._args
        replicated = spec.replicated and args.replica_region is not None
        # A global table copies what its stream says.
        stream = spec.stream or replicated
        table = aws.dynamodb.Table(
            name,
            name=physical,
            billing_mode="PAY_PER_REQUEST",
            hash_key=spec.partition_key,
            range_key=spec.sort_key,
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type=spec.key_type) for key in spec.attributes],
            global_secondary_indexes=[_index(index) for index in spec.indexes],
            ttl=aws.dynamodb.TableTtlArgs(attribute_name=TTL, enabled=True) if spec.expires else None,
            stream_enabled=stream,
            stream_view_type="NEW_AND_OLD_IMAGES" if stream else None,
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True, kms_key_arn=args.key.arn),
            deletion_protection_enabled=args.protect,
            region=args.region,
            # The table sees its replica as a change of its own.
            opts=ResourceOptions(
                parent=self, protect=args.protect, retain_on_delete=args.protect, ignore_changes=["replicas"]
            ),
        )
        if replicated and args.replica_key is not None:
            self._replica(f"{name}-replica", table, args.replica_key)
        return table

    def _replica(self, name: str, table: aws.dynamodb.Table, key: KeyRef) -> None:
        args = self._args
        aws.dynamodb.TableReplica(
            name,
            global_table_arn=table.arn,
            kms_key_arn=key.arn,
            point_in_time_recovery=True,
            deletion_protection_enabled=args.protect,
            region=args.replica_region,
            opts=ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect),
        )


def _index(index: Index) -> aws.dynamodb.TableGlobalSecondaryIndexArgsDict:
    # `key_schemas` says the same, but only the newest versions of the provider know it.
    return {
        "name": index.name,
        "hash_key": index.partition_key,
        "range_key": index.sort_key,
        "projection_type": "ALL",
    }
