"""The route of what a logic may use, for whoever writes one: names with what they are, and the limits."""

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Struct

from sandbox.limits import described
from sandbox.reference import SectionKind, sections
from web.access.roles import Role, access
from web.services import Services


class AllowedName(Struct):
    """A name that a logic may use, and what it is."""

    name: str
    what: str


class AllowedNames(Struct):
    """Names that belong together.

    `of` is the module that they are imported from, the type whose methods they are, or the type that they are
    called on; empty for those that are there by themselves.
    """

    kind: SectionKind
    of: str
    names: list[AllowedName]


class LogicLimit(Struct):
    """A limit of a logic or of a reading, as it is set here, in its unit, and why there is one."""

    name: str
    value: float
    unit: str
    reason: str


class Language(Struct):
    """All that a logic may use, and its limits. What is not here does not exist for a logic."""

    sections: list[AllowedNames]
    limits: list[LogicLimit]


class LanguageController(Controller):
    """`/logic/language`."""

    @get("/logic/language", sync_to_thread=False, **access(Role.VIEWER))
    def get_language(self, services: NamedDependency[Services]) -> Language:
        """What a logic may use: functions, modules, methods, and under which limits it runs."""
        return Language(
            [
                AllowedNames(section.kind, section.of, [AllowedName(*each) for each in section.names.items()])
                for section in sections()
            ],
            [
                LogicLimit(
                    limit.name, getattr(services.settings.limits, limit.name), limit.unit, limit.reason
                )
                for limit in described()
            ],
        )
