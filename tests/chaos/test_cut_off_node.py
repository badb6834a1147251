"""A RabbitMQ node that is cut off from the others and keeps its clients, as every node of RabbitMQ 4.3 does.

With `cluster_partition_handling = ignore`, other versions do the same.
"""

from contextlib import ExitStack
from typing import Any

import httpx

from pipeline.local.servers import local_redis
from pipeline.settings import Settings
from tests.chaos.cluster import Cluster, Node
from tests.support.installation import Installation
from tests.support.waiting import wait_until

LOGIC = "def process(data, state):\n    state['n'] = state.get('n', 0) + 1\n    return {'n': state['n']}"

#: The number of channels on a node: the worker has one for each partition.
CHANNELS = "length(rabbit_channel:list_local())."


def accepted(plant: Installation) -> bool:
    """Return whether the API accepts a reading, and the broker confirms it."""
    try:
        return plant.client.post("/machines/m1/data", json=1, timeout=30).status_code == 202
    except httpx.TransportError:
        return False


def count(plant: Installation) -> Any:
    response = plant.client.get("/machines/m1/state")
    return response.json().get("n") if response.status_code == 200 else None


def readiness(plant: Installation) -> str:
    """Return the status of the answer, and the answer."""
    response = plant.client.get("/health/ready")
    return f"{response.status_code} {response.text}"


def test_clients_leave_a_node_that_is_cut_off_from_the_others() -> None:
    with ExitStack() as stack:
        redis = local_redis()
        stack.callback(redis.close)
        cluster = Cluster(stack, "ignore")

        def channels(node: Node) -> int:
            return int(node.order(CHANNELS))

        addresses = ",".join(node.amqp_url for node in cluster.nodes.values())
        plant = stack.enter_context(Installation(addresses, redis.url))
        plant.start_api()
        plant.start_worker(threads=1)
        plant.upload("m1", LOGIC)
        wait_until(lambda: accepted(plant), timeout=60)
        wait_until(lambda: count(plant) == 1, timeout=60)
        wait_until(lambda: max(map(channels, cluster.nodes.values())) >= Settings().partitions)
        lonely = max(cluster.nodes.values(), key=channels)
        # An API that has no other node to go to.
        lost = stack.enter_context(Installation(lonely.amqp_url, redis.url))
        lost.start_api()
        wait_until(lambda: readiness(lost).startswith("200"), timeout=60)

        # Until the end of the test.
        cluster.cut(lonely, *(node for node in cluster.nodes.values() if node is not lonely))

        wait_until(lambda: "does not confirm" in readiness(lost), timeout=60)
        assert readiness(lost).startswith("503")
        wait_until(lambda: accepted(plant), timeout=60)
        wait_until(lambda: (count(plant) or 0) >= 2, timeout=60)
        wait_until(lambda: readiness(plant).startswith("200"), timeout=60)
