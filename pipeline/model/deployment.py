"""What a machine, or a profile, is deployed to run: the version in force, the config, and the last pause."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace


class Active(Struct, frozen=True):
    """Which logic is in force: the number of its version, the digest of its source, and whose version it is:
    that of a profile, or the machine's own."""

    version: int
    digest: str
    profile: str | None = None

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return f"version {self.version}" + (f" of the profile {self.profile!r}" if self.profile else "")


class Pause(Struct, frozen=True, array_like=True):
    """A machine's last pause: its readings with numbers above `first`, up to `last`, became dead letters.

    `last` is None while it lasts.
    """

    first: int
    last: int | None = None


class Deployment(Struct, frozen=True, array_like=True):
    """What a machine is set up to run.

    `version` (0: none) and `digest` say which of its versions is in force, `versions` how many there are.
    `previous` is the version that was in force before this one (0: none).
    `profile` is whose logic it runs where it has none of its own in force. `config`, a JSON object, is what
    its logic reads as `config`. A profile's own setup has none of the last three.
    """

    version: int = 0
    digest: str = ""
    versions: int = 0
    pause: Pause | None = None
    previous: int = 0
    profile: str | None = None
    config: bytes = b"{}"

    def having(self, version: int, digest: str) -> "Deployment":
        """The same with this version in force (0: none)."""
        if version == self.version:
            return self
        return replace(self, version=version, digest=digest, previous=self.version or self.previous)

    @property
    def paused(self) -> bool:
        """Whether the machine's readings become dead letters at the moment."""
        return self.pause is not None and self.pause.last is None

    @property
    def active(self) -> Active | None:
        """Its own logic in force."""
        return Active(self.version, self.digest) if self.version else None

    @classmethod
    def parse(cls, value: bytes | None) -> "Deployment":
        """The setup as it is kept; of what has none, the empty one."""
        return _decode(value) if value else _EMPTY


_EMPTY = Deployment()


_decode = msgspec.msgpack.Decoder(Deployment).decode
