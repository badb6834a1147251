"""The address of Redis: one server, or Sentinels that know which server is the primary."""

from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from pipeline.errors import SettingsError
from pipeline.settings import ADDRESS_HINT, is_address

#: The schemes of an address of Sentinels, without and with TLS to Sentinels and servers.
_SENTINEL_SCHEMES: Final = {"redis+sentinel": False, "rediss+sentinel": True}

#: The options in a query that are those of the library, without and with TLS.
_TLS_OPTIONS: Final = {False: frozenset[str](), True: frozenset({"ssl_ca_certs"})}

#: The schemes of an address of one server.
_PLAIN_SCHEMES: Final = frozenset({"redis", "rediss", "unix"})

_SENTINEL_PORT: Final = 26379

_USAGE: Final = (
    "IOT_LOGIC_REDIS_URL must be redis://user:password@host:port/database, or "
    "redis+sentinel://user:password@sentinel1:26379,sentinel2:26379/service/database"
    f"?sentinel_username=…&sentinel_password=… (rediss: with TLS). {ADDRESS_HINT}"
)


class RedisAddress(Struct, frozen=True):
    """A parsed address. If `service` is empty, it is the one server of `url`.

    `options` are arguments for connections to the servers, `login` those for connections to the Sentinels.
    """

    url: str
    service: str = ""
    sentinels: list[tuple[str, int]] = []
    options: dict[str, Any] = {}
    login: dict[str, Any] = {}

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse a URL. Raises `SettingsError`, whose message does not contain a password."""
        try:
            scheme, _, rest = url.partition("://")
            if scheme.lower() in _PLAIN_SCHEMES:
                if not is_address(url):
                    raise ValueError("a special character ends the host")
                return cls(url)
            tls = _SENTINEL_SCHEMES[scheme.lower()]
            # `urlsplit` refuses several addresses of IPv6, in some versions of Python.
            location, _, rest = rest.partition("/")
            parts = urlsplit(f"//host/{rest}")
            user, _, hosts = location.rpartition("@")
            name, _, password = user.partition(":")
            sentinels = [_host_and_port(each) for each in hosts.split(",")]
            service, _, database = parts.path.strip("/").partition("/")
            queries = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
            login = {
                "username": queries.pop("sentinel_username", None),
                "password": queries.pop("sentinel_password", None),
                "ssl": tls,
                **({"ssl_ca_certs": queries["ssl_ca_certs"]} if "ssl_ca_certs" in queries else {}),
            }
            options = {
                "username": unquote(name) or None,
                "password": unquote(password) or None,
                "db": int(database or 0),
                "ssl": tls,
                **queries,
            }
        except (KeyError, ValueError):
            # The cause may contain a part of the password.
            raise SettingsError(f"The address of Redis is invalid. {_USAGE}") from None
        if not service or not all(host for host, _ in sentinels) or queries.keys() - _TLS_OPTIONS[tls]:
            raise SettingsError(f"The address of Redis is invalid. {_USAGE}")
        return cls(url, unquote(service), sentinels, options, login)

    @property
    def replicas(self) -> int:
        """The number of replicas that must have a write, if no setting says it."""
        return 1 if self.service else 0

    def sentinel_options(self, timeout: float) -> dict[str, Any]:
        """Return the arguments for connections to the Sentinels."""
        return {**self.login, "socket_timeout": timeout, "socket_connect_timeout": timeout}


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text.strip()}")
    return parts.hostname or "", parts.port or _SENTINEL_PORT
