"""The routes of the live events, as server-sent events.

Each event's data is one JSON object:

- `reading`: a reading was processed; `dead-letter`: one failed. The data is as in the list of a machine's
  last readings.
- `change`: somebody changed something over the API: put a version in force, paused a machine, edited a state.
  The data is that of its record in the audit trail, without who it was; `what` is its `action`.
- `lagged`: so many events (`missed`, null where nobody knows) are missing here, because they came faster than
  they were read, or than a stream carries, or while the connection to Redis was cut.

A client that comes again with the `Last-Event-ID` it was given goes on from there, as far as what came
meanwhile is still kept. Comments are sent while there is nothing else; after an hour a stream ends, and the
client comes again. Nobody waits for a reader, so the events are news: who must have every result consumes the
exchange `results`.
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
    HeaderParameter(name="Last-Event-ID", description="The id of the last event that was read before."),
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
        """What happens on all machines, while it happens: a sample, where it is more than one carries."""
        return _stream(await services.hub.open(None, last_event_id), admission)

    @get("/machines/{machine_id:str}/events", media_type="text/event-stream", **access(Role.VIEWER))
    async def get_machine_events(
        self,
        services: NamedDependency[Services],
        admission: NamedDependency[Admitted],
        machine_id: FromPath[str],
        last_event_id: _LastEventId = None,
    ) -> Stream:
        """What happens on one machine, while it happens. It may be one that has sent nothing yet.

        A reading's number is good as a `Last-Event-ID` too: what came after it comes first, as far as it is
        among the last readings that are kept.
        """
        return _stream(await services.hub.open(checked_id(machine_id), last_event_id), admission)


def _stream(reader: Reader, admission: Admitted) -> Stream:
    return Stream(
        reader.chunks(admission.holds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        # Where the client goes while it is being sent something, the generator is not asked any more.
        background=BackgroundTask(reader.close),
    )
