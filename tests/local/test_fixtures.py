"""The servers that the fixtures provide: private to each test, empty, and real."""

from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import pika
import redis
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.waiting import wait_until


def test_mqtt_and_amqp_share_the_virtual_host_of_the_test(broker_url: str, mqtt_url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "amq.topic", "machines.*.data")
        url = urlsplit(mqtt_url)
        assert url.username
        assert url.hostname
        assert url.port
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(unquote(url.username), url.password)
        client.connect(url.hostname, url.port)
        client.loop_start()
        client.publish("machines/m1/data", b"{}", qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

        wait_until(lambda: channel.queue_declare(queue, passive=True).method.message_count == 1)


def test_one_test_leaves_data_behind(broker_url: str, redis_url: str) -> None:
    leave_something_behind(broker_url, redis_url)


def test_another_test_does_not_find_that_data(broker_url: str, redis_url: str) -> None:
    leave_something_behind(broker_url, redis_url)


def leave_something_behind(broker_url: str, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("something", "left")
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        assert channel.queue_declare("left", durable=True).method.message_count == 0
        channel.confirm_delivery()
        channel.basic_publish("", "left", b"something", mandatory=True)
