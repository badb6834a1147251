"""The settings of the traces: OpenTelemetry's own environment variables, `OTEL_…`.

The SDK reads them by itself, and goes on with a default where one does not fit. Here they are checked before
it does, so that a wrong one is refused at the start, like every other setting. Those that are not named here
are not checked. Where traces are off none is: they may be meant for others.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from pipeline.errors import SettingsError

#: What the name of every variable begins with.
PREFIX: Final = "OTEL_"

_URL: Final = r"^https?://[^/?#\s]+[^\s]*$"
_PAIRS: Final = r"^\s*[^=,]+=[^,]*(,[^=,]+=[^,]*)*$"

#: Whose value may be secret.
_SECRET: Final = ("exporter_otlp_headers",)


class TraceSettings(Struct, frozen=True, kw_only=True):
    """Where spans go, and how many. Each field is a variable, its description the help of it."""

    exporter_otlp_endpoint: Annotated[
        str,
        Meta(
            pattern=_URL,
            description="The collector, over HTTP: `http://collector:4318`. It turns the traces on.",
        ),
    ] = ""
    exporter_otlp_traces_endpoint: Annotated[
        str,
        Meta(pattern=_URL, description="The same with its path, `http://collector:4318/v1/traces`."),
    ] = ""
    exporter_otlp_headers: Annotated[
        str, Meta(pattern=_PAIRS, description="Headers of each export: `name=value,name=value`.")
    ] = ""
    exporter_otlp_protocol: Annotated[
        Literal["http/protobuf"], Meta(description="How it is spoken to. There is no other way here.")
    ] = "http/protobuf"
    exporter_otlp_timeout: Annotated[
        float, Meta(gt=0, description="Seconds that an export may take, with its repeats.")
    ] = 10
    exporter_otlp_compression: Annotated[
        Literal["none", "gzip", "deflate"], Meta(description="Whether what is sent is compressed.")
    ] = "none"
    traces_exporter: Annotated[Literal["otlp", "none"], Meta(description="`none` turns the traces off.")] = (
        "otlp"
    )
    sdk_disabled: Annotated[bool, Meta(description="`true` turns them off as well.")] = False
    traces_sampler: Annotated[
        Literal[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ],
        Meta(description="Which traces are kept."),
    ] = "parentbased_always_on"
    traces_sampler_arg: Annotated[
        float, Meta(ge=0, le=1, description="Which part of them, with a sampler by ratio: `0.01` is 1 %.")
    ] = 1
    bsp_max_queue_size: Annotated[
        int, Meta(ge=1, description="Spans that wait for the collector; beyond it the oldest are dropped.")
    ] = 2048
    bsp_max_export_batch_size: Annotated[int, Meta(ge=1, description="Spans that are sent at once.")] = 512
    bsp_schedule_delay: Annotated[
        int, Meta(ge=1, description="Milliseconds from one sending to the next, where few spans come.")
    ] = 5000
    service_name: Annotated[
        str, Meta(description="Who the spans are of. Empty: `iot-logic-worker`, `iot-logic-api`.")
    ] = ""
    resource_attributes: Annotated[
        str, Meta(pattern=_PAIRS, description="What is said of it besides: `name=value,name=value`.")
    ] = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self | None:
        """Read the variables from `environ`. Returns None where they do not turn the traces on.

        Raises `SettingsError` for a value that does not fit. An empty one counts as not set.
        """
        values = dict[str, Any]()
        said = {name: text.strip() for name, text in environ.items() if text.strip()}
        if not {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} & said.keys():
            return None
        for field in trace_fields():
            name = trace_variable(field)
            if name not in said:
                continue
            try:
                values[field.name] = msgspec.convert(said[name], field.type, strict=False)
            except msgspec.ValidationError as e:
                shown = "as it is" if field.name in _SECRET else repr(said[name])
                raise SettingsError(f"{name} cannot be {shown}: {e}.") from e
        settings = cls(**values)
        if settings.bsp_max_export_batch_size > settings.bsp_max_queue_size:
            raise SettingsError("OTEL_BSP_MAX_EXPORT_BATCH_SIZE cannot be above OTEL_BSP_MAX_QUEUE_SIZE.")
        return None if settings.sdk_disabled or settings.traces_exporter == "none" else settings


def trace_fields() -> Iterator[FieldInfo]:
    """The fields of `TraceSettings`."""
    return iter(fields(TraceSettings))


def trace_variable(field: FieldInfo) -> str:
    """The environment variable of a field."""
    return PREFIX + field.name.upper()
