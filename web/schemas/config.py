"""Versions of configs as the API shows them, with their owners."""

import msgspec
from msgspec import Struct

from web.schemas.logic import Owned


class EffectiveConfig(Struct):
    """The config that a machine's logic reads, and the profile from which a part of it comes, if any.

    `inherited` has the keys that come from the profile. `replaced` has the keys of the profile for which the
    machine's own values apply.
    """

    machine: str
    profile: str | None
    config: msgspec.Raw
    inherited: list[str]
    replaced: list[str]


class ConfigVersionSummary(Owned, kw_only=True):
    """A version of a config. `time` is when it was saved (RFC 3339, UTC).

    `author` is the name of the token that saved it, empty if that needed no token. `in_force` says whether it
    is the current config.
    """

    version: int
    time: str
    author: str
    comment: str | None
    in_force: bool


class WholeConfigVersion(ConfigVersionSummary, kw_only=True):
    """A version with its config."""

    config: msgspec.Raw


class ConfigVersionList(Struct):
    """A page of versions. `next` is the cursor of the next page (`?before=`), null on the last page."""

    versions: list[ConfigVersionSummary]
    next: int | None
