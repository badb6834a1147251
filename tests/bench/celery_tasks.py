"""The second baseline: the same processing as people build it with Celery, a task per reading.

It follows the tutorials of Celery, redis-py and pika: the task reads the state from Redis, runs the logic,
writes the state and publishes the result over a connection that stays open. It keeps none of the promises:
two processes do not keep the order; a reading is lost with its process (Celery acknowledges a task before it
runs it), or counted twice if it is sent again; and the logic is not confined.

`celery -A tests.bench.celery_tasks worker` starts it. It uses the same settings as everything else.
"""

import json
from typing import Any

import celery
import pika
import redis
from celery.signals import worker_process_init

from pipeline import wire
from pipeline.settings import Settings
from tests.bench.logic import process

settings = Settings.from_environ()
app = celery.Celery("bench", broker=settings.amqp_url)
app.conf.task_ignore_result = True
app.conf.worker_hijack_root_logger = False


class Clients:
    """The connections that a worker process keeps open."""

    states: "redis.Redis"
    channel: pika.adapters.blocking_connection.BlockingChannel


@worker_process_init.connect  # type: ignore[untyped-decorator]
def connect(**_: object) -> None:
    Clients.states = redis.Redis.from_url(settings.redis_url)
    Clients.channel = pika.BlockingConnection(pika.URLParameters(settings.amqp_url)).channel()


@app.task  # type: ignore[untyped-decorator]
def process_reading(machine_id: str, data: dict[str, Any]) -> None:
    key = f"celery:{machine_id}"
    value = Clients.states.get(key)
    state = json.loads(value) if isinstance(value, bytes) else {}
    result = process(data, state)
    Clients.states.set(key, json.dumps(state))
    Clients.channel.basic_publish(
        wire.RESULTS_EXCHANGE,
        wire.result_key(machine_id),
        json.dumps(result).encode(),
        pika.BasicProperties(content_type="application/json", delivery_mode=2),
    )
