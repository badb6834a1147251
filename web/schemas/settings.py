"""Settings as users send them, within the limits of the installation."""

import msgspec
from litestar.exceptions import HTTPException

from pipeline.model.machine_settings import MachineSettings
from pipeline.model.new_settings import NewSettings
from pipeline.model.schedule import check
from sandbox.limits import Limits


def checked_settings(settings: NewSettings, limits: Limits) -> MachineSettings:
    """Return settings as they are stored.

    Raises the error to answer with if they ask for more than the installation allows, or if a schedule is
    invalid.
    """
    check(settings.scheduled)
    if settings.fuel is not None and settings.fuel > limits.fuel_max:
        raise HTTPException(
            status_code=422,
            detail=f"The fuel {settings.fuel:,} exceeds the maximum of this installation, "
            f"{limits.fuel_max:,} (IOT_LOGIC_LIMIT_FUEL_MAX).",
        )
    return msgspec.convert(settings, MachineSettings, from_attributes=True)
