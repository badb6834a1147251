"""The routes of the live events, as server-sent events.

The data of each event is one JSON object:

- `reading`: a reading was processed. `dead-letter`: a reading failed. The data is the same as in the list of
  a machine's recent readings.
- `change`: somebody changed something over the API: deployed a version, paused a machine, edited a state.
  The data is that of the audit record, without the name of the token; `what` is its `action`.
- `lagged`: some events are missing here (`missed` is their number, null if unknown). They came faster than
  the client read them or than a stream carries, or the connection to Redis was interrupted.

A client that reconnects with `Last-Event-ID` continues after that event, as far as later events are still
stored. The API sends comments while there are no events. It ends a stream after an hour; the client then
reconnects. A slow client misses events. A consumer that needs every result uses the exchange `results`.
"""

from typing import Annotated

from litestar import Controller, get
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter
from litestar.response import Stream

from web.access.guard import Admitted
from web.access.roles import Role, access
from web.http.problems import checked_id
from web.live.reader import Reader
from web.services import Services

_LastEventId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", description="The id of the last event that you received."),
]


class EventsController(Controller):
    """`/events` and `/machines/<id>/events`."""

    @get("/events", media_type="text/event-stream", **access(Role.VIEWER))
    async def get_events(
        self,
        services: NamedDependency[Services],
        admission: NamedDependency[Admitted],
        last_event_id: _LastEventId = None,
    ) -> Stream:
        """Stream live events of all machines. If there are too many, the stream carries a sample."""
        return _stream(await services.hub.open(None, last_event_id), admission)

    @get("/machines/{machine_id:str}/events", media_type="text/event-stream", **access(Role.VIEWER))
    async def get_machine_events(
        self,
        services: NamedDependency[Services],
        admission: NamedDependency[Admitted],
        machine_id: FromPath[str],
        last_event_id: _LastEventId = None,
    ) -> Stream:
        """Stream live events of a machine. The machine need not have sent a reading yet.

        You can also send a reading's `sequence` as `Last-Event-ID`. The stream then starts with the readings
        after it, as far as they are still among the machine's recent readings.
        """
        return _stream(await services.hub.open(checked_id(machine_id), last_event_id), admission)


def _stream(reader: Reader, admission: Admitted) -> Stream:
    return Stream(
        reader.chunks(admission.holds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        # If the client leaves while data is sent to it, the generator is not resumed, so it cannot close.
        background=BackgroundTask(reader.close),
    )
