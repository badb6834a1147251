"""Versions of logic as the API shows them, with their owners.

Send the `ETag` you read as `If-Match`; if someone has changed the logic meanwhile, you get 412 and nothing is
changed. The comparison and the change are one step.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from pipeline.trials.examples import EXAMPLES, Example
from sandbox.job import Problem


class Upload(Struct):
    """A logic to upload."""

    logic: Annotated[str, Meta(description="Python source with one function `process(data, state)`.")]
    examples: (
        Annotated[
            list[Example],
            Meta(
                max_length=EXAMPLES,
                description="Tests of the logic. All must pass before the logic is deployed.",
            ),
        ]
        | None
    ) = None
    comment: (
        Annotated[str, Meta(max_length=500, description="What changed in this version, and why.")] | None
    ) = None


class Owned(Struct, kw_only=True):
    """The owner: a machine or a profile."""

    machine: str | UnsetType = UNSET
    profile: str | UnsetType = UNSET


class Accepted(Owned, kw_only=True):
    """The deployed version. It applies from the next batch on."""

    version: int
    digest: str


class Uploaded(Accepted, kw_only=True):
    """The deployed version of an upload.

    `notes` are remarks for the author of the logic, for example about an ignored part.
    """

    notes: tuple[Problem, ...]


class OneVersion(Owned, kw_only=True):
    """A version: an accepted upload. `time` is when it was accepted (RFC 3339, UTC).

    `author` is the name of the token that uploaded it, empty if the upload needed no token. `in_force` says
    whether the version is deployed.
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


class DeployedLogic(WholeVersion, kw_only=True):
    """The deployed version. `previous` is the version that was deployed before it, null if there was none."""

    previous: int | None


class Versions(Struct):
    """A page of versions. `next` is the cursor of the next page (`?before=`), null on the last page."""

    versions: list[OneVersion]
    next: int | None
