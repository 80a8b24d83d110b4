"""When things happen."""

from __future__ import annotations

from pydantic import Field

from components.settings.section import Section
from components.settings.values import Schedule, Timezone


class Schedules(Section):
    """Expressions of EventBridge Scheduler."""

    incremental: Schedule = Field(
        "cron(0 2 ? * MON-SAT *)", description="Backs up what changed. Leaves out the day of the full run."
    )
    full: Schedule = Field(
        "cron(0 2 ? * SUN *)", description="Reads every byte again. A run that finds another at work is skipped."
    )
    watchdog: Schedule = Field("cron(10 6 * * ? *)", description="Looks for runs that did not happen or did not end.")
    sample: Schedule = Field("cron(30 6 * * ? *)", description="Reads a sample of packs.")
    structure: Schedule = Field("cron(0 7 ? * SAT *)", description="Checks the structure of every newest backup.")
    drill: Schedule = Field("cron(0 8 * * ? *)", description="Restores users to a scratch prefix and compares.")
    restore_poll: Schedule = Field("rate(15 minutes)", description="Wakes restores that wait for archived packs.")
    collect: Schedule = Field(
        "cron(0 10 ? * SUN-FRI *)", description="Lets go of what no kept backup needs, and extends locks."
    )
    measure: Schedule = Field(
        "cron(0 10 ? * SAT *)",
        description="The same, and finds packs that are hardly needed: the next full run stores anew what is.",
    )
    remediate: Schedule = Field(
        "rate(15 minutes)", description="Looks for what may be mended without a person: see remediation."
    )
    paused: bool = Field(
        default=False,
        description="Made, but switched off: nothing comes by the clock, and alarms tell nobody,"
        " until this is `false` again.",
    )
    timezone: Timezone = Field("UTC", description="Time zone of the cron expressions. Only UTC has no clock changes.")
