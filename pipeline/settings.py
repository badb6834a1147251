"""The settings: one Struct, read from environment variables named `IOT_LOGIC_…`.

A variable that starts so and is no setting is refused: a misspelt setting that is silently ignored
costs a night. The limits of the sandbox are settings too, as `IOT_LOGIC_LIMIT_…`.

A setting can also be in a file: `IOT_LOGIC_REDIS_URL_FILE` names the one that holds the URL. So a secret need
not be in the environment, which whoever may look at a process or a container can read.
"""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from pipeline.errors import SettingsError
from sandbox.limits import Limits

#: What may be set as `log_level`.
Level = Literal["debug", "info", "warning", "error"]


#: What may be set as `log_format`. `auto`: for people on a terminal, else JSON.
Format = Literal["auto", "json", "text"]


#: What the name of every setting begins with in the environment.
PREFIX = "IOT_LOGIC_"
#: ... and what the name of every limit of the sandbox begins with.
LIMIT_PREFIX = "IOT_LOGIC_LIMIT_"

#: What the name of a variable ends with that says in which file a setting is.
FILE_SUFFIX = "_FILE"
#: Bytes of such a file at the most: no setting is as long.
_FILE_BYTES: Final = 65_536

#: How many readings of a machine are kept where nothing else is set.
RECENT: Final = 20


#: The address of a page, or nothing.
_PAGE: Final = r"^(https?://[!-~]+)?$"


