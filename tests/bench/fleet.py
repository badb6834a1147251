"""The installation that a part measures, and its machines, each with a logic."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import pika

from pipeline import wire
from pipeline.broker import topology
from pipeline.local.servers import private_servers
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.versions import LogicStore
from sandbox.parent.sandbox import Sandbox
from tests.bench.logic import LOGIC
from tests.support.installation import Installation
from tests.support.waiting import wait_until


@contextmanager
def installation() -> Iterator[Installation]:
    """An installation on its own servers, so that no part is affected by an earlier one."""
    with private_servers() as servers, Installation(servers.amqp_url, servers.redis_url) as plant:
        topology.ensure(settings_of(plant))
        yield plant


def settings_of(plant: Installation) -> Settings:
    """Return the settings in the environment of the installation's commands."""
    return Settings.from_environ(plant.environ)


def names(count: int, prefix: str = "bench") -> list[str]:
    """Return the ids of `count` machines."""
    return [f"{prefix}_{place}" for place in range(count)]


def provision(plant: Installation, machine_ids: Sequence[str], source: str = LOGIC) -> None:
    """Deploy one logic for all these machines."""
    provision_each(plant, dict.fromkeys(machine_ids, source))


def provision_each(plant: Installation, sources: Mapping[str, str]) -> None:
    """Deploy each machine's logic, as the API does after its checks, but without HTTP.

    Redis does not sync to disk meanwhile: with syncs, a hundred thousand machines would take minutes.
    """
    settings = settings_of(plant)
    with closing(connect(settings)) as client, Sandbox(settings.limits) as sandbox:
        logics = LogicStore(client, settings.signing_key)
        codes = dict[str, bytes]()
        client.config_set("appendfsync", "no")
        for machine_id, source in sources.items():
            if source not in codes:
                codes[source] = sandbox.check(source).code or b""
            logics.upload(machine_id, source, codes[source])
        client.config_set("appendfsync", "always")


def in_partition(plant: Installation, partition: int, count: int, prefix: str = "near") -> list[str]:
    """Return the ids of `count` machines whose readings share a partition, found by sending one of each.

    No worker may run meanwhile. The readings are removed from the queues again.
    """
    partitions = settings_of(plant).partitions
    tried = names(4 * partitions * count, prefix)
    plant.send((machine_id, {}) for machine_id in tried)
    found = list[str]()
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        queue = wire.readings_queue(partition)
        for method, _, _ in channel.consume(queue, auto_ack=True, inactivity_timeout=10):
            assert method is not None, f"fewer than {count} of {len(tried)} machines are in one partition"
            machine_id = wire.machine_of(method.routing_key)
            assert machine_id is not None
            found.append(machine_id)
            if len(found) == count:
                break
        channel.cancel()
        queues = [wire.readings_queue(each) for each in range(partitions)]
        wait_until(lambda: not any(channel.queue_purge(queue).method.message_count for queue in queues))
    return found
