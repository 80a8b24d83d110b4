"""What a stack says of itself to people and to the operator's tool."""

from __future__ import annotations

from typing import Any

import pulumi

from components.api import Api
from components.refs import TopicRef
from components.service import Service
from components.settings import Names, Settings
from components.settings.names import PREFIX
from components.storage import Storage
from components.watch import Watch


def capabilities(settings: Settings) -> dict[str, Any]:
    """Say what this stack is made to do, and only that. What it does is for the alarms to say."""
    schedules, retention = settings.schedules, settings.retention
    return {
        "backup": "incremental, full and manual; deduplicated and compressed",
        "schedules": {
            "incremental": schedules.incremental,
            "full": schedules.full,
            "timezone": schedules.timezone,
            "paused": schedules.paused,
        },
        "sources": [source.name for source in settings.sources],
        "retentionDays": retention.days,
        "retentionCounts": {
            "daily": retention.daily,
            "weekly": retention.weekly,
            "monthly": retention.monthly,
            "yearly": retention.yearly,
        },
        "undeleteDays": retention.undelete_days,
        "objectLock": f"{retention.lock_mode}, {retention.lock_days} days",
        "storageClass": settings.tier.storage_class,
        "replication": settings.replica.region if settings.replica else None,
        "encryption": "SSE-KMS with keys of the customer; access logs with the key of S3",
        "network": "VPC endpoints" if settings.network.isolated else "public endpoints",
        "backupWorkers": settings.workers.concurrency + settings.workers.priority_concurrency,
        "restoreWorkers": settings.workers.restore_concurrency,
        "alarmAfterHoursWithoutBackup": None if schedules.paused else settings.alarms.rpo_hours,
        "alarmAfterMinutesOfARun": None if schedules.paused else settings.alarms.run_window_minutes,
        "auditDays": retention.audit_days,
        "trustedAccounts": len(settings.access.trusted_accounts),
    }


def drift_detection(stack: str) -> str:
    """Give the command that says whether anything differs from what was deployed, or from what the program says.

    The workflow `drift` asks the same two questions each night.
    """
    return (
        f"pulumi refresh --stack {stack} --preview-only --expect-no-changes --diff && "
        f"pulumi preview --stack {stack} --refresh --expect-no-changes --diff --policy-pack policies"
    )


def exports(
    settings: Settings,
    names: Names,
    storage: Storage,
    service: Service,
    watch: Watch,
    topic: TopicRef,
    api: Api | None = None,
) -> dict[str, Any]:
    """Give the outputs of a stack by name. What the stack does not have is None."""
    copy = storage.copy
    return {
        "Stack": names.stack,
        "Environment": settings.environment,
        "AccountId": settings.account_id,
        "Region": settings.region,
        "BackupBucketName": storage.repository.name,
        "ReplicationBucketName": copy.bucket.name if copy else None,
        "ReplicationRegion": copy.region if copy else None,
        "PromotedFrom": f"{PREFIX}-{settings.promote.environment}" if settings.promote else None,
        "ScratchBucketName": storage.scratch.name,
        "AccessLogsBucketName": storage.logs.name,
        "AuditBucketName": storage.trail_files.name,
        "EncryptionKeyId": storage.key_id,
        "EncryptionKeyArn": storage.key.arn,
        "RepositoryKeyArn": storage.repository_key.arn,
        "ReplicationKeyArn": copy.key.arn if copy else None,
        "RestoreRoleArn": storage.restore_role_arn,
        "BackfillRoleArn": storage.backfill_role_arn,
        "Tables": {name: table.name for name, table in storage.tables.items()},
        "MetadataTableName": storage.tables["backups"].name,
        "DeduplicationTableName": storage.tables["dedup"].name,
        "BackupQueueUrl": service.queues["jobs"].url,
        "Queues": {name: queue.url for name, queue in service.queues.items()},
        "DeadLetterQueues": {name: queue.url for name, queue in service.dead_letters.items()},
        "Functions": {name: function.arn for name, function in service.functions.items()},
        "BackupVaultName": names.vault() if settings.vault.enabled else None,
        "SourceVaultName": names.source_vault() if settings.vault.sources else None,
        "ApiUrl": api.url if api else None,
        "ApiOperatorsPolicyArn": api.operators_policy_arn if api else None,
        "ApiCallersPolicyArns": api.callers_policy_arns if api else None,
        "ScheduleGroup": service.schedule_group,
        "DashboardURL": watch.dashboards["operations"],
        "DashboardURLs": watch.dashboards,
        "NotificationTopicArn": topic.arn,
        "DriftDetectionCommand": drift_detection(pulumi.get_stack()),
    }
