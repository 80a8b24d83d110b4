"""Physical names and ARNs, known before anything exists: a policy can name what is made later, without a circle."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from components.settings.regions import partition_of
from components.settings.stack import Settings

PREFIX: Final = "strongroom"

BucketKind: TypeAlias = Literal["primary", "replica", "logs", "trail", "scratch"]
BUCKETS: Final[tuple[BucketKind, ...]] = ("primary", "replica", "logs", "trail", "scratch")


class Names:
    """Names of one stack: `strongroom-<environment>-<what>`, as plain text.

    What a name is given for is spelt as in Python: `restore_worker` becomes `restore-worker`.
    """

    def __init__(self, settings: Settings) -> None:
        self.environment = settings.environment
        self.account_id = settings.account_id
        self.region = settings.region
        self.partition = partition_of(settings.region)
        self.replica_region = settings.replica.region if settings.replica else None
        self._promoted = settings.promote.environment if settings.promote else None

    @property
    def stack(self) -> str:
        """The stack itself: the dimension of its metrics, and what all other names begin with."""
        return f"{PREFIX}-{self.environment}"

    def of(self, what: str) -> str:
        """Give the name of anything that has no method of its own: a rule, a schedule group, a dashboard."""
        return f"{self.stack}-{what.replace('_', '-')}"

    def bucket(self, kind: BucketKind, region: str | None = None) -> str:
        """Give a bucket's name, which holds account and region: names of buckets are unique in the world."""
        return f"{self.of(kind)}-{self.account_id}-{region or self.region}"

    def repository(self) -> str:
        """Give the name of the bucket that backups go to: the stack's own, or the replica that it has taken over."""
        if self._promoted is None:
            return self.bucket("primary")
        return f"{PREFIX}-{self._promoted}-replica-{self.account_id}-{self.region}"

    def buckets(self) -> frozenset[str]:
        """Give the names of all buckets that a stack of these settings may have."""
        regions = [self.region, *([self.replica_region] if self.replica_region else [])]
        return frozenset([self.repository(), *(self.bucket(kind, region) for kind in BUCKETS for region in regions)])

    def promoted_table(self, name: str) -> str:
        """Give the name of a table of the stack whose replica is taken over."""
        return f"{PREFIX}-{self._promoted}-{name}"

    def table(self, name: str) -> str:
        """Give a table's name, such as that of `runs`. It is the same in every region."""
        return self.of(name)

    def queue(self, name: str) -> str:
        """Give a queue's name, such as that of `jobs`."""
        return self.of(name)

    def topic(self, name: str = "notices") -> str:
        """Give a topic's name."""
        return self.of(name)

    def function(self, name: str) -> str:
        """Give a function's name, by its module in `functions/handlers`."""
        return self.of(name)

    def role_pattern(self, function: str) -> str:
        """Give what matches the ARN of a function's role, whose name ends in a few random characters."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.function(function)}-*"

    def vault(self) -> str:
        """Give the name of the vault that AWS Backup keeps the tables in. It is the same in every region."""
        return self.of("vault")

    def source_vault(self) -> str:
        """Give the name of the vault that AWS Backup keeps the sources in. It is the same in every region."""
        return self.of("source-vault")

    def restored(self) -> str:
        """Give what the names of tables and buckets begin with that AWS Backup restores into."""
        return self.of("restored-")

    def trail(self) -> str:
        """Give the trail's name."""
        return self.of("trail")

    def key_alias(self, name: str) -> str:
        """Give a key's alias."""
        return f"alias/{self.of(name)}"

    def bucket_arn(self, kind: BucketKind, region: str | None = None) -> str:
        """Give a bucket's ARN."""
        return f"arn:{self.partition}:s3:::{self.bucket(kind, region)}"

    def repository_arn(self) -> str:
        """Give the ARN of the bucket that backups go to."""
        return f"arn:{self.partition}:s3:::{self.repository()}"

    def promoted_table_arn(self, name: str) -> str:
        """Give the ARN of a table's copy in this region, of the stack whose replica is taken over."""
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account_id}:table/{self.promoted_table(name)}"

    def trail_arn(self) -> str:
        """Give the trail's ARN."""
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account_id}:trail/{self.trail()}"
