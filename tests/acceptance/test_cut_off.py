"""A worker that reaches RabbitMQ but not Redis: the others must take over its partitions."""

from urllib.parse import urlsplit, urlunsplit

from tests.chaos.proxy import Network
from tests.support.installation import Installation
from tests.support.logics import COUNT
from tests.support.waiting import wait_until

#: Seconds for which a proxy stalls the worker's connection to Redis: several times as long as the others take
#: to consider a worker dead. The connection must end in order after it.
STALL = 20


def counted(plant: Installation) -> int:
    response = plant.client.get("/machines/m1/state")
    return int(response.json()["count"]) if response.status_code == 200 else 0


def test_another_worker_takes_over_from_one_that_has_lost_redis_alone(installation: Installation) -> None:
    installation.environ["IOT_LOGIC_PARTITIONS"] = "1"
    installation.start_api()
    installation.upload("m1", COUNT)
    url = urlsplit(installation.redis_url)
    assert url.port is not None
    network = Network()
    proxy = network.proxy(url.port)
    through_proxy = url._replace(netloc=url.netloc.replace(f":{url.port}", f":{proxy.port}"))
    cut_off = installation.start_worker(threads=1, environ={"IOT_LOGIC_REDIS_URL": urlunsplit(through_proxy)})
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
