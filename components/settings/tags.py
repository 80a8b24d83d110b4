"""Tags of every resource: those of the organisation, and those that say what is true of this stack."""

from __future__ import annotations

from typing import Final

from components.settings.names import Names
from components.settings.stack import Settings
from components.settings.storage_prices import RTO_HOURS, THAW_HOURS


def stack_tags(settings: Settings) -> dict[str, str]:
    """Give all tags. What the program knows cannot be said otherwise by the configuration."""
    return {**settings.tags, **own_tags(settings)}


def own_tags(settings: Settings) -> dict[str, str]:
    """Give the tags that follow from the settings. RPO and RTO are objectives, each with its alarm or its drill."""
    slowest = THAW_HOURS.get(settings.tier.storage_class, 0)
    return {
        "System": "Strongroom",
        "Stack": Names(settings).stack,
        "Application": "Strongroom",
        "Environment": settings.environment,
        "ManagedBy": "Pulumi",
        "BackupRetention": f"{settings.retention.days}days",
        "DisasterRecovery": "CrossRegion" if settings.replica else "SingleRegion",
        "Encryption": "CustomerManaged",
        "NetworkIsolation": "VPCEndpoints" if settings.network.isolated else "PublicInternet",
        "RPO": _rpo(settings),
        "RTO": f"{RTO_HOURS + slowest}hours",
    }


def _rpo(settings: Settings) -> str:
    """Say how old a backup may become. Where nothing comes by the clock, nobody is told of it, and nothing is promised.

    A stack that stands by must not get other tags when it is promoted: roles cannot be changed then (ADR 0017).
    """
    hours = f"{settings.alarms.rpo_hours}hours"
    if settings.promote is not None:
        return f"{hours}-once-promoted"
    return "none-paused" if settings.schedules.paused else hours


OWN_TAGS: Final = (
    "System",
    "Stack",
    "Application",
    "Environment",
    "ManagedBy",
    "BackupRetention",
    "DisasterRecovery",
    "Encryption",
    "NetworkIsolation",
    "RPO",
    "RTO",
)
"""The keys of `own_tags`: a configuration must not set them."""
