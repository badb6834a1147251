"""The connection that bypasses parts of pika: messages arrive complete, or are lost with it."""

import select
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import pika
import pika.exceptions
import pytest
from pika.adapters.select_connection import IOLoop

from pipeline.broker import topology
from pipeline.broker.connection import Connection, connect, parameters_of, reason_of
from pipeline.broker.publisher import Publisher
from pipeline.settings import Settings
from tests.chaos.proxy import Network


def turn_until(loop: IOLoop, condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        loop.poll()
        loop.process_timeouts()


def test_unsent_messages_are_dropped_when_the_connection_is_lost(broker_url: str) -> None:
    network, loop = Network(), IOLoop()
    loop.activate_poller()
    url = urlsplit(broker_url)
    assert url.port is not None
    proxy = network.proxy(url.port)
    through = urlunsplit(url._replace(netloc=url.netloc.replace(str(url.port), str(proxy.port))))
    ended = list[object]()
    opened = list[object]()
    connection = Connection(
        parameters_of(through)[0], loop, opened.append, lambda _, reason: ended.append(reason)
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


def test_messages_of_any_length_arrive_as_they_were_published(broker_url: str) -> None:
    loop, opened, ended = IOLoop(), list[pika.channel.Channel](), list[object]()
    loop.activate_poller()
    connection = Connection(
        parameters_of(broker_url)[0],
        loop,
        lambda connection: connection.channel(on_open_callback=opened.append),
        lambda _, reason: ended.append(reason),
    )
    turn_until(loop, lambda: opened)
    longest = connection._body_max_length
    sent = [(f"q{place % 2}", b"x" * length) for place, length in enumerate((1, 0, longest, longest + 1, 2))]
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as other:
        channel = other.channel()
        for queue in ("q0", "q1"):
            channel.queue_declare(queue)

        for place, (queue, body) in enumerate(sent):
            opened[0].basic_publish(
                "", queue, body, pika.BasicProperties(message_id=f"{place}"), mandatory=True
            )
        connection.close()
        turn_until(loop, lambda: ended)

        came = list[Any](channel.basic_get(queue, auto_ack=True) for queue, _ in sorted(sent))
    loop.close()
    assert sorted((properties.message_id, method.routing_key, body) for method, properties, body in came) == [
        (f"{place}", queue, body) for place, (queue, body) in enumerate(sent)
    ]


def test_connecting_is_repeated_if_the_broker_accepts_but_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        url = f"amqp://127.0.0.1:{silent.getsockname()[1]}?stack_timeout=0.2&connection_attempts=1"
        publisher = Publisher(lambda: topology.ensure(Settings(amqp_url=url)), insist=True)

        taken = [silent.accept()[0] for _ in range(3)]

        publisher.close()
    for each in taken:
        each.close()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (lambda url: url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:1"), "Connection refused"),
        (
            lambda url: url._replace(netloc=f"wrong:login@127.0.0.1:{url.port}"),
            "ACCESS_REFUSED - Login was refused",
        ),
        (lambda url: url._replace(path="/no-such-vhost"), "NOT_ALLOWED - vhost no-such-vhost not found"),
    ],
    ids=["nobody listens", "a wrong password", "a missing virtual host"],
)
def test_the_reason_why_the_broker_is_unavailable_is_one_sentence_without_pikas_names(
    broker_url: str, changed: Callable[[SplitResult], SplitResult], reason: str
) -> None:
    url = urlunsplit(changed(urlsplit(broker_url)))
    with pytest.raises(pika.exceptions.AMQPConnectionError) as blocking:
        connect(url, patience=5)

    loop, ended = IOLoop(), list[BaseException]()
    loop.activate_poller()
    Connection(parameters_of(url)[0], loop, lambda _: None, lambda _, error: ended.append(error))
    turn_until(loop, lambda: ended)
    loop.close()

    for error in (blocking.value, *ended):
        assert reason_of(error).startswith(reason)
        assert "AMQP" not in reason_of(error)
