"""From one RabbitMQ node to three, by the commands in docs/growing.md, while readings flow."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from pipeline.local.servers import local_redis
from pipeline.wire import DEAD_LETTERS_QUEUE
from tests.chaos.cluster import Cluster, Node
from tests.chaos.site import Site
from tests.support.waiting import wait_until

_PAGE: Final = Path(__file__).parents[2] / "docs" / "growing.md"

#: How many of our queues there are with the default number of partitions.
_QUEUES: Final = 19

#: The numbers of members of all quorum queues, each once, and the number of nodes with a leader.
_MEMBERS: Final = """
Queues = [Queue || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue],
Sizes = [length(maps:get(nodes, amqqueue:get_type_state(Queue))) || Queue <- Queues],
{lists:usort(Sizes), length(Queues)}.
"""
_LEADERS: Final = """
length(lists:usort([element(2, amqqueue:get_pid(Queue)) || Queue <- rabbit_amqqueue:list()])).
"""


def documented(heading: str) -> list[str]:
    """Return the commands in a section of the page, in order."""
    section = re.split(r"^#+ ", _PAGE.read_text(), flags=re.MULTILINE)
    [text] = [each for each in section if each.startswith(heading)]
    return re.findall(r"^ *\$ (rabbitmq.+)$", text, re.MULTILINE)


def run_documented(node: Node, heading: str) -> None:
    commands = documented(heading)
    assert commands
    for command in commands:
        node.run(re.sub(r"rabbit@(\w+)", r"\1@localhost", command))


def test_one_node_becomes_three_and_then_one_of_them_may_die() -> None:
    with ExitStack() as stack:
        redis = local_redis()
        stack.callback(redis.close)
        cluster = Cluster(stack, "pause_minority", alone=True)
        addresses = ",".join(f"{node.amqp_url}?heartbeat=2" for node in cluster.nodes.values())
        site = Site(
            stack, cluster.a.amqp_url, redis.url, seed=1, rate=200, environ={"IOT_LOGIC_AMQP_URL": addresses}
        )
        site.drain()
        assert cluster.a.order(_MEMBERS) == f"{{[1],{_QUEUES}}}"
        site.fleet.resume()

        cluster.join()
        assert cluster.a.order(_MEMBERS) == f"{{[1],{_QUEUES}}}", "nodes that join do not change a queue"
        run_documented(cluster.a, "From one node to three")

        assert cluster.a.order(_MEMBERS) == f"{{[3],{_QUEUES}}}"
        assert int(cluster.a.order(_LEADERS)) > 1
        site.drain()
        before = site.census()
        assert before.confirmed > 0
        assert before.breaches == 0

        # Any other node than the fleet's, which has one address.
        cluster.b.kill()
        site.fleet.resume()
        site.drain()
        after = site.census()
        assert after.confirmed > before.confirmed
        assert after.breaches == 0
        wait_until(lambda: DEAD_LETTERS_QUEUE in cluster.a.run("rabbitmqctl list_queues name --quiet"))
