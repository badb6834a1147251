"""Crashes of workers, Redis and RabbitMQ under load: nothing is lost or repeated, and the order is kept."""

from tests.support.installation import Collector, Installation
from tests.support.logics import CHECK_ORDER
from tests.support.servers import OwnServers
from tests.support.waiting import wait_until

#: Readings in the long run, and the number of machines that send them.
READINGS, MACHINES = 20_000, 50


def machine_ids() -> list[str]:
    return [f"m{place}" for place in range(MACHINES)]


def send_all(plant: Installation, readings: int) -> None:
    plant.send((f"m{n % MACHINES}", {"n": n // MACHINES}) for n in range(readings))


def check_everything(plant: Installation, results: Collector, readings: int) -> None:
    """Check that each machine counted each of its readings once, in order, and that each result exists."""
    each = readings // MACHINES
    for machine_id in machine_ids():
        assert plant.state(machine_id) == {"count": each, "last": each - 1}
    machines = results.by_machine()
    for machine_id in machine_ids():
        by_id = dict[str, object]()
        for event in machines[machine_id]:
            # A result may be published twice after a crash, but then both copies are equal byte by byte.
            assert by_id.setdefault(event["id"], event) == event
        assert list(by_id) == [str(number) for number in range(1, each + 1)]
    assert plant.dead_letters() == []


def all_counted(plant: Installation, readings: int) -> bool:
    machines = plant.client.get("/machines", params={"limit": 1000}).json()["machines"]
    counted: int = sum(machine["readings"] for machine in machines)
    return counted >= readings


def all_published(results: Collector, readings: int) -> bool:
    return len({(properties.message_id) for _, properties, _ in list(results.messages)}) >= readings


def test_a_worker_killed_under_load_loses_and_repeats_nothing(installation: Installation) -> None:
    installation.start_api()
    for machine_id in machine_ids():
        installation.upload(machine_id, CHECK_ORDER)
    with installation.collect() as results:
        worker = installation.start_worker()
        send_all(installation, READINGS // 2)
        wait_until(lambda: len(results.messages) > READINGS // 10, timeout=60)
        worker.kill()
        send_all_from(installation, READINGS // 2, READINGS)
        installation.start_worker()
        wait_until(lambda: all_published(results, READINGS), timeout=120)

    check_everything(installation, results, READINGS)


def send_all_from(plant: Installation, first: int, end: int) -> None:
    plant.send((f"m{n % MACHINES}", {"n": n // MACHINES}) for n in range(first, end))


def test_a_restart_of_redis_loses_and_repeats_nothing(own_servers: OwnServers) -> None:
    with Installation(own_servers.rabbitmq.amqp_url, own_servers.redis.url) as plant:
        plant.start_api()
        for machine_id in machine_ids():
            plant.upload(machine_id, CHECK_ORDER)
        with plant.collect() as results:
            plant.start_worker()
            send_all(plant, 5_000)
            wait_until(lambda: len(results.messages) > 500, timeout=60)
            own_servers.redis.kill()
            own_servers.redis.start()
            send_all_from(plant, 5_000, 10_000)
            wait_until(lambda: all_published(results, 10_000), timeout=120)

        check_everything(plant, results, 10_000)


def test_a_restart_of_rabbitmq_loses_and_repeats_nothing(own_servers: OwnServers) -> None:
    with Installation(own_servers.rabbitmq.amqp_url, own_servers.redis.url) as plant:
        plant.start_api()
        for machine_id in machine_ids():
            plant.upload(machine_id, CHECK_ORDER)
        plant.start_worker()
        send_all(plant, 10_000)
        wait_until(lambda: all_counted(plant, 1_000), timeout=60)
        own_servers.rabbitmq.kill()
        own_servers.rabbitmq.start()
        send_all_from(plant, 10_000, 15_000)
        wait_until(lambda: all_counted(plant, 15_000), timeout=120)

        for machine_id in machine_ids():
            assert plant.state(machine_id) == {"count": 300, "last": 299}
        assert plant.dead_letters() == []


def test_a_worker_waits_for_servers_that_have_not_started_yet(own_servers: OwnServers) -> None:
    with Installation(own_servers.rabbitmq.amqp_url, own_servers.redis.url) as plant:
        own_servers.rabbitmq.stop()
        own_servers.redis.stop()
        worker = plant.start_worker()
        wait_until(lambda: "ready for action" in worker.log)
        own_servers.redis.start()
        own_servers.rabbitmq.start()
        plant.start_api()
        plant.upload("m0", CHECK_ORDER)
        with plant.collect() as results:
            plant.send([("m0", {"n": 0})])
            wait_until(lambda: len(results.messages) == 1, timeout=30)
        worker.check_running()
