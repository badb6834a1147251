"""The settings: one Struct, read from environment variables named `IOT_LOGIC_…`.

A variable with this prefix that is not a setting is refused: users search long for a misspelt setting that is
silently ignored. The limits of the sandbox are settings too, as `IOT_LOGIC_LIMIT_…`.

A setting can also be in a file: `IOT_LOGIC_REDIS_URL_FILE` names the file with the URL. So a secret need not
be in the environment, which everyone who may inspect the process or container can read.
"""

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from pipeline.errors import SettingsError
from sandbox.limits import Limits

#: Valid values of `log_level`.
Level = Literal["debug", "info", "warning", "error"]


#: Valid values of `log_format`. `auto` means text on a terminal, otherwise JSON.
Format = Literal["auto", "json", "text"]


#: The prefix of every setting's environment variable.
PREFIX = "IOT_LOGIC_"
#: The prefix of every sandbox limit's environment variable.
LIMIT_PREFIX = "IOT_LOGIC_LIMIT_"

#: The suffix of a variable that names the file with a setting.
FILE_SUFFIX = "_FILE"
#: Maximum bytes of such a file. No setting is as long.
_FILE_BYTES: Final = 65_536

#: The default number of a machine's last readings to keep.
RECENT: Final = 20

#: Changes of alarms to keep.
JOURNAL_MAX: Final = 50_000


#: Separates the addresses in a setting. A comma can also be part of a password.
_NEXT_ADDRESS: Final = re.compile(r"\s*[,\s]\s*(?=[a-z]+://)")

#: The settings with the addresses of servers, except that of Redis (`pipeline.store.address`).
_ADDRESSES: Final = frozenset(("amqp_url", "mqtt_url", "api_url", "smtp_url"))

#: What to do about an invalid address. The address itself may contain a password, and is not shown.
ADDRESS_HINT: Final = (
    "Percent-encode special characters in the user and the password, such as / (%2F), # (%23), ? (%3F), "
    "@ (%40) and [ (%5B). A port is a number."
)

