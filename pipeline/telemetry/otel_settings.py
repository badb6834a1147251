"""The settings of tracing: OpenTelemetry's own environment variables, `OTEL_…`.

The SDK reads them itself, and replaces an invalid value by a default. They are checked here before, so that
an invalid value is refused at the start, like every other setting. Variables that are not named here are not
checked. If tracing is off, none is checked: they may be meant for other programs.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from pipeline.errors import SettingsError

#: The prefix of every variable.
PREFIX: Final = "OTEL_"

_URL: Final = r"^https?://[^/?#\s]+[^\s]*$"
_PAIRS: Final = r"^\s*[^=,]+=[^,]*(,[^=,]+=[^,]*)*$"

#: Variables whose value may be secret.
_SECRET: Final = ("exporter_otlp_headers",)


class TraceSettings(Struct, frozen=True, kw_only=True):
    """The endpoint and the sampling of spans. Each field is a variable, described by its help text."""

    exporter_otlp_endpoint: Annotated[
        str,
        Meta(
            pattern=_URL,
            description="The collector's address, such as `http://collector:4318`. Setting it turns "
            "tracing on.",
        ),
    ] = ""
    exporter_otlp_traces_endpoint: Annotated[
        str,
        Meta(
            pattern=_URL,
            description="The collector's full address, such as `http://collector:4318/v1/traces`.",
        ),
    ] = ""
    exporter_otlp_headers: Annotated[
        str, Meta(pattern=_PAIRS, description="Headers of each export, as `name=value,name=value`.")
    ] = ""
    exporter_otlp_protocol: Annotated[
        Literal["http/protobuf"], Meta(description="The protocol. Only `http/protobuf` is supported.")
    ] = "http/protobuf"
    exporter_otlp_timeout: Annotated[
        float, Meta(gt=0, description="Maximum seconds of an export, including retries.")
    ] = 10
    exporter_otlp_compression: Annotated[
        Literal["none", "gzip", "deflate"], Meta(description="The compression of exports.")
    ] = "none"
    traces_exporter: Annotated[Literal["otlp", "none"], Meta(description="`none` turns tracing off.")] = (
        "otlp"
    )
    sdk_disabled: Annotated[bool, Meta(description="`true` turns tracing off.")] = False
    traces_sampler: Annotated[
        Literal[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ],
        Meta(description="The sampler."),
    ] = "parentbased_always_on"
    traces_sampler_arg: Annotated[
        float, Meta(ge=0, le=1, description="The ratio for a ratio sampler: `0.01` is 1 %.")
    ] = 1
    bsp_max_queue_size: Annotated[
        int,
        Meta(
            ge=1,
            description="Maximum number of spans that wait for the collector. Beyond it, the oldest are "
            "dropped.",
        ),
    ] = 2048
    bsp_max_export_batch_size: Annotated[
        int, Meta(ge=1, description="Maximum number of spans in an export.")
    ] = 512
    bsp_schedule_delay: Annotated[
        int, Meta(ge=1, description="Milliseconds between exports if there are few spans.")
    ] = 5000
    service_name: Annotated[
        str, Meta(description="The service name of the spans. Empty: `iot-logic-worker` or `iot-logic-api`.")
    ] = ""
    resource_attributes: Annotated[
        str, Meta(pattern=_PAIRS, description="More resource attributes, as `name=value,name=value`.")
    ] = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self | None:
        """Read the variables from `environ`. Return None if they do not turn tracing on.

        Raises `SettingsError` for an invalid value. An empty value counts as not set.
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
                shown = "an invalid value" if field.name in _SECRET else f"the invalid value {said[name]!r}"
                raise SettingsError(f"{name} has {shown}: {e}.") from e
        settings = cls(**values)
        if settings.bsp_max_export_batch_size > settings.bsp_max_queue_size:
            raise SettingsError(
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE is greater than OTEL_BSP_MAX_QUEUE_SIZE. Lower it."
            )
        return None if settings.sdk_disabled or settings.traces_exporter == "none" else settings


def trace_fields() -> Iterator[FieldInfo]:
    """Yield the fields of `TraceSettings`."""
    return iter(fields(TraceSettings))


def trace_variable(field: FieldInfo) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field.name.upper()
