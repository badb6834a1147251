"""Addresses of brokers and of the API, taken apart and shown without their password."""

from collections.abc import Mapping
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from devices.errors import AddressError


class Address(Struct, frozen=True):
    """Where a sender connects to. `path` is what follows the port, without a slash at its end."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    path: str

    @classmethod
    def parse(cls, url: str, ports: Mapping[str, int]) -> Self:
        """Take a URL apart. `ports` has the schemes that are understood, each with its usual port.

        Raises `AddressError`, whose message does not repeat a password.
        """
        usage = f"it must start with {' or '.join(f'{scheme}://' for scheme in ports)} and name a host"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as e:
            raise AddressError(f"The address is invalid ({e}): {usage}.") from e
        if parts.scheme not in ports or not parts.hostname:
            raise AddressError(f"The address {_without_password(parts)!r} is invalid: {usage}.")
        return cls(
            parts.scheme,
            parts.hostname,
            ports[parts.scheme] if port is None else port,
            unquote(parts.username) if parts.username is not None else None,
            unquote(parts.password) if parts.password is not None else None,
            parts.path.rstrip("/"),
        )

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{host}:{self.port}{self.path}"


def _without_password(parts: SplitResult) -> str:
    """The URL as it was given, but for its password."""
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=user.partition(":")[0] + at + host, query="").geturl()
