"""The differences between a folder's files and the deployed logic, for `push` and `diff`.

A part that the folder does not have is left alone. What is the same by its digest, or as JSON, is no change.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from sandbox.job import digest_of
from web.cli.commands.client import Answer, Api, field
from web.cli.commands.folder import Local, equal
from web.cli.commands.target import Target


class PartChange(Struct, kw_only=True):
    """A part of a machine or profile that is to become another.

    `etag` is that of what was read, None where there is nothing. `before` and `after` are the sources, the
    configs or the names of the profiles. `version` is the one in force, of a logic; `examples` go with it,
    in the place of `examples_before`.
    """

    local: Local
    part: str
    etag: str | None
    before: Any
    after: Any
    version: int | None = None
    examples: list[Any] | None = None
    examples_before: list[Any] | None = None

    @property
    def target(self) -> Target:
        """What it is of."""
        return self.local.target


class Compared(Struct):
    """A machine or profile beside its files: what is to change, and how many parts are the same."""

    target: Target
    changes: list[PartChange]
    same: int


def compare(api: Api, locals_: Iterable[Local]) -> Iterator[Compared]:
    """Compare each of these with the deployed logic."""
    for local in locals_:
        parts = list(_parts(api, local))
        changes = [part for part in parts if part is not None]
        yield Compared(local.target, changes, len(parts) - len(changes))


def _parts(api: Api, local: Local) -> Iterator[PartChange | None]:
    """Each part that the files have: what is to change, or None where it is the same. In an order in which
    they can be made: a logic may ask for what its config has."""
    path = local.target.path
    if local.profile is not None:
        machine = api.find(path)
        profile = field(machine, "profile") if machine else None
        changed = PartChange(local=local, part="profile", etag=None, before=profile, after=local.profile)
        yield changed if profile != local.profile else None
    if local.config is not None:
        answer = api.find(f"{path}/config")
        config = answer.json if answer else {}
        changed = PartChange(
            local=local,
            part="config",
            etag=answer.etag if answer else None,
            before=config,
            after=local.config,
        )
        yield None if equal(config, local.config) else changed
    if local.logic is not None:
        yield _logic(local, local.logic, api.find(f"{path}/logic"))


def _logic(local: Local, source: str, answer: Answer | None) -> PartChange | None:
    change = PartChange(
        local=local,
        part="logic",
        etag=answer.etag if answer else None,
        before=field(answer, "logic") if answer else None,
        after=source,
        version=field(answer, "version") if answer else None,
        examples=local.examples,
        examples_before=field(answer, "examples") if answer else None,
    )
    if answer is None or field(answer, "digest") != digest_of(source):
        return change
    if change.examples is not None and not equal(change.examples, change.examples_before):
        return change
    return None