#: The address of a page, or empty.
_PAGE: Final = r"^(https?://[!-~]+)?$"


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of this installation. Each field is a setting with its description."""

    amqp_url: Annotated[
        str,
        Meta(
            description="RabbitMQ, as amqp://user:password@host:port/vhost. Of a cluster, give the addresses "
            "of all nodes, separated by commas."
        ),
    ] = "amqp://guest:guest@127.0.0.1:5672/%2F"
    mqtt_url: Annotated[
        str,
        Meta(
            description="RabbitMQ's MQTT listener, as mqtt://user:password@host:port; for iot-devices. "
            "Several as in `amqp_url`."
        ),
    ] = "mqtt://guest:guest@127.0.0.1:1883"
    redis_url: Annotated[
        str,
        Meta(
            description="Redis, as redis://:password@host:port/database, or its Sentinels, as "
            "redis+sentinel://:password@host:26379,host:26379/service. It must append every write."
        ),
    ] = "redis://127.0.0.1:6379/0"
    redis_replicas: Annotated[
        Annotated[int, Meta(ge=0, le=5)] | None,
        Meta(
            description="Number of replicas of Redis that must have a write before a reading is acknowledged "
            "or a change is answered because of it. Unset: 1 with Sentinels, otherwise 0.",
        ),
    ] = None
    redis_replicas_sync: Annotated[
        bool,
        Meta(
            description="Wait until these replicas and the primary have the write on disk (WAITAOF, Redis "
            "7.2 or newer), not only in memory. Slower; for machines that can lose power all at once."
        ),
    ] = False
    api_url: Annotated[str, Meta(description="The address of the API, for the commands.")] = (
        "http://127.0.0.1:8001"
    )
    api_token: Annotated[
        str, Meta(description="The token that the commands send to the API. Empty: none.")
    ] = ""
    api_host: Annotated[str, Meta(description="The address that the API listens on.")] = "127.0.0.1"
    api_port: Annotated[int, Meta(ge=1, le=65535, description="The port that the API listens on.")] = 8001
    api_proxies: Annotated[
        str,
        Meta(
            description="Addresses or networks of the proxies in front of the API, separated by commas. The "
            "API takes the client's address from their header X-Forwarded-For, and from no one else's."
        ),
    ] = ""
    api_rate: Annotated[
        float,
        Meta(
            gt=0,
            description="Maximum requests a second for each token, and for each address without a token. "
            "Each API process counts separately.",
        ),
    ] = 500
    api_burst: Annotated[
        int, Meta(ge=1, description="Maximum burst of requests before the rate limit applies.")
    ] = 1_000
    api_patience: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that the API waits for a client to send a request, to start the next one, "
            "or to continue reading an answer.",
        ),
    ] = 30
    api_connections: Annotated[
        int, Meta(ge=1, description="Maximum number of open connections to an API process.")
    ] = 2_000
    api_sandbox_places: Annotated[
        int,
        Meta(
            ge=1,
            description="Maximum number of uploads that an API process checks at a time, with those that "
            "wait, and of trials. One client may have a quarter of them. Further requests get 503.",
        ),
    ] = 16
    audit_max: Annotated[
        int, Meta(ge=1, description="Maximum number of changes in the audit trail. The oldest are deleted.")
    ] = 100_000
    log_level: Annotated[
        Level,
        Meta(
            description="The log level of API and workers. With debug, each reading that becomes a dead "
            "letter is logged."
        ),
    ] = "info"
    log_format: Annotated[
        Format,
        Meta(
            description="The log format of API and workers: `json`, one object a line; `text`, for people; "
            "`auto`, text on a terminal and JSON otherwise. Worker processes are never on a terminal."
        ),
    ] = "auto"
    metrics_host: Annotated[
        str,
        Meta(
            description="The address on which worker processes serve metrics to Prometheus, without a token. "
            "Use an address other than loopback (0.0.0.0 in a container) only in a private network."
        ),
    ] = "127.0.0.1"
    metrics_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="The first port for worker metrics. Each worker process takes the first free port "
            "from it on. 0: no metrics.",
        ),
    ] = 8101
    rabbitmq_page: Annotated[
        str,
        Meta(
            pattern=_PAGE,
            description="The address of RabbitMQ's own page for browsers, as http://host:15672. The system "
            "page links to it. Empty: no link.",
        ),
    ] = ""
    docs_page: Annotated[
        str,
        Meta(
            pattern=_PAGE,
            description="The address of these docs for browsers. The web pages link to it. Empty: no links.",
        ),
    ] = ""
    public_url: Annotated[
        str,
        Meta(
            pattern=_PAGE,
            description="The address of the web pages for the people who are told of alarms, as "
            "https://host. Messages link to it. Empty: no links.",
        ),
    ] = ""
    smtp_url: Annotated[
        str,
        Meta(
            description="The server for e-mail about alarms, as smtp://user:password@host:587 (with STARTTLS "
            "if the server offers it) or smtps://user:password@host:465. Empty: no e-mail."
        ),
    ] = ""
    smtp_from: Annotated[
        str,
        Meta(
            pattern=r"^([!-~]+@[!-~]+)?$",
            description="The sender of e-mail about alarms, as name@example.com.",
        ),
    ] = ""
    partitions: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="The number of partitions, the queues that share the machines. Choose it once: the "
            "readings of a machine stay in one queue, in order, only if it never changes.",
        ),
    ] = 8
    partition_max_bytes: Annotated[
        int,
        Meta(
            ge=1_000_000,
            description="Maximum bytes of readings that wait in a partition. Beyond it, RabbitMQ refuses "
            "readings and tells the publisher. Choose it once, like `partitions`.",
        ),
    ] = 1024**3
    dead_letters_queue_max_bytes: Annotated[
        int,
        Meta(
            ge=1_000_000,
            description="Maximum bytes of dead letters that wait in RabbitMQ to be stored. Beyond it, a "
            "partition with a new dead letter waits; nothing is dropped. Choose it once, like `partitions`.",
        ),
    ] = 1024**3
    dead_letters_max: Annotated[
        int,
        Meta(
            ge=1,
            description="Maximum number of dead letters in Redis. More wait in RabbitMQ until some are sent "
            "again or discarded.",
        ),
    ] = 100_000
    alarm_journal_max: Annotated[
        int,
        Meta(
            ge=1_000,
            description="Number of changes of alarms in Redis, those that were last. 10,000 take about "
            "5 MiB.",
        ),
    ] = JOURNAL_MAX
    alarm_lag_seconds: Annotated[
        int,
        Meta(
            ge=1,
            description="Seconds for which a reading waits in its queue until the plant has the alarm `lag`.",
        ),
    ] = 60
    alarm_dead_letters: Annotated[
        int,
        Meta(
            ge=1,
            description="Number of dead letters in Redis from which on the plant has the alarm "
            "`dead-letters`.",
        ),
    ] = 1_000
    recent: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Number of recent readings of each machine in Redis, with their outcomes. Twenty "
            "take about 5 KiB; a reading and its results take at most 11 KiB.",
        ),
    ] = RECENT
    silent_after: Annotated[
        int,
        Meta(
            ge=1,
            description="Seconds without a reading after which a machine is silent, unless its settings say "
            "otherwise.",
        ),
    ] = 900
    events_rate: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Maximum readings a second from each worker process in a stream of live events. The "
            "stream omits further readings and reports their number.",
        ),
    ] = 100
    events_readers: Annotated[
        int,
        Meta(
            ge=1,
            description="Maximum number of streams of live events from an API process. Further clients get "
            "503. A stream with a stuck client takes about 100 KiB.",
        ),
    ] = 500
    signing_key: Annotated[
        str,
        Meta(
            description="A secret shared by API and workers to sign and verify compiled logic. Empty: each "
            "worker compiles the source itself."
        ),
    ] = ""
    allow_unconfined_sandbox: Annotated[
        bool,
        Meta(
            description="Run logic even if the operating system cannot confine it. Then only the policy "
            "protects this host from an uploaded logic. Never set it in production."
        ),
    ] = False
    limits: Limits = Limits()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from `environ`.

        Raises `SettingsError` for an unknown `IOT_LOGIC_…` variable, an invalid value, and a file that cannot
        be read.
        """
        settings, limits = dict[str, Any](), dict[str, Any]()
        known = {variable(field): (settings, field) for field in setting_fields()}
        known |= {limit_variable(field): (limits, field) for field in fields(Limits)}
        for name in sorted(name for name in environ if name.startswith(PREFIX)):
            setting = name if name in known else name.removesuffix(FILE_SUFFIX)
            if setting not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]}?" if near else "Unset it."
                raise SettingsError(f"{name} is not a setting of this version. {hint}")
            in_file = setting != name
            if in_file and setting in environ:
                raise SettingsError(f"{setting} and {name} are both set. Unset one of them.")
            text = _read(name, Path(environ[name])) if in_file else environ[name]
            values, field = known[setting]
            try:
                values[field.name] = msgspec.convert(text, field.type, strict=False)
            except msgspec.ValidationError as e:
                # The contents of a file may be secret.
                invalid = f"an invalid value in the file {environ[name]}"
                shown = invalid if in_file else f"the invalid value {text!r}"
                raise SettingsError(f"{name} has {shown}: {e}.") from e
            if field.name in _ADDRESSES and not all(map(is_address, addresses_of(text))):
                raise SettingsError(f"{name} is not a valid address. {ADDRESS_HINT}")
        return cls(**settings, limits=Limits(**limits))


