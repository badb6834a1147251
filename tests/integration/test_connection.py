"""The connection that sends what is written in one turn as one piece, where it is lost in that same turn."""

import select
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pika.adapters.select_connection import IOLoop

from pipeline.connection import Connection, parameters_of
from tests.chaos.proxy import Network


def turn_until(loop: IOLoop, condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        loop.poll()
        loop.process_timeouts()


def test_what_was_written_when_the_connection_was_lost_is_dropped_with_it(broker_url: str) -> None:
    network, loop = Network(), IOLoop()
    loop.activate_poller()
    url = urlsplit(broker_url)
    assert url.port is not None
    proxy = network.proxy(url.port)
    through = urlunsplit(url._replace(netloc=url.netloc.replace(str(url.port), str(proxy.port))))
    ended = list[object]()
    opened = list[object]()
    connection = Connection(
        parameters_of(through), loop, opened.append, lambda _, reason: ended.append(reason)
    )
    turn_until(loop, lambda: opened)

    proxy.cut()
    transport: Any = connection._transport
    select.select([transport._sock], [], [], 20)
    connection.channel(on_open_callback=lambda _: None)
    turn_until(loop, lambda: ended)
    loop.call_later(0.1, lambda: ended.append("and goes on"))
    turn_until(loop, lambda: len(ended) == 2)

    assert connection.is_closed
    loop.close()
    network.close()
