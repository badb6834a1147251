"""Messages published in line reach their queue in order, whatever the queue refuses meanwhile."""

import socket
import time
from contextlib import suppress
from itertools import count
from threading import Event, Thread
from urllib.parse import urlsplit

import pika
import pytest

from pipeline.broker.connection import parameters_of
from pipeline.broker.publisher import Message, Publisher, _Submission
from tests.support.waiting import wait_until

QUEUE = "full"
PERSISTENTLY = pika.BasicProperties(delivery_mode=2)
#: The size of a message in bytes.
SIZE = 1_000


def message(n: int) -> Message:
    return Message("", QUEUE, b"%d" % n + b" " * SIZE, PERSISTENTLY, mandatory=True)


def submission(*, in_line: bool) -> _Submission:
    return _Submission([message(n) for n in range(5)], in_line=in_line)


def numbers(submission: _Submission, first_tag: int) -> list[int]:
    """Return the numbers of the messages that are published now."""
    return [int(each.body) for each in submission.publish(first_tag)]


def answer(submission: _Submission, first_tag: int, refused: str) -> bool:
    """Answer each published message, by a letter (r: refused). Return whether all are confirmed."""
    for tag, letter in zip(count(first_tag), refused, strict=False):
        submission.answer(tag, refused=letter == "r")
    return submission.conclude()


def test_the_first_message_goes_alone_and_after_each_refusal_the_first_refused_one() -> None:
    line = submission(in_line=True)

    assert numbers(line, 1) == [0]
    assert not answer(line, 1, "c")
    assert numbers(line, 2) == [1, 2, 3, 4]
    assert not answer(line, 2, "ccrr")
    line.begin()
    assert numbers(line, 6) == [3]
    assert not answer(line, 6, "r")
    line.begin()
    assert numbers(line, 7) == [3]
    assert not answer(line, 7, "c")
    assert numbers(line, 8) == [4]
    assert answer(line, 8, "c")


def test_messages_after_a_refused_one_are_published_again_even_if_confirmed() -> None:
    several = submission(in_line=False)

    assert numbers(several, 1) == [0, 1, 2, 3, 4]
    assert not answer(several, 1, "crccc")
    several.begin()
    assert numbers(several, 6) == [1, 2, 3, 4]
    assert answer(several, 6, "cccc")


def test_when_messages_are_published_again_the_first_unconfirmed_one_goes_alone() -> None:
    line = submission(in_line=True)
    numbers(line, 1)
    answer(line, 1, "c")
    numbers(line, 2)

    line.begin()

    assert numbers(line, 1) == [1]


def test_a_returned_message_is_published_again_with_all_messages_published_with_it() -> None:
    several = submission(in_line=False)
    numbers(several, 1)

    several.bring_back("gone")

    assert not answer(several, 1, "ccccc")
    assert "no queue is bound" in several.trouble
    several.begin()
    assert numbers(several, 6) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("answers", "broken"), [("ccrr", False), ("crcr", True), ("rccc", True), ("rrrr", False)]
)
def test_a_line_is_out_of_order_when_a_message_is_refused_and_a_later_one_is_not(
    answers: str, broken: bool
) -> None:
    line = submission(in_line=True)
    numbers(line, 1)
    answer(line, 1, "c")
    numbers(line, 2)

    assert not answer(line, 2, answers)
    assert line.is_out_of_order == broken


#: Readings per batch, bytes per reading, number of batches, and bytes per second of a link of 100 Mbit/s.
BATCH, LARGE, BATCHES, RATE = 240, 16_000, 2, 12_500_000


class Link:
    """A relay to a server. It is so slow that published messages stay in transit for a while.

    After `stall_after` bytes to the server, it stands still until `flowing` is set.
    """

    def __init__(self, port: int) -> None:
        self.stall_after: float = float("inf")
        self.flowing = Event()
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends = list[socket.socket]()
        self._threads = [Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                source, _ = self._listener.accept()
                sink = socket.create_connection(self._target)
                self._ends += [source, sink]
                for ends in ((source, sink, RATE), (sink, source, 10**9)):
                    self._threads.append(Thread(target=self._pump, args=ends, daemon=True))
                    self._threads[-1].start()

    def _pump(self, source: socket.socket, sink: socket.socket, rate: int) -> None:
        with suppress(OSError):
            while data := source.recv(16_384):
                if rate == RATE:
                    self.stall_after -= len(data)
                    if self.stall_after < 0:
                        self.flowing.wait()
                sink.sendall(data)
                time.sleep(len(data) / rate)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End all connections."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the relay, after all its connections have ended."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()


def work_off(broker_url: str, came: list[tuple[int, int]], over: Event) -> None:
    """Consume the messages of the queue, 16 at once. Each takes two milliseconds."""
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=16)
        tags = list[int]()
        for method, _, body in channel.consume("slow", inactivity_timeout=0.2):
            if method is not None and body is not None:
                number, attempt = body.split(b" ", 2)[:2]
                came.append((int(number), int(attempt)))
                tags.append(method.delivery_tag)
            elif not tags and over.is_set():
                return
            if len(tags) == 16 or (method is None and tags):
                connection.sleep(0.002 * len(tags))
                channel.basic_ack(tags[-1], multiple=True)
                tags.clear()