def addresses_of(setting: str) -> list[str]:
    """Return the addresses in a setting such as `amqp_url`: one URL, or several separated by commas."""
    return _NEXT_ADDRESS.split(setting.strip())


def is_address(url: str) -> bool:
    """Return whether a URL has a valid port, and no special character in its password that ends its host."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return not parts.netloc or "@" in parts.netloc or "@" not in url  # the path of a socket may contain @


def _read(name: str, path: Path) -> str:
    """Return the setting in a file, without the line end. Raises `SettingsError`."""
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"The file that {name} names cannot be read: {e}.") from e
    if len(text) > _FILE_BYTES:
        raise SettingsError(
            f"The file {path} that {name} names is too long for a setting: the maximum is {_FILE_BYTES:,} "
            "bytes."
        )
    return text.rstrip("\r\n")


def setting_fields() -> Iterator[FieldInfo]:
    """Yield the fields of `Settings` that are one variable each: all except the limits."""
    return (field for field in fields(Settings) if field.name != "limits")


def variable(field: FieldInfo) -> str:
    """Return the environment variable of a field of `Settings`."""
    return PREFIX + field.name.upper()


def limit_variable(field: FieldInfo) -> str:
    """Return the environment variable of a field of `Limits`."""
    return LIMIT_PREFIX + field.name.upper()
