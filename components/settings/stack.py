"""All settings of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from components.settings.api import Api
from components.settings.promotion import Promotion
from components.settings.regions import partition_of
from components.settings.remediation import Remediation
from components.settings.retention import Replica, Retention, Tier
from components.settings.schedules import Schedules
from components.settings.section import Section
from components.settings.sources import Access, Restore, Source
from components.settings.values import AccountId, Environment, Region, TagKey, TagValue
from components.settings.vault import Vault
from components.settings.verification import Verification
from components.settings.watching import Alarms, Budget, Notifications
from components.settings.workers import Network, Workers

PRODUCTION = "prod"


class Settings(Section):
    """What one stack is made of. Every default is the safe choice; a stack's file relaxes it, with a reason."""

    environment: Environment = Field(
        description="Stands in every name. `prod`, and what begins with `prod-`, must not be relaxed."
    )
    account_id: AccountId = Field(description="Account that the stack belongs to.")
    region: Region = Field("us-east-1", description="Region of the stack. `aws:region` must be the same.")
    replica: Annotated[Replica | None, BeforeValidator(lambda value: None if value == {} else value)] = Field(
        Replica(region="us-west-2"), description="The copy in a second region; `{}` for none."
    )
    promote: Annotated[Promotion | None, BeforeValidator(lambda value: None if value == {} else value)] = Field(
        default=None, description="Takes over the copy of a stack whose region is lost, in place of a new repository."
    )
    sources: tuple[Source, ...] = Field(
        min_length=1,
        description="Buckets and prefixes to protect.",
        examples=[[{"name": "reports", "bucket": "acme-reports", "prefix": "clients/"}]],
    )
    retention: Retention = Field(Retention(), description="How long what is kept.")
    tier: Tier = Field(Tier(), description="Storage class of packs.")
    schedules: Schedules = Field(Schedules(), description="When things happen.")
    verification: Verification = Field(Verification(), description="How much is proven.")
    vault: Vault = Field(Vault(), description="What AWS Backup keeps of the tables, and of the sources.")
    workers: Workers = Field(Workers(), description="How much works at once.")
    api: Api = Field(Api(), description="What people and their programs may ask for over HTTP.")
    network: Network = Field(Network(), description="Where functions run.")
    access: Access = Field(
        Access(), description="Who may restore from outside this account, delete, or let objects expire."
    )
    restore: Restore = Field(Restore(), description="What may be restored into.")
    notifications: Notifications = Field(Notifications(), description="Who is told.")
    alarms: Alarms = Field(Alarms(), description="When somebody is told.")
    remediation: Remediation = Field(Remediation(), description="What is mended without a person.")
    budget: Budget = Field(Budget(), description="What it may cost.")
    tags: Annotated[Mapping[TagKey, TagValue], AfterValidator(MappingProxyType), PlainSerializer(dict)] = Field(
        default_factory=lambda: MappingProxyType({}),
        max_length=30,
        description="Tags of the organisation, on every resource, beside those that the program sets.",
        examples=[{"CostCenter": "DataProtection"}],
    )
    protect: bool = Field(
        default=True, description="Pulumi destroys no data: deletion protection, `protect` and `retainOnDelete`."
    )

    @property
    def production(self) -> bool:
        """Whether this stack must not be relaxed."""
        return self.environment == PRODUCTION or self.environment.startswith(f"{PRODUCTION}-")

    @property
    def partition(self) -> str:
        """The partition of the stack's region, such as `aws`."""
        return partition_of(self.region)
