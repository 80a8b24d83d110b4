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

    def buckets(self) -> frozenset[str]:
        """Give the names of all buckets that a stack of these settings may have."""
        regions = [self.region, *([self.replica_region] if self.replica_region else [])]
        return frozenset(self.bucket(kind, region) for kind in BUCKETS for region in regions)

    def table(self, name: str) -> str:
        """Give a table's name, such as that of `runs`. It is the same in every region."""
        return self.of(name)

    def queue(self, name: str) -> str:
        """Give a queue's name, such as that of `jobs`."""
        return self.of(name)

    def dead_letters(self, queue: str) -> str:
        """Give the name of a queue's dead-letter queue."""
        return f"{self.queue(queue)}-dead"

    def topic(self, name: str = "notices") -> str:
        """Give a topic's name."""
        return self.of(name)

    def function(self, name: str) -> str:
        """Give a function's name, by its module in `functions/handlers`."""
        return self.of(name)

    def log_group(self, function: str) -> str:
        """Give the log group of a function: the one that Lambda writes to by itself."""
        return f"/aws/lambda/{self.function(function)}"

    def alarm(self, name: str, source: str | None = None) -> str:
        """Give an alarm's name. Alarms of one source end with its name."""
        return self.of(name) + (f"-{source}" if source else "")

    def trail(self) -> str:
        """Give the trail's name."""
        return self.of("trail")

    def key_alias(self, name: str) -> str:
        """Give a key's alias."""
        return f"alias/{self.of(name)}"

    def bucket_arn(self, kind: BucketKind, region: str | None = None) -> str:
        """Give a bucket's ARN."""
        return bucket_arn(self.partition, self.bucket(kind, region))

    def table_arn(self, name: str, region: str | None = None) -> str:
        """Give a table's ARN."""
        return self._arn("dynamodb", f"table/{self.table(name)}", region)

    def queue_arn(self, name: str) -> str:
        """Give a queue's ARN."""
        return self._arn("sqs", self.queue(name))

    def dead_letters_arn(self, queue: str) -> str:
        """Give the ARN of a queue's dead-letter queue."""
        return self._arn("sqs", self.dead_letters(queue))

    def topic_arn(self, name: str = "notices") -> str:
        """Give a topic's ARN."""
        return self._arn("sns", self.topic(name))

    def function_arn(self, name: str, alias: str | None = None) -> str:
        """Give a function's ARN, or that of one of its aliases."""
        return self._arn("lambda", f"function:{self.function(name)}" + (f":{alias}" if alias else ""))

    def log_group_arn(self, function: str) -> str:
        """Give the ARN of a function's log group. Its streams are this with `:*` added."""
        return self._arn("logs", f"log-group:{self.log_group(function)}")

    def alarm_arn(self, name: str, source: str | None = None) -> str:
        """Give an alarm's ARN."""
        return self._arn("cloudwatch", f"alarm:{self.alarm(name, source)}")

    def trail_arn(self) -> str:
        """Give the trail's ARN."""
        return self._arn("cloudtrail", f"trail/{self.trail()}")

    def role_arn(self, name: str) -> str:
        """Give the ARN of a role that has a name, such as the restore role."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.of(name)}"

    def root_arn(self, account_id: str | None = None) -> str:
        """Give the principal that stands for an account: this one, or a trusted one."""
        return f"arn:{self.partition}:iam::{account_id or self.account_id}:root"

    def _arn(self, service: str, what: str, region: str | None = None) -> str:
        return f"arn:{self.partition}:{service}:{region or self.region}:{self.account_id}:{what}"


def bucket_arn(partition: str, bucket: str) -> str:
    """Give the ARN of any bucket, such as one that is protected."""
    return f"arn:{partition}:s3:::{bucket}"
