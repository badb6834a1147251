"""Traces: the processing of a batch, and of a request to the API, as spans of OpenTelemetry.

Tracing is off unless OTEL_EXPORTER_OTLP_ENDPOINT is set (`pipeline.telemetry.otel_settings`). Then each
function here makes one check and does nothing, and OpenTelemetry is not imported and need not be installed.
If tracing is on, `pipeline.telemetry.otel` does the work.

- *Each batch, and each step of it, has a span; a reading never has.* The batch's span links to the senders of
  its readings.
- *Nothing waits for a collector.* Spans are in a bounded queue, which a thread of the SDK empties. When the
  queue is full, the oldest spans are dropped.
- *A `traceparent` from outside is not trusted.* An invalid trace context counts as none.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from pipeline.errors import SettingsError
from pipeline.telemetry.otel_settings import TraceSettings
from pipeline.wire import TRACE_HEADER

if TYPE_CHECKING:
    from pipeline.telemetry.otel import Tracer

#: A trace context as this program writes it, as a regular expression.
PATTERN: Final = "00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"

#: Maximum characters of a trace context. Today's version has 55; a longer value is ignored.
_LONGEST: Final = 128

_tracer: "Tracer | None" = None


def start(service: str) -> bool:
    """Turn tracing on in this process if the environment says so. Return whether it is on.

    Raises `SettingsError` for an invalid variable, and if OpenTelemetry is not installed.
    """
    global _tracer
    settings = TraceSettings.from_environ()
    if settings is None:
        return False
    try:
        from pipeline.telemetry.otel import Tracer
    except ImportError as e:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT turns tracing on, but OpenTelemetry is not installed. "
            "Install it (pip install 'iot-logic-processor[otel]'), or unset the variable"
        ) from e
    _tracer = Tracer(settings.service_name or service)
    return True


def on() -> bool:
    """Return whether tracing is on in this process."""
    return _tracer is not None


def close() -> None:
    """Send the remaining spans that the collector accepts within a few seconds."""
    global _tracer
    if _tracer is not None:
        _tracer.close()
        _tracer = None


def batch(queues: Sequence[str], traceparents: Sequence[str | None]) -> AbstractContextManager[None]:
    """Make the span of a batch from these queues for the block that processes it.

    Each reading may have a trace.
    """
    return nullcontext() if _tracer is None else _tracer.batch(queues, traceparents)


def run(machines: int) -> AbstractContextManager[None]:
    """Make the span of running the logic of `machines` machines."""
    return nullcontext() if _tracer is None else _tracer.run(machines)


def write(machines: int) -> AbstractContextManager[None]:
    """Make the span of writing the records of `machines` machines."""
    return nullcontext() if _tracer is None or not machines else _tracer.write(machines)


def publishing(destinations: Sequence[str], confirmed: "Future[None]") -> None:
    """Make a span for publishing to these exchanges or queues, from now until all messages are confirmed."""
    if _tracer is not None:
        _tracer.publishing(destinations, confirmed)


def request(
    method: str, route: str, path: str, scheme: str, traceparent: str | None
) -> AbstractContextManager[Callable[[int], None]]:
    """Make the span of a request to the API for the block that answers it.

    The block gets a function to note the status of the response.
    """
    return (
        nullcontext(_unnoted)
        if _tracer is None
        else _tracer.request(method, route, path, scheme, traceparent)
    )


def current() -> str | None:
    """Return the context of the current span of this thread or task, as a `traceparent`."""
    return None if _tracer is None else _tracer.current()


def headers() -> dict[str, str]:
    """Return the context of the current span as headers of a message."""
    traceparent = current()
    return {} if traceparent is None else {TRACE_HEADER: traceparent}


def traceparent_of(headers: Mapping[str, Any] | None) -> str | None:
    """Return the possible trace context in the headers of a message, if tracing is on."""
    if _tracer is None or not headers:
        return None
    value = headers.get(TRACE_HEADER)
    return value if isinstance(value, str) and len(value) <= _LONGEST else None


def ids() -> dict[str, str]:
    """Return the fields of a line of the log about the current span: `trace_id` and `span_id`."""
    traceparent = current()
    if traceparent is None:
        return {}
    _, trace_id, span_id, _ = traceparent.split("-")
    return {"trace_id": trace_id, "span_id": span_id}


def _unnoted(_status: int) -> None:
    """Ignore the status."""
