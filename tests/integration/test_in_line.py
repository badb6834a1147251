"""What is published in line gets to its queue in order, whatever the queue refuses meanwhile."""

from collections.abc import Iterator
from itertools import count

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

import pipeline.broker.publisher as publisher_module
from pipeline.broker.publisher import Message, Publisher, _Submission

QUEUE = "full"
#: Bytes that the queue may hold, and of one message.
ROOM, SIZE = 20_000, 1_000
MESSAGES = 2_000


@pytest.fixture
def channel(broker_url: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        arguments = {"x-queue-type": "quorum", "x-max-length-bytes": ROOM, "x-overflow": "reject-publish"}
        channel.queue_declare(QUEUE, durable=True, arguments=arguments)
        yield channel


def message(n: int) -> Message:
    return Message("", QUEUE, b"%d" % n + b" " * SIZE, pika.BasicProperties(delivery_mode=2), mandatory=True)


def order_through_a_full_queue(channel: BlockingChannel, broker_url: str, *, in_line: bool) -> list[int]:
    """The messages in the order in which the queue takes them, which is worked off meanwhile."""
    publisher = Publisher(broker_url, lambda: None, insist=True)
    published = publisher.publish([message(n) for n in range(MESSAGES)], in_line=in_line)
    came = dict[int, None]()
    channel.basic_qos(prefetch_count=8)
    for method, _, body in channel.consume(QUEUE, inactivity_timeout=0.1):
        if method is not None and body is not None:
            came.setdefault(int(body))
            channel.basic_ack(method.delivery_tag)
        elif published.done() and len(came) == MESSAGES:
            break
    publisher.close()
    return list(came)


@pytest.mark.parametrize("in_line", [True, False])
def test_only_what_is_published_in_line_gets_in_order_through_a_queue_that_is_full_again_and_again(
    channel: BlockingChannel, broker_url: str, monkeypatch: pytest.MonkeyPatch, in_line: bool
) -> None:
    monkeypatch.setattr(publisher_module, "_AGAIN_SECONDS", 0)

    order = order_through_a_full_queue(channel, broker_url, in_line=in_line)

    assert (order == list(range(MESSAGES))) == in_line


def submission(*, in_line: bool) -> _Submission:
    return _Submission([message(n) for n in range(5)], in_line=in_line)


def numbers(submission: _Submission, first_tag: int) -> list[int]:
    """The messages that are published now."""
    return [int(each.body) for each in submission.publish(first_tag)]


def answer(submission: _Submission, first_tag: int, refused: str) -> bool:
    """Answer each message that was published, by a letter (r: refused). Returns whether all is confirmed."""
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


def test_what_follows_a_refused_message_is_published_again_also_if_it_was_confirmed() -> None:
    several = submission(in_line=False)

    assert numbers(several, 1) == [0, 1, 2, 3, 4]
    assert not answer(several, 1, "crccc")
    several.begin()
    assert numbers(several, 6) == [1, 2, 3, 4]
    assert answer(several, 6, "cccc")


def test_after_a_lost_connection_the_first_of_those_that_are_not_confirmed_goes_alone() -> None:
    line = submission(in_line=True)
    numbers(line, 1)
    answer(line, 1, "c")
    numbers(line, 2)

    line.begin()

    assert numbers(line, 1) == [1]


def test_a_returned_message_is_published_again_with_all_that_were_published_with_it() -> None:
    several = submission(in_line=False)
    numbers(several, 1)

    several.bring_back("gone")

    assert not answer(several, 1, "ccccc")
    assert "no queue takes" in several.trouble
    several.begin()
    assert numbers(several, 6) == [0, 1, 2, 3, 4]