@pytest.mark.parametrize("in_line", [True, False])
def test_only_messages_published_in_line_pass_a_full_queue_in_order_on_a_slow_network(
    broker_url: str, in_line: bool
) -> None:
    """If an attempt fails, the next one has another number, and the messages of the first are ignored."""
    port = urlsplit(broker_url).port
    assert port is not None
    link, came, over = Link(port), list[tuple[int, int]](), Event()
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        arguments = {
            "x-queue-type": "quorum",
            "x-max-length-bytes": 1_000_000,
            "x-overflow": "reject-publish",
        }
        connection.channel().queue_declare("slow", durable=True, arguments=arguments)
    reader = Thread(target=work_off, args=(broker_url, came, over))
    reader.start()
    through = broker_url.replace(f":{port}", f":{link.port}")
    publisher = Publisher(lambda: parameters_of(through)[0], insist=True)
    valid = dict[int, int]()
    for batch in range(BATCHES):
        for attempt in count():
            numbers = range(batch * BATCH, (batch + 1) * BATCH)
            valid |= dict.fromkeys(numbers, attempt)
            messages = [
                Message("", "slow", b"%d %d " % (n, attempt) + b" " * LARGE, PERSISTENTLY, mandatory=True)
                for n in numbers
            ]
            published = publisher.publish(messages, in_line=in_line)
            if published.exception(timeout=60) is None:
                break
    over.set()
    reader.join()
    publisher.close()
    link.close()

    order = list(dict.fromkeys(n for n, attempt in came if attempt == valid[n]))
    assert (order == list(range(BATCHES * BATCH))) == in_line


def test_a_message_behind_a_refused_one_may_be_in_the_queue_before_the_publisher_knows_of_the_refusal(
    broker_url: str,
) -> None:
    """A consumer may have it even earlier: rule 7 of `pipeline.model.record` is for this."""
    port, size = urlsplit(broker_url).port, 60_000
    assert port is not None
    link = Link(port)
    through = broker_url.replace(f":{port}", f":{link.port}")
    arguments = {"x-queue-type": "quorum", "x-max-length-bytes": size // 2, "x-overflow": "reject-publish"}
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.queue_declare("tight", durable=True, arguments=arguments)
        publisher = Publisher(lambda: parameters_of(through)[0], insist=True)
        wait_until(lambda: publisher.connected)
        # Messages 1 and 2 are published at once. The link stands still in message 2.
        link.stall_after = 2.1 * size
        messages = [Message("", "tight", b"%d" % n + b" " * size, PERSISTENTLY) for n in range(3)]
        published = publisher.publish(messages, in_line=True)
        wait_until(lambda: any(each.trouble for each in publisher._unconfirmed.values()))
        first, _, _ = channel.basic_get("tight", auto_ack=True)
        last, _, _ = channel.basic_get("tight")  # the queue is empty, and accepts messages again
        known = published.done()
        link.flowing.set()
        error = published.exception(timeout=60)
        _, _, behind = channel.basic_get("tight")
    publisher.close()
    link.close()

    assert (first is None, last is None, known) == (False, True, False)
    assert behind is not None
    assert behind.startswith(b"2")
    assert "took others that belong behind them" in str(error)


def test_messages_in_line_fail_when_the_connection_is_lost_before_the_answers(broker_url: str) -> None:
    """The queue may have refused one of them and accepted a later one."""
    port = urlsplit(broker_url).port
    assert port is not None
    link = Link(port)
    through = broker_url.replace(f":{port}", f":{link.port}")
    publisher = Publisher(lambda: parameters_of(through)[0], insist=True)
    wait_until(lambda: publisher.connected)
    messages = [Message("", "nobody", b" " * LARGE, PERSISTENTLY) for _ in range(BATCH)]
    published = publisher.publish(messages, in_line=True)
    wait_until(lambda: publisher._unconfirmed)

    link.cut()

    error = published.exception(timeout=60)
    publisher.close()
    link.close()
    assert "the connection to RabbitMQ was lost" in str(error)
