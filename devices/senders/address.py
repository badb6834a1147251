"""Addresses of brokers and of the API, which are parsed, and shown without their password."""

import random
from collections.abc import Mapping
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from devices.errors import AddressError
from pipeline.settings import ADDRESS_HINT, addresses_of, is_address


class Address(Struct, frozen=True):
    """The address that a sender connects to. `path` follows the port and has no slash at its end."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    path: str

    @classmethod
    def parse(cls, url: str, ports: Mapping[str, int]) -> Self:
        """Parse a URL. `ports` maps each supported scheme to its default port.

        Raises `AddressError`, whose message does not contain the password.
        """
        usage = f"it must start with {' or '.join(f'{scheme}://' for scheme in ports)} and name a host"
        if not is_address(url):
            raise AddressError(f"The address is invalid. {ADDRESS_HINT}")
        parts = urlsplit(url)
        port = parts.port
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

    @classmethod
    def parse_all(cls, urls: str, ports: Mapping[str, int]) -> "list[tuple[Self, str]]":
        """Parse one URL, or several separated by commas. Return each address with its URL, in random order.

        Raises `AddressError`.
        """
        found = [(cls.parse(url, ports), url) for url in addresses_of(urls)]
        random.shuffle(found)
        return found

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{host}:{self.port}{self.path}"


def _without_password(parts: SplitResult) -> str:
    """Return the URL as given, without its password and its query."""
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=user.partition(":")[0] + at + host, query="").geturl()
