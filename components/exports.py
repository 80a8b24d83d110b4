"""What a stack says of itself to people and to the operator's tool."""

from __future__ import annotations

from typing import Any

from components.service import Service
from components.settings import Settings
from components.storage import Storage
from components.watch import Watch


def capabilities(settings: Settings) -> dict[str, Any]:
    """Say what this stack does, and only that."""
    return {
        "backup": "incremental every night, full every week, deduplicated, compressed",
        "retentionDays": settings.retention.days,
        "objectLock": f"{settings.retention.lock_mode}, {settings.retention.lock_days} days",
        "replication": settings.replica.region if settings.replica else None,
        "encryption": "SSE-KMS with keys of the customer",
        "network": "VPC endpoints" if settings.network.isolated else "public endpoints",
        "concurrentUsers": settings.workers.concurrency + settings.workers.priority_concurrency,
        "rpoHours": settings.alarms.rpo_hours,
        "runWindowMinutes": settings.alarms.run_window_minutes,
        "auditDays": settings.retention.audit_days,
        "trustedAccounts": len(settings.access.trusted_accounts),
    }


def exports(storage: Storage, service: Service, watch: Watch, topic_arn: Any) -> dict[str, Any]:  # noqa: ANN401 - Input
    """Give the outputs of a stack by name."""
    return {
        "BackupBucketName": storage.repository.name,
        "ReplicationBucketName": storage.copy.bucket.name if storage.copy else None,
        "ScratchBucketName": storage.scratch.name,
        "EncryptionKeyArn": storage.key.arn,
        "Tables": {name: table.name for name, table in storage.tables.items()},
        "MetadataTableName": storage.tables["backups"].name,
        "DeduplicationTableName": storage.tables["dedup"].name,
        "BackupQueueUrl": service.queues["jobs"].url,
        "Queues": {name: queue.url for name, queue in service.queues.items()},
        "DeadLetterQueues": {name: queue.url for name, queue in service.dead_letters.items()},
        "Functions": {name: function.arn for name, function in service.functions.items()},
        "DashboardURL": watch.dashboards["operations"],
        "DashboardURLs": watch.dashboards,
        "NotificationTopicArn": topic_arn,
    }
