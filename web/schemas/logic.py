"""Versions as the API shows them, and whose they are.

Whoever changes what is in force may send the `ETag` of what he has read as `If-Match`. Where another was
faster he is refused (412) and nothing is changed; the comparison and the change are one step.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from pipeline.trials.examples import EXAMPLES, Example


class Upload(Struct):
    """A logic as it is uploaded."""

    logic: Annotated[str, Meta(description="Python source with one function `process(data, state)`.")]
    examples: (
        Annotated[
            list[Example],
            Meta(max_length=EXAMPLES, description="What it is to do: each is run before it is accepted."),
        ]
        | None
    ) = None
    comment: (
        Annotated[str, Meta(max_length=500, description="What is new in this version, and why.")] | None
    ) = None


class Owned(Struct, kw_only=True):
    """Whose it is: a machine's, or a profile's."""

    machine: str | UnsetType = UNSET
    profile: str | UnsetType = UNSET


class Accepted(Owned, kw_only=True):
    """Which version is in force, from the next batch of the machine on, or of all that follow the profile."""

    version: int
    digest: str


class OneVersion(Owned, kw_only=True):
    """A version: an accepted upload. `time` is when it was accepted (RFC 3339, UTC).

    `author` is empty where nobody had to say who he is.
    """

    version: int
    digest: str
    time: str
    author: str
    comment: str | None
    in_force: bool


class WholeVersion(OneVersion, kw_only=True):
    """A version with its source and its examples."""

    logic: str
    examples: list[Example]


class LogicInForce(WholeVersion, kw_only=True):
    """The version in force. `previous` is the one that was in force before it, null where none was."""

    previous: int | None


class Versions(Struct):
    """A page of the list. `next` is where the next page starts (`?before=`), or null on the last."""

    versions: list[OneVersion]
    next: int | None
