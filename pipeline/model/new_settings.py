"""Settings as users send them, or write them into a file: each unknown field is an error."""

from typing import Annotated

from msgspec import Meta

from pipeline.model.duplicates import DuplicateRule
from pipeline.model.late import LateRule
from pipeline.model.machine_settings import (
    DUPLICATES_MEANING,
    LATE_MEANING,
    SCHEDULES_MEANING,
    MachineSettings,
    Off,
)
from pipeline.model.schedule import SCHEDULES, Schedule


class NewDuplicateRule(DuplicateRule, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the duplicates of a machine are recognised: by the `message_id` of AMQP, or by a field.

    A duplicate has the same value as one of the last `readings`, in the last `minutes` if that is set.
    """


class NewLateRule(LateRule, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which readings of a machine are late, and what happens to them."""


class NewSchedule(Schedule, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A schedule: when to call `on_timer` of the logic. It has either `cron` or `every_seconds`."""


class NewSettings(MachineSettings, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The new settings of a machine, a profile or a source.

    What you omit is as the profile of the machine sets it, or as it is by default: JSON, without compression,
    with the fuel of the installation, and without schedules.
    """

    duplicates: Annotated[NewDuplicateRule | Off | None, DUPLICATES_MEANING] = None
    late: Annotated[NewLateRule | Off | None, LATE_MEANING] = None
    schedules: Annotated[
        Annotated[tuple[NewSchedule, ...], Meta(extra_json_schema={"maxItems": SCHEDULES})] | Off | None,
        SCHEDULES_MEANING,
    ] = None
