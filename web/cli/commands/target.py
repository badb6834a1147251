"""The target of a logic: a machine or a profile. Both are named by their path in a folder."""

import argparse
from pathlib import PurePath
from typing import Final, Literal, Self

from msgspec import Struct

from pipeline.wire import is_machine_id
from web.cli.commands.client import quoted
from web.cli.commands.errors import Misused

Kind = Literal["machines", "profiles"]
KINDS: Final[tuple[Kind, ...]] = ("profiles", "machines")


class Target(Struct, frozen=True, order=True):
    """A machine or a profile: `machines/press-7`, `profiles/pumps`."""

    kind: Kind
    name: str

    @classmethod
    def of(cls, kind: Kind, name: str) -> Self:
        """Return the machine or profile with this name. The name becomes part of a path. Raises `Misused`."""
        if not is_machine_id(name):
            raise Misused(
                f"{name!r} is not a valid name of a machine or profile. Use 1 to 128 letters, digits, _ or -."
            )
        return cls(kind, name)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `press-7`, `machines/press-7`, `profiles/pumps` or a file's path. Raises `Misused`."""
        path = PurePath(text.removesuffix(".py"))
        for kind in KINDS:
            if path.parent.name == kind:
                return cls.of(kind, path.name)
        return cls.of("machines", text)

    @classmethod
    def named(cls, arguments: argparse.Namespace) -> Self | None:
        """Return the target that --machine or --profile names, if any. Raises `Misused`."""
        if arguments.machine is not None:
            return cls.of("machines", arguments.machine)
        if arguments.profile is not None:
            return cls.of("profiles", arguments.profile)
        return None

    @property
    def path(self) -> str:
        """The target's path in the API."""
        return quoted(self.kind, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"
