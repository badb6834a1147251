"""OpenTelemetry's variables: they turn traces on, and invalid values are refused."""

import pytest

from pipeline.errors import SettingsError
from pipeline.telemetry.otel_settings import TraceSettings

ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_TRACES_SAMPLER": "no sampler"},
        {**ON, "OTEL_TRACES_EXPORTER": "none"},
        {**ON, "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_traces_are_off_without_a_collector_and_if_they_are_disabled(environ: dict[str, str]) -> None:
    assert TraceSettings.from_environ(environ) is None


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_the_address_of_a_collector_turns_traces_on(name: str) -> None:
    said = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25", "OTEL_SERVICE_NAME": ""}

    settings = TraceSettings.from_environ({name: "https://collector/otlp", **said})

    assert settings is not None
    assert (settings.traces_sampler, settings.traces_sampler_arg) == ("traceidratio", 0.25)
    assert settings.service_name == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_SDK_DISABLED", "perhaps"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
        ("OTEL_RESOURCE_ATTRIBUTES", "plant"),
    ],
)
def test_an_invalid_value_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(
        SettingsError, match="OTEL_BSP_MAX" if "BSP_MAX" in name else f"^{name} has the invalid"
    ):
        TraceSettings.from_environ({**ON, name: value})


def test_invalid_headers_are_not_shown() -> None:
    with pytest.raises(SettingsError, match=r"^OTEL_EXPORTER_OTLP_HEADERS has an invalid value:") as refused:
        TraceSettings.from_environ({**ON, "OTEL_EXPORTER_OTLP_HEADERS": "hush"})

    assert "hush" not in str(refused.value)
