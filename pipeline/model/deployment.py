"""The deployment of a machine or a profile: the deployed version, the config, and the last pause."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings


class Active(Struct, frozen=True):
    """The deployed logic: the number of its version, the digest of its source, and the owner of the version.

    `profile` is the profile that owns the version, or None if the version is the machine's own.
    """

    version: int
    digest: str
    profile: str | None = None

    @property
    def words(self) -> str:
        """The name of the logic in a sentence."""
        return f"version {self.version}" + (f" of the profile {self.profile!r}" if self.profile else "")


class Pause(Struct, frozen=True, array_like=True):
    """A machine's last pause: its readings with numbers above `first`, up to `last`, became dead letters.

    `last` is None during the pause.
    """

    first: int
    last: int | None = None


class Deployment(Struct, frozen=True, array_like=True):
    """The deployment of a machine or a profile.

    `version` (0: none) and `digest` name the deployed version, and `versions` is the number of versions.
    `previous` is the version that was deployed before this one (0: none). If no version of its own is
    deployed, the machine runs the logic of `profile`. `config` is a JSON object that the logic reads as
    `config`. The deployment of a profile has no `pause` or `profile`. `settings` and `config` of a profile
    apply to the machines that follow it, under their own. `configs` is the number of the config's last
    version (0: there is none). `described` says that the machine has a card
    (`pipeline.store.abouts`).
    """

    version: int = 0
    digest: str = ""
    versions: int = 0
    pause: Pause | None = None
    previous: int = 0
    profile: str | None = None
    config: bytes = b"{}"
    settings: MachineSettings = NO_SETTINGS
    configs: int = 0
    described: bool = False

    def having(self, version: int, digest: str) -> "Deployment":
        """Return the same deployment with this version deployed (0: none)."""
        if version == self.version:
            return self
        return replace(self, version=version, digest=digest, previous=self.version or self.previous)

    @property
    def paused(self) -> bool:
        """Whether the machine is paused, so that its readings become dead letters."""
        return self.pause is not None and self.pause.last is None

    @property
    def active(self) -> Active | None:
        """The deployed version of its own; None if there is none."""
        return Active(self.version, self.digest) if self.version else None

    @classmethod
    def parse(cls, value: bytes | None) -> "Deployment":
        """Parse the value in Redis. Without a value, return an empty deployment."""
        return _decode(value) if value else _EMPTY


_EMPTY = Deployment()


_decode = msgspec.msgpack.Decoder(Deployment).decode
