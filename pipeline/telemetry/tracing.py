"""Traces: what is done with a batch, and with a request of the API, as spans of OpenTelemetry.

They are off unless OTEL_EXPORTER_OTLP_ENDPOINT says where to (`pipeline.telemetry.otel_settings`). Then each
function here asks one question and does nothing, and OpenTelemetry is not imported; it need not be installed.
Where they are on, `pipeline.telemetry.otel` does the work.

- *A span a batch and a step of it, never one a reading.* The readings' senders are linked to.
- *Nobody waits for a collector.* Spans lie in a bounded queue, which a thread of the SDK empties. When it is
  full the oldest are dropped.
- *What comes in `traceparent` is a stranger's.* What is no trace context is taken for none.
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

#: A trace context as we write it, as a regular expression.
PATTERN: Final = "00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"

#: Characters of one at the most. Today's version has 55; what is longer is not looked at.
_LONGEST: Final = 128

_tracer: "Tracer | None" = None


def start(service: str) -> bool:
    """Turn the traces of this process on, where the environment says so. Returns whether they are.

    Raises `SettingsError` for a variable that does not fit, and where OpenTelemetry is not installed.
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
    """Whether they are on in this process."""
    return _tracer is not None


def close() -> None:
    """Send what is left, as far as the collector takes it within a few seconds."""
    global _tracer
    if _tracer is not None:
        _tracer.close()
        _tracer = None


def batch(queues: Sequence[str], traceparents: Sequence[str | None]) -> AbstractContextManager[None]:
    """The span of a batch from these queues, while the block processes it. Each reading may have a trace."""
    return nullcontext() if _tracer is None else _tracer.batch(queues, traceparents)


def run(machines: int) -> AbstractContextManager[None]:
    """The span of running logic, of so many machines."""
    return nullcontext() if _tracer is None else _tracer.run(machines)


def write(machines: int) -> AbstractContextManager[None]:
    """The span of writing the records of so many machines."""
    return nullcontext() if _tracer is None or not machines else _tracer.write(machines)


def publishing(destinations: Sequence[str], confirmed: "Future[None]") -> None:
    """Have a span for publishing messages to these exchanges or queues, from now until all are confirmed."""
    if _tracer is not None:
        _tracer.publishing(destinations, confirmed)


def request(
    method: str, route: str, path: str, scheme: str, traceparent: str | None
) -> AbstractContextManager[Callable[[int], None]]:
    """The span of a request to the API, while the block answers it. Gives what notes the answer's status."""
    return (
        nullcontext(_unnoted)
        if _tracer is None
        else _tracer.request(method, route, path, scheme, traceparent)
    )


def current() -> str | None:
    """The context of the span that this thread or task is in, as `traceparent` says it."""
    return None if _tracer is None else _tracer.current()


def headers() -> dict[str, str]:
    """The same as headers of a message."""
    traceparent = current()
    return {} if traceparent is None else {TRACE_HEADER: traceparent}


def traceparent_of(headers: Mapping[str, Any] | None) -> str | None:
    """What may be a trace context in the headers of a message, where traces are on."""
    if _tracer is None or not headers:
        return None
    value = headers.get(TRACE_HEADER)
    return value if isinstance(value, str) and len(value) <= _LONGEST else None


def ids() -> dict[str, str]:
    """What a line of the log says of the span that it is written in: `trace_id` and `span_id`."""
    traceparent = current()
    if traceparent is None:
        return {}
    _, trace_id, span_id, _ = traceparent.split("-")
    return {"trace_id": trace_id, "span_id": span_id}


def _unnoted(_status: int) -> None:
    """Nobody asks."""
