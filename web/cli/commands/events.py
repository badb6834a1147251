"""A parser of server-sent events (WHATWG HTML, section 9.2), from lines."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """An event: its id (empty if it has none), its name, and its data, undecoded."""

    id: str
    name: str
    data: str


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events in a stream's lines. Unknown fields are ignored, as the standard requires."""
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
