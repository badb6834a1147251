"""Settings as users send them: with each unknown field refused, and within the limits of the installation."""

from typing import Annotated

import msgspec
from litestar.exceptions import HTTPException
from msgspec import Meta

from pipeline.model.duplicates import DuplicateRule
from pipeline.model.late import LateRule
from pipeline.model.machine_settings import MachineSettings, Off
from sandbox.limits import Limits


class NewDuplicateRule(DuplicateRule, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the duplicates of a machine are recognised: by the `message_id` of AMQP, or by a field.

    A duplicate has the same value as one of the last `readings`, in the last `minutes` if that is set.
    """


class NewLateRule(LateRule, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which readings of a machine are late, and what happens to them."""


class NewSettings(MachineSettings, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The new settings of a machine, a profile or a source.

    What you omit is as the profile of the machine sets it, or as it is by default: JSON, without compression,
    and with the fuel of the installation.
    """

    duplicates: Annotated[
        NewDuplicateRule | Off | None,
        Meta(
            description="How readings are recognised that the device sends again; they are counted and not "
            "run. Without it, or if it is off, each message is a reading of its own. off also turns off the "
            "rule of the profile."
        ),
    ] = None
    late: Annotated[
        NewLateRule | Off | None,
        Meta(
            description="Which readings are late, by their own time, and what happens to them. Only for "
            "readings in JSON. Without it, or if it is off, readings are run as they arrive."
        ),
    ] = None


def checked_settings(settings: NewSettings, limits: Limits) -> MachineSettings:
    """Return settings as they are stored.

    Raises the error to answer with if they ask for more than the installation allows.
    """
    if settings.fuel is not None and settings.fuel > limits.fuel_max:
        raise HTTPException(
            status_code=422,
            detail=f"The fuel {settings.fuel:,} exceeds the maximum of this installation, "
            f"{limits.fuel_max:,} (IOT_LOGIC_LIMIT_FUEL_MAX).",
        )
    return msgspec.convert(settings, MachineSettings, from_attributes=True)
