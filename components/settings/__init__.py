"""The settings of a stack: read once, checked together, frozen. No Pulumi in here.

`load` gives them, or all problems at once; `Names` what everything is called; `advice` what is allowed but should be
known.
"""

from components.settings.advice import advice
from components.settings.load import load
from components.settings.names import BucketKind, Names
from components.settings.retention import Replica, ReplicaClass, Retention, StorageClass, Tier
from components.settings.schedules import Schedules
from components.settings.sources import Access, Restore, Source
from components.settings.stack import Settings
from components.settings.storage_prices import explain_tier
from components.settings.tags import stack_tags
from components.settings.watching import Alarms, Budget, Notifications
from components.settings.workers import Network, Workers

__all__ = [
    "Access",
    "Alarms",
    "BucketKind",
    "Budget",
    "Names",
    "Network",
    "Notifications",
    "Replica",
    "ReplicaClass",
    "Restore",
    "Retention",
    "Schedules",
    "Settings",
    "Source",
    "StorageClass",
    "Tier",
    "Workers",
    "advice",
    "explain_tier",
    "load",
    "stack_tags",
]