class Settings(Struct, frozen=True, kw_only=True):
    """How this installation is set up. Each field is a setting, its description the help of it."""

    amqp_url: Annotated[str, Meta(description="RabbitMQ, as amqp://user:password@host:port/vhost.")] = (
        "amqp://guest:guest@127.0.0.1:5672/%2F"
    )
    mqtt_url: Annotated[
        str, Meta(description="RabbitMQ's MQTT listener, as mqtt://user:password@host:port; for iot-devices.")
    ] = "mqtt://guest:guest@127.0.0.1:1883"
    redis_url: Annotated[
        str,
        Meta(description="Redis, as redis://:password@host:port/database. It must append every write."),
    ] = "redis://127.0.0.1:6379/0"
    api_url: Annotated[str, Meta(description="Where commands find the API.")] = "http://127.0.0.1:8001"
    api_token: Annotated[str, Meta(description="The token that commands show the API. Empty: none.")] = ""
    api_host: Annotated[str, Meta(description="The address that the API listens on.")] = "127.0.0.1"
    api_port: Annotated[int, Meta(ge=1, le=65535, description="The port that the API listens on.")] = 8001
    api_rate: Annotated[
        float,
        Meta(
            gt=0,
            description="Requests a second that the API answers for each token, and for each address that "
            "sends none; counted by each API process.",
        ),
    ] = 500
    api_burst: Annotated[
        int, Meta(ge=1, description="Requests that may come at once before the rate holds.")
    ] = 1_000
    api_patience: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that a client of the API may take to send a request, to begin the next one, "
            "or to read on in an answer.",
        ),
    ] = 30
    api_connections: Annotated[
        int, Meta(ge=1, description="Connections that clients may have to an API process at a time.")
    ] = 2_000
    audit_max: Annotated[
        int, Meta(ge=1, description="Changes that the audit trail keeps; the oldest go first.")
    ] = 100_000
    log_level: Annotated[
        Level,
        Meta(
            description="From which level on API and workers log. With debug, each reading that becomes a "
            "dead letter has a line."
        ),
    ] = "info"
    log_format: Annotated[
        Format,
        Meta(
            description="How API and workers log: `json`, a line an event; `text`, for people; `auto`: text "
            "on a terminal, else JSON. A worker's processes never see the terminal."
        ),
    ] = "auto"
    metrics_host: Annotated[
        str,
        Meta(
            description="The address at which worker processes answer Prometheus, without asking who it is. "
            "Beyond loopback (0.0.0.0 in a container) only where the network is closed to strangers."
        ),
    ] = "127.0.0.1"
    metrics_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="The first port for that: each worker process takes the first free one from it on. "
            "0: none.",
        ),
    ] = 8101
    rabbitmq_page: Annotated[
        str,
        Meta(
            pattern=_PAGE,
            description="RabbitMQ's own page, as http://host:15672: where a browser finds it, for the "
            "System page to link to. Empty: no link.",
        ),
    ] = ""
    docs_page: Annotated[
        str,
        Meta(
            pattern=_PAGE,
            description="Where a browser finds these docs, for the web pages to link to. Empty: no links.",
        ),
    ] = ""
    partitions: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Into how many queues the machines are dealt. Chosen once: each machine's readings "
            "stay in one queue, in order, only while this does not change.",
        ),
    ] = 8
    partition_max_bytes: Annotated[
        int,
        Meta(
            ge=1_000_000,
            description="Bytes of readings that wait in one partition before the broker refuses more, "
            "which the publisher is told. Chosen once, like the partitions.",
        ),
    ] = 1024**3
    dead_letters_queue_max_bytes: Annotated[
        int,
        Meta(
            ge=1_000_000,
            description="Bytes of dead letters that wait in RabbitMQ to be kept. Beyond it no more are "
            "taken, and the partition that has one waits; nothing is dropped. Chosen once, as they are.",
        ),
    ] = 1024**3
    dead_letters_max: Annotated[
        int,
        Meta(
            ge=1,
            description="Dead letters that are kept in Redis. The rest wait in RabbitMQ until some are sent "
            "again or discarded.",
        ),
    ] = 100_000
    recent: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="How many of its last readings are kept of each machine, with their outcomes, in "
            "Redis. Twenty are some 5 KiB; a reading and its results take 8 KiB at the most.",
        ),
    ] = RECENT
    silent_after: Annotated[
        int,
        Meta(
            ge=1,
            description="Seconds without a reading after which a machine is shown as silent.",
        ),
    ] = 900
    events_rate: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Readings a second of each worker process that a stream of live events carries. What "
            "comes beyond that is left out of the stream, and counted in it.",
        ),
    ] = 100
    events_readers: Annotated[
        int,
        Meta(
            ge=1,
            description="How many streams of live events one API process serves at once; more are told to "
            "come back later. One whose reader is stuck takes some 100 KiB.",
        ),
    ] = 500
    signing_key: Annotated[
        str,
        Meta(
            description="Secret shared by API and workers, which sign and check compiled logic with it. "
            "Empty: every worker compiles the source itself."
        ),
    ] = ""
    allow_unconfined_sandbox: Annotated[
        bool,
        Meta(
            description="Run logic even where the operating system cannot confine it. Then only the policy "
            "stands between an uploaded logic and this machine: never in production."
        ),
    ] = False
    limits: Limits = Limits()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from `environ`.

        Raises `SettingsError` for an unknown `IOT_LOGIC_…` variable, for a value that does not fit, and for
        a file that cannot be read.
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
                # What is in a file may be secret.
                shown = f"what is in {environ[name]}" if in_file else repr(text)
                raise SettingsError(f"{name} cannot be {shown}: {e}.") from e
        return cls(**settings, limits=Limits(**limits))


def _read(name: str, path: Path) -> str:
    """The setting in a file, without the line's end. Raises `SettingsError`."""
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"{name} names a file that cannot be read: {e}.") from e
    if len(text) > _FILE_BYTES:
        raise SettingsError(f"{name} names {path}, which is longer than any setting.")
    return text.rstrip("\r\n")


def setting_fields() -> Iterator[FieldInfo]:
    """The fields of `Settings` that are one variable each: all but the limits."""
    return (field for field in fields(Settings) if field.name != "limits")


def variable(field: FieldInfo) -> str:
    """The environment variable of a field of `Settings`."""
    return PREFIX + field.name.upper()


def limit_variable(field: FieldInfo) -> str:
    """The environment variable of a field of `Limits`."""
    return LIMIT_PREFIX + field.name.upper()
