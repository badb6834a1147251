"""Server-sent events, as they come in lines (WHATWG HTML, section 9.2)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """An event: its id (empty: none), its name, and its data as they came."""

    id: str
    name: str
    data: str


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events in a stream's lines. What is not understood is passed over, as the standard says."""
    event_id, name, data = "", "", list[str]()
    for line in lines:
        field, _, value = line.decode(errors="replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        match field:
            case "id" if "\0" not in value:
                event_id = value
            case "event":
                name = value
            case "data":
                data.append(value)
            case "" if not line.startswith(b":"):
                # An empty line ends the event.
                if data:
                    yield Event(event_id, name or "message", "\n".join(data))
                name, data = "", []
