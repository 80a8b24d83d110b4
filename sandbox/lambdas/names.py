"""What everything of a stack is called, and the ARNs that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

REGION = "us-east-1"
ACCOUNT = "000000000000"
"""The embedded AWS's own account."""

INDEXED_TABLES = ("runs_table", "restores_table", "backups_table")
TABLES = (*INDEXED_TABLES, "users_table", "drills_table", "dedup_table")
QUEUES = ("job_queue", "priority_queue", "restore_queue")
JOBS_DLQ, RESTORES_DLQ, CAPTURE = "dead_letter_jobs", "dead_letter_restores", "notifications"
DEAD_LETTERS = {"job_queue": JOBS_DLQ, "priority_queue": JOBS_DLQ, "restore_queue": RESTORES_DLQ}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one stack; every name begins with the stack's, so that several fit into one embedded AWS."""

    stack: str

    def of(self, thing: str) -> str:
        """Give the name of a table, queue, topic or function, or of the bucket for a purpose."""
        return f"{self.stack}-{thing}".replace("_", "-")

    def table_arn(self, table: str) -> str:
        """Give a table's ARN."""
        return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{self.of(table)}"

    def queue_arn(self, queue: str) -> str:
        """Give a queue's ARN."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.of(queue)}"

    def queue_url(self, endpoint: str, queue: str) -> str:
        """Give a queue's URL."""
        return f"{endpoint}/{ACCOUNT}/{self.of(queue)}"

    @property
    def topic_arn(self) -> str:
        """The topic of all notifications."""
        return f"arn:aws:sns:{REGION}:{ACCOUNT}:{self.of('notices')}"

    def function_arn(self, function: str) -> str:
        """Give a function's ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.of(function)}"

    def role_arn(self, function: str) -> str:
        """Give the ARN of a function's role."""
        return f"arn:aws:iam::{ACCOUNT}:role/{self.of(function)}"

    def bucket_arn(self, purpose: str) -> str:
        """Give a bucket's ARN."""
        return f"arn:aws:s3:::{self.of(purpose)}"
