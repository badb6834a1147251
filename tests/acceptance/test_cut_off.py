"""A worker that reaches only one of RabbitMQ and Redis: the others must take over its partitions."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.chaos.proxy import Network, Proxy
from tests.support.installation import Installation
from tests.support.logics import COUNT
from tests.support.servers import OwnServers
from tests.support.waiting import wait_until

#: Seconds for which a proxy stalls the worker's connections: several times as long as the others take
#: to consider a worker dead. The connection must end in order after it.
STALL = 20


#: Machines in all partitions.
MACHINES = [f"m{number}" for number in range(1, 33)]


def counted(plant: Installation, machine: str = "m1") -> int:
    response = plant.client.get(f"/machines/{machine}/state")
    return int(response.json()["count"]) if response.status_code == 200 else 0


def through(network: Network, address: str) -> tuple[Proxy, str]:
    """Return a proxy to a server, and the server's address through it."""
    url = urlsplit(address)
    assert url.port is not None
    proxy = network.proxy(url.port)
    return proxy, urlunsplit(url._replace(netloc=url.netloc.replace(f":{url.port}", f":{proxy.port}")))


def test_another_worker_takes_over_from_one_that_has_lost_redis_alone(installation: Installation) -> None:
    installation.environ["IOT_LOGIC_PARTITIONS"] = "1"
    installation.start_api()
    installation.upload("m1", COUNT)
    network = Network()
    proxy, url = through(network, installation.redis_url)
    cut_off = installation.start_worker(threads=1, environ={"IOT_LOGIC_REDIS_URL": url})
    installation.send([("m1", {"n": 1})])
    wait_until(lambda: counted(installation) == 1, timeout=60)

    proxy.stall(STALL)
    installation.start_worker(threads=1)
    installation.send([("m1", {"n": 2})])

    try:
        wait_until(lambda: counted(installation) == 2, timeout=STALL - 2)
    finally:
        cut_off.kill()
        wait_until(lambda: not proxy._writers, timeout=2 * STALL)
        network.close()


def test_another_worker_takes_over_from_one_that_has_lost_rabbitmq_alone(installation: Installation) -> None:
    def workers() -> dict[bool, dict[str, Any]]:
        """Return the workers by whether they are connected to RabbitMQ."""
        return {each["connected"]: each for each in installation.client.get("/workers").json()["workers"]}

    def shares() -> list[int]:
        return [len(each["holding"]) for each in installation.client.get("/workers").json()["workers"]]

    installation.start_api()
    for machine in MACHINES:
        installation.upload(machine, COUNT)
    network = Network()
    proxy, url = through(network, installation.amqp_url)
    cut_off = installation.start_worker(threads=1, environ={"IOT_LOGIC_AMQP_URL": url})
    installation.start_worker(threads=1)
    wait_until(lambda: shares() == [4, 4], timeout=60)

    proxy.stall(STALL)
    installation.send((machine, {"n": 1}) for machine in MACHINES)

    try:
        wait_until(lambda: all(counted(installation, each) == 1 for each in MACHINES), timeout=STALL - 2)
        # It still reports itself, and why it does nothing.
        wait_until(lambda: [len(each["holding"]) for _, each in sorted(workers().items())] == [0, 8])
        # It gets its share back.
        wait_until(lambda: shares() == [4, 4], timeout=2 * STALL)
    finally:
        cut_off.kill()
        wait_until(lambda: not proxy._writers, timeout=2 * STALL)
        network.close()


def test_while_rabbitmq_is_down_status_names_it_and_workers_keep_their_shares(
    own_servers: OwnServers,
) -> None:
    with Installation(own_servers.rabbitmq.amqp_url, own_servers.redis.url) as plant:
        plant.start_api()
        for _ in range(2):
            plant.start_worker(threads=1)

        def workers() -> list[dict[str, Any]]:
            return list(plant.client.get("/workers").json()["workers"])

        # The first one may hold four of all eight for a moment, until it knows the second one.
        wait_until(
            lambda: (
                all(len(each["assigned"]) == len(each["holding"]) == 4 for each in workers())
                and len(workers()) == 2
            ),
            timeout=60,
        )
        before = [each["assigned"] for each in workers()]
        own_servers.rabbitmq.kill()
        wait_until(lambda: [each["connected"] for each in workers()] == [False, False], timeout=30)
        said = plant.start("iot-logic", "status")
        wait_until(lambda: said.process.poll() is not None, timeout=30)

        assert "RabbitMQ" in said.log
        assert "There is no worker" not in said.log
        # One worker notices first: the other has all partitions until it notices, too.
        wait_until(lambda: [each["assigned"] for each in workers()] == before)
