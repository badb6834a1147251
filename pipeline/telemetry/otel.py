"""The spans, made with OpenTelemetry's SDK. `pipeline.telemetry.tracing` imports this only if tracing is on.

Names and attributes follow the semantic conventions, in the version that `_SCHEMA` names: messaging
(RabbitMQ), HTTP, and database (Redis). Attributes outside the conventions begin with `iot_logic.`.

A batch has readings of one partition or several, which are run and written together. So it has one span,
whose name contains the partition if there is only one. The readings have different routing keys, so the span
has none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.metadata import version
from threading import Thread
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from pipeline import wire
from pipeline.errors import SettingsError

_SCHEMA: Final = "https://opentelemetry.io/schemas/1.44.0"

#: Maximum senders that a batch is linked to, and maximum different senders of a batch that are examined.
_LINKS: Final = 32

#: Maximum characters of a request's path in a span.
_PATH: Final = 300

#: Seconds to send the remaining spans when the process ends.
_CLOSING_SECONDS: Final = 3.0

_PROPAGATOR: Final = TraceContextTextMapPropagator()

_Attributes = Mapping[str, AttributeValue]


class Tracer:
    """Makes the spans of this process, and sends them to the endpoint in the environment."""

    def __init__(self, service: str) -> None:
        said = {"service.name": service, "service.version": version("iot-logic-processor")}
        resource = Resource.create({**said, **OTELResourceDetector().detect().attributes})
        try:
            self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except (ValueError, OSError) as e:
            raise SettingsError(f"Tracing cannot start with these OTEL_… variables: {e}") from e
        self._tracer = self._provider.get_tracer("iot_logic", said["service.version"], schema_url=_SCHEMA)

    def close(self) -> None:
        """Send the remaining spans. It does not wait for a collector that hangs."""
        closing = Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_CLOSING_SECONDS)

    def batch(
        self, queues: Sequence[str], traceparents: Sequence[str | None]
    ) -> AbstractContextManager[None]:
        """Make the span of a batch: a separate trace, linked to the traces of its readings' senders."""
        destination = queues[0] if len(queues) == 1 else wire.READINGS_EXCHANGE
        partitions = [queue.rpartition(".")[2] for queue in queues]
        attributes: dict[str, AttributeValue] = {
            "messaging.system": "rabbitmq",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": destination,
            "messaging.batch.message_count": len(traceparents),
        }
        if len(partitions) == 1:
            attributes["messaging.destination.partition.id"] = partitions[0]
        else:
            attributes["iot_logic.partitions"] = partitions
        return self._span(
            f"process {destination}",
            SpanKind.CONSUMER,
            attributes,
            links=_links(traceparents),
            context=Context(),
        )

    def run(self, machines: int) -> AbstractContextManager[None]:
        """Make the span of the sandbox."""
        return self._span("run logic", SpanKind.INTERNAL, {"iot_logic.machines": machines})

    def write(self, machines: int) -> AbstractContextManager[None]:
        """Make the span of the write to Redis."""
        attributes: _Attributes = {
            "db.system.name": "redis",
            "db.operation.name": "EVALSHA",
            "db.query.summary": "write records",
            "iot_logic.machines": machines,
        }
        return self._span("write records", SpanKind.CLIENT, attributes)

    def publishing(self, destinations: Sequence[str], confirmed: "Future[None]") -> None:
        """Make the span of publishing, which ends with the future."""
        attributes: dict[str, AttributeValue] = {
            "messaging.system": "rabbitmq",
            "messaging.operation.type": "send",
            "messaging.operation.name": "publish",
            "messaging.batch.message_count": len(destinations),
        }
        name = "publish"
        if len(set(destinations)) == 1:
            destination = destinations[0]
            attributes["messaging.destination.name"] = destination
            name = f"publish {destination}"
        span = self._tracer.start_span(name, kind=SpanKind.PRODUCER, attributes=attributes)
        confirmed.add_done_callback(partial(_published, span))

    @contextmanager
    def request(
        self, method: str, route: str, path: str, scheme: str, traceparent: str | None
    ) -> Iterator[Callable[[int], None]]:
        """Make the span of a request, in its caller's trace if there is one."""
        attributes: _Attributes = {
            "http.request.method": method,
            "http.route": route,
            "url.path": path[:_PATH],
            "url.scheme": scheme,
        }
        caller = _PROPAGATOR.extract({"traceparent": traceparent} if traceparent else {}, Context())
        with self._span(f"{method} {route}", SpanKind.SERVER, attributes, context=caller):
            yield partial(_answered, get_current_span())

    def current(self) -> str | None:
        """Return the context of the current span of this thread or task."""
        context = get_current_span().get_span_context()
        if not context.is_valid:
            return None
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        attributes: _Attributes,
        *,
        links: Sequence[Link] = (),
        context: Context | None = None,
    ) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, context=context, kind=kind, attributes=attributes, links=links
        ) as span:
            try:
                yield
            except Exception as e:
                span.set_attribute("error.type", type(e).__qualname__)
                raise


def _links(traceparents: Sequence[str | None]) -> list[Link]:
    found = dict[str, None]()
    for traceparent in traceparents:
        if traceparent is not None:
            found[traceparent] = None
            if len(found) == _LINKS:
                break
    return _valid(found)


def _valid(found: Mapping[str, None]) -> list[Link]:
    contexts = [_context_of(each) for each in found]
    return [Link(each) for each in contexts if each.is_valid]


def _context_of(traceparent: str) -> SpanContext:
    return get_current_span(_PROPAGATOR.extract({"traceparent": traceparent}, Context())).get_span_context()


def _published(span: Span, confirmed: "Future[None]") -> None:
    if error := confirmed.exception():
        span.set_attribute("error.type", type(error).__qualname__)
        span.set_status(StatusCode.ERROR, str(error))
    span.end()


def _answered(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
