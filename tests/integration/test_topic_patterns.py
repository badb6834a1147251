"""The patterns of bindings: RabbitMQ routes keys as we predict, also keys with empty words and wildcards."""

import random

import pika

from pipeline.model.topic_source import matches, overlap

WORDS = ["a", "b", "ü", "", "*", "#"]


def some(count: int, words: int) -> list[str]:
    chance = random.Random(15)
    made = {".".join(chance.choices(WORDS, k=chance.randint(1, words))) for _ in range(count)}
    return sorted(made)


def test_rabbitmq_routes_a_key_exactly_as_we_predict(broker_url: str) -> None:
    patterns, keys = [each for each in some(60, 4) if each], some(400, 5)
    routed = dict[str, set[str]]()
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        queues = {each: channel.queue_declare("", exclusive=True).method.queue for each in patterns}
        for pattern, queue in queues.items():
            channel.queue_bind(queue, "amq.topic", pattern)
        channel.confirm_delivery()
        for key in keys:
            channel.basic_publish("amq.topic", key, key.encode())
        for pattern, queue in queues.items():
            count = channel.queue_declare(queue, passive=True).method.message_count
            got = [channel.basic_get(queue, auto_ack=True)[2] or b"" for _ in range(count)]
            routed[pattern] = {body.decode() for body in got}

    assert routed == {each: {key for key in keys if matches(each, key)} for each in patterns}
    for one in patterns:
        for other in patterns:
            assert not routed[one] & routed[other] or overlap(one, other), (one, other)
