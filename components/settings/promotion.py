"""The copy of another stack as the repository of this one: when that stack's region is lost."""

from __future__ import annotations

from pydantic import Field

from components.settings.section import Section
from components.settings.values import Environment, KeyArn


class Promotion(Section):
    """The replica that this stack takes over, which is in this stack's region. Nothing of it is looked up."""

    environment: Environment = Field(
        description="`environment` of the stack whose region is lost. Bucket and tables are named after it."
    )
    key_arn: KeyArn = Field(description="Key of the replica: `ReplicationKeyArn` of that stack's outputs.")
    tables: bool = Field(
        default=True,
        description="That stack's tables, all but the dedup index, are used as they are copied here. "
        "`false` makes new ones, to be filled by `strongroom recover`.",
    )
