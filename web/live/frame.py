"""An event as it is sent over server-sent events (WHATWG HTML, section 9.2).

A frame ends at an empty line, and a field at the end of its line. So no data from a device or a logic may
contain a line end. The data is JSON, in which a line end can only be between tokens; it is replaced by a
space. Other characters that many programs treat as line ends occur only in JSON strings, and are escaped.
"""

from typing import Final

#: The start of a stream: the delay before clients reconnect, in milliseconds.
HELLO: Final = b"retry: 1000\n\n"

#: Sent when there are no events, so that no proxy closes the connection as idle.
HEARTBEAT: Final = b":\n\n"

_HARMLESS: Final = (
    (b"\n", b" "),
    (b"\r", b" "),
    ("\u0085".encode(), b"\\u0085"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


def frame(event: str, data: bytes, event_id: str | None = None) -> bytes:
    """Return the frame of one event. `data` is JSON; `event` and `event_id` are our own, and safe.

    After an event without an id, clients that reconnect continue from the previous id.
    """
    for character, harmless in _HARMLESS:
        if character in data:
            data = data.replace(character, harmless)
    named = b"" if event_id is None else b"id: %s\n" % event_id.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (named, event.encode(), data)


def lagged(missed: int | None, event_id: str | None = None) -> bytes:
    """Return the frame that reports missing events: how many, or None if unknown."""
    return frame("lagged", b'{"missed":%s}' % (b"null" if missed is None else b"%d" % missed), event_id)
