"""An event as it goes over the wire of server-sent events (WHATWG HTML, section 9.2).

A frame ends at an empty line, and a field at the end of its line, so nothing that a device or a logic has
said may end one. The data is JSON, in which a line's end can only stand between tokens: there it becomes a
space. The other characters that many programs take for a line's end stand in its texts only, and are escaped.
"""

from typing import Final

#: What begins a stream: how long to wait before connecting again, in milliseconds.
HELLO: Final = b"retry: 1000\n\n"

#: Sent while there is nothing else, so that nobody between takes the connection for dead.
HEARTBEAT: Final = b":\n\n"

_HARMLESS: Final = (
    (b"\n", b" "),
    (b"\r", b" "),
    ("\u0085".encode(), b"\\u0085"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


def frame(event: str, data: bytes, event_id: str | None = None) -> bytes:
    """The frame of one event. `data` is JSON; `event` and `event_id` are our own, and harmless.

    Without an id, clients go on from the event before when they connect again.
    """
    for character, harmless in _HARMLESS:
        if character in data:
            data = data.replace(character, harmless)
    named = b"" if event_id is None else b"id: %s\n" % event_id.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (named, event.encode(), data)


def lagged(missed: int | None, event_id: str | None = None) -> bytes:
    """The frame that says that events are missing here: how many, or None where nobody knows."""
    return frame("lagged", b'{"missed":%s}' % (b"null" if missed is None else b"%d" % missed), event_id)
