"""The route that lists what a logic may use: names with descriptions, and the limits."""

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Struct

from sandbox.limits import described
from sandbox.reference import SectionKind, sections
from web.access.roles import Role, access
from web.services import Services


class AllowedName(Struct):
    """A name that a logic may use, with a short description."""

    name: str
    what: str


class AllowedNames(Struct):
    """A group of names.

    `of` is the module to import them from, the type whose methods they are, or the type to call them on. It
    is empty for names that are always available.
    """

    kind: SectionKind
    of: str
    names: list[AllowedName]


class LogicLimit(Struct):
    """A limit of a logic or a reading: its value in this installation, its unit and its reason."""

    name: str
    value: float
    unit: str
    reason: str


class Language(Struct):
    """Everything that a logic may use, and its limits. Nothing else is available to a logic."""

    sections: list[AllowedNames]
    limits: list[LogicLimit]


class LanguageController(Controller):
    """`/logic/language`."""

    @get("/logic/language", sync_to_thread=False, **access(Role.VIEWER))
    def get_language(self, services: NamedDependency[Services]) -> Language:
        """List the functions, modules and methods that a logic may use, and its limits."""
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
