"""Buckets and their settings."""

from __future__ import annotations

from sandbox.aws import Clients
from sandbox.resources.creator import Call, Creator, Made, Order

_NO_LOCATION = "us-east-1"
"""The one region that S3 does not take as a location (Amazon S3 API Reference, CreateBucket)."""


def bucket(clients: Clients, order: Order) -> Made:
    """Make a bucket and tag it."""
    order.knows("bucket", "forceDestroy", "objectLockEnabled", "tags")
    name, client = order.physical("bucket"), clients.get("s3", order.region)
    place = {} if order.region == _NO_LOCATION else {"CreateBucketConfiguration": {"LocationConstraint": order.region}}
    locked = bool(order.inputs.get("objectLockEnabled"))
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked, **place)
    if tags := order.inputs.get("tags"):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs})
    return Made(name, {"arn": f"arn:aws:s3:::{name}", "bucket": name})


def notification(clients: Clients, order: Order) -> Made:
    """Let a bucket tell EventBridge what happens in it."""
    order.knows("bucket", "eventbridge")
    name = order.inputs["bucket"]
    told: dict[str, object] = {"EventBridgeConfiguration": {}} if order.inputs.get("eventbridge") else {}
    clients.get("s3", order.region).put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=told)
    return Made(name)


CREATORS: dict[str, Creator] = {
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketNotification:BucketNotification": notification,
    "aws:s3/bucketVersioning:BucketVersioning": Call("s3.put_bucket_versioning", "{bucket}"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Call(
        "s3.put_bucket_ownership_controls", "{bucket}", places={"rule": "OwnershipControls.Rules[]"}
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Call(
        "s3.put_public_access_block", "{bucket}", inside="PublicAccessBlockConfiguration"
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Call(
        "s3.put_bucket_encryption", "{bucket}", inside="ServerSideEncryptionConfiguration"
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Call(
        "s3.put_bucket_lifecycle_configuration", "{bucket}", inside="LifecycleConfiguration"
    ),
    "aws:s3/bucketLogging:BucketLogging": Call(
        "s3.put_bucket_logging", "{bucket}", inside="BucketLoggingStatus.LoggingEnabled"
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": Call(
        "s3.put_object_lock_configuration",
        "{bucket}",
        inside="ObjectLockConfiguration",
        constants={"ObjectLockConfiguration.ObjectLockEnabled": "Enabled"},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Call("s3.put_bucket_policy", "{bucket}"),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": Call(
        "s3.put_bucket_replication", "{bucket}", inside="ReplicationConfiguration"
    ),
}
