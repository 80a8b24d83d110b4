"""How much is proven, and how often everybody is."""

from __future__ import annotations

from pydantic import Field

from components.settings.section import Section


class Verification(Section):
    """What sample verifications and restore drills do each time they come."""

    sample_percent: float = Field(
        1.0, ge=0.01, le=100, allow_inf_nan=False, description="Percent of all packs that a sample reads and checks."
    )
    drills_a_day: int = Field(
        12, ge=1, le=10_000, description="Users that a day's drills restore at least; more when the pace needs it."
    )
    drill_coverage_days: int = Field(90, ge=2, le=3_650, description="Days within which drills reach every user.")
