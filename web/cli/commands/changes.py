"""The differences between a folder's files and the deployed logic, for `push` and `diff`.

A part that the folder does not have is left unchanged. Parts with the same digest, or with equal JSON, are
not changes.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from sandbox.job import digest_of
from web.cli.commands.client import Answer, Api, field
from web.cli.commands.folder import Local, equal
from web.cli.commands.target import Target


class PartChange(Struct, kw_only=True):
    """The change of one part of a machine or profile.

    `etag` is the ETag that was read, None if the part does not exist yet. `before` and `after` are the
    sources, the configs or the names of the profiles. For a logic, `version` is the deployed version, and
    `examples` replace `examples_before`.
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
        """The machine or profile that changes."""
        return self.local.target


class Compared(Struct):
    """A machine or profile compared with its files: the changes, and the number of unchanged parts."""

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
    """Return each part that the files have, with its change or None if it is the same.

    They are in an order in which they can be applied: a logic may need a value of its config.
    """
    path = local.target.path
    if local.profile is not None:
        machine = api.find(path)
        profile = field(machine, "profile") if machine else None
        changed = PartChange(local=local, part="profile", etag=None, before=profile, after=local.profile)
        yield changed if profile != local.profile else None
    for part, after in (("settings", local.settings), ("config", local.config)):
        if after is not None:
            yield _object(api, local, part, after)
    if local.logic is not None:
        yield _logic(local, local.logic, api.find(f"{path}/logic"))


def _object(api: Api, local: Local, part: str, after: dict[str, Any]) -> PartChange | None:
    answer = api.find(f"{local.target.path}/{part}")
    before = answer.json if answer else {}
    if equal(before, after):
        return None
    return PartChange(
        local=local, part=part, etag=answer.etag if answer else None, before=before, after=after
    )


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
