"""Two APIs behind a real HAProxy, below a path of its own: killed, frozen, and with many clients."""

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from itertools import count
from threading import Lock
from urllib.parse import urljoin

import httpx
import pytest

from pipeline.local.ports import free_port
from pipeline.model.role import Role
from tests.support.event_stream import EventStream
from tests.support.haproxy import haproxy
from tests.support.installation import Command, Installation
from tests.support.tokens import own_tokens
from tests.support.waiting import wait_until

#: Counts each reading, except every tenth, which becomes a dead letter.
COUNT = """
def process(data, state):
    if data["n"] % 10 == 0:
        raise ValueError("a tenth fails")
    key = f"{data['n']} {data['attempt']}"
    state[key] = state.get(key, 0) + 1
"""

READINGS = 400

SETTINGS = {
    "IOT_LOGIC_API_RATE": "100000",
    "IOT_LOGIC_API_BURST": "100000",
    "IOT_LOGIC_RECENT": "1000",
    "IOT_LOGIC_EVENTS_RATE": "10000",
}

#: Each test has its own machine.
_numbers = count(1)


class Balanced:
    """Two APIs, and the address of the proxy in front of them."""

    def __init__(self, plant: Installation) -> None:
        self.plant = plant
        self.ports = [free_port(), free_port()]
        self.apis: list[Command] = [self.start(port) for port in self.ports]
        self.url = ""

    def start(self, port: int) -> Command:
        """Start the API on this port."""
        return self.plant.start(
            "iot-api", environ={"IOT_LOGIC_API_PORT": str(port), "IOT_LOGIC_API_PROXIES": "127.0.0.1"}
        )

    def wait_ready(self) -> None:
        """Wait until both APIs are ready."""
        addresses = [f"http://127.0.0.1:{port}/health/ready" for port in self.ports]
        wait_until(lambda: all(answered(address) == 200 for address in addresses), 60)

    @contextmanager
    def lost(self, number: int, fault: str) -> Iterator[None]:
        """Kill or freeze an API while the block runs, and wait until it is back."""
        api = self.apis[number]
        if fault == "killed":
            api.kill()
        else:
            api.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            if fault == "killed":
                self.apis[number] = self.start(self.ports[number])
            else:
                api.process.send_signal(signal.SIGCONT)
        self.wait_ready()

    def client(self, **headers: str) -> httpx.Client:
        """Return a client of the proxy."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


def answered(url: str) -> int | None:
    """Return the status of an answer; None if there is none."""
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return None


@pytest.fixture(scope="module")
def balanced(module_installation: Installation) -> Iterator[Balanced]:
    module_installation.environ |= SETTINGS
    balanced = Balanced(module_installation)
    module_installation.start_worker()
    balanced.wait_ready()
    with haproxy(*balanced.ports) as balanced.url:
        yield balanced


@pytest.fixture
def bearer(balanced: Balanced) -> Iterator[str]:
    """The header of a token for everything."""
    with own_tokens(balanced.plant.redis_url) as tokens:
        yield f"Bearer {tokens.create('admin', Role.ADMIN)}"


@pytest.fixture
def machine(balanced: Balanced, bearer: str) -> str:
    """A machine with a logic."""
    name = f"m{next(_numbers)}"
    with balanced.client(Authorization=bearer) as client:
        assert client.post(f"/machines/{name}/logic", json={"logic": COUNT}).status_code == 201
    return name


Attempt = tuple[int, int]


class Senders:
    """Clients that post readings 1 to `READINGS`, each again until it is accepted."""

    def __init__(self, balanced: Balanced, bearer: str, machine: str) -> None:
        self.accepted, self.unanswered = set[Attempt](), set[Attempt]()
        self._balanced, self._bearer, self._path = balanced, bearer, f"/machines/{machine}/data"
        self._numbers, self._lock = iter(range(1, READINGS + 1)), Lock()

    def run(self) -> None:
        """Post readings, until none is left."""
        with self._balanced.client(Authorization=self._bearer) as client:
            while (number := self._next()) is not None:
                self._post(client, number)

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _post(self, client: httpx.Client, number: int) -> None:
        for attempt in range(100):
            try:
                answer = client.post(self._path, json={"n": number, "attempt": attempt})
            except httpx.TransportError:
                self.unanswered.add((number, attempt))
                continue
            if answer.status_code == 202:
                self.accepted.add((number, attempt))
                return
            assert answer.status_code in (502, 503, 504), answer.text
            self.unanswered.add((number, attempt))
        raise AssertionError(f"reading {number} was not accepted")


def processed(client: httpx.Client, machine: str) -> Counter[Attempt]:
    """Return how often each attempt was counted, or became a dead letter."""
    found = Counter[Attempt]()
    for key, times in client.get(f"/machines/{machine}/state").raise_for_status().json().items():
        number, attempt = key.split()
        found[int(number), int(attempt)] += times
    letters = (
        client.get("/dead-letters", params={"machine": machine, "limit": 1000}).raise_for_status().json()
    )
    for letter in letters["dead_letters"]:
        whole = client.get(f"/dead-letters/{letter['id']}").raise_for_status().json()
        found[whole["reading"]["n"], whole["reading"]["attempt"]] += 1
    return found


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_one_of_two_apis_is_lost_under_load(
    balanced: Balanced, bearer: str, machine: str, fault: str
) -> None:
    senders = Senders(balanced, bearer, machine)
    with ThreadPoolExecutor(8) as pool, balanced.client(Authorization=bearer) as client:
        running = [pool.submit(senders.run) for _ in range(8)]
        wait_until(lambda: len(senders.accepted) > READINGS // 4)
        with balanced.lost(0, fault):
            for each in running:
                each.result(120)

        assert {number for number, _ in senders.accepted} == set(range(1, READINGS + 1))
        wait_until(lambda: senders.accepted <= processed(client, machine).keys())
        found = processed(client, machine)
    assert set(found.values()) == {1}
    assert found.keys() <= senders.accepted | senders.unanswered


class Follower:
    """A client that reads a machine's events, and connects again after the last one when its stream ends."""

    def __init__(self, balanced: Balanced, bearer: str, machine: str) -> None:
        self.seen = list[int]()
        self.stopping = False
        self._url, self._bearer = balanced.url, bearer
        self._path = f"/iot/machines/{machine}/events"

    def run(self) -> None:
        """Read until `stopping`."""
        last = "0"
        while not self.stopping:
            try:
                stream = EventStream(self._url, self._path, last, Authorization=self._bearer)
            except (OSError, HTTPException):
                continue
            with stream:
                taken = 0
                while not self.stopping:
                    ended = stream.ended
                    for event in stream.events[taken:]:
                        assert event.type in ("reading", "dead-letter"), event
                        self.seen.append(event.data["number"])
                        taken, last = taken + 1, event.id
                    if ended:
                        break
                    time.sleep(0.01)


def readers(port: int, bearer: str) -> float:
    """Return the number of event streams that an API serves."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": bearer}).text
    [line] = [line for line in text.splitlines() if line.startswith("iot_logic_event_readers ")]
    return float(line.split()[1])


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_an_event_stream_continues_at_the_other_api(
    balanced: Balanced, bearer: str, machine: str, fault: str
) -> None:
    wait_until(lambda: not any(readers(port, bearer) for port in balanced.ports))
    follower = Follower(balanced, bearer, machine)
    each = [(machine, {"n": number, "attempt": 0}) for number in range(1, 61)]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(follower.run)
        try:
            balanced.plant.send(each[:20])
            wait_until(lambda: len(follower.seen) == 20)
            [serving] = [number for number, port in enumerate(balanced.ports) if readers(port, bearer)]
            with balanced.lost(serving, fault):
                balanced.plant.send(each[20:40])
                wait_until(lambda: len(follower.seen) >= 40)
                assert readers(balanced.ports[1 - serving], bearer) == 1
                balanced.plant.send(each[40:])
                wait_until(lambda: len(follower.seen) >= 60)
        finally:
            follower.stopping = True
        running.result(30)
    assert follower.seen == list(range(1, 61))


def test_a_revoked_token_is_refused_by_both_apis(balanced: Balanced, bearer: str) -> None:
    with balanced.client(Authorization=bearer) as client:
        token = (
            client.post("/tokens", json={"name": "guest", "role": "viewer"})
            .raise_for_status()
            .json()["token"]
        )
        guest = {"Authorization": f"Bearer {token}"}
        addresses = [balanced.url, *(f"http://127.0.0.1:{port}" for port in balanced.ports)]
        before = [httpx.get(f"{address}/machines", headers=guest).status_code for address in addresses]
        client.delete("/tokens/guest").raise_for_status()
        after = [httpx.get(f"{address}/machines", headers=guest).status_code for address in addresses]

    assert (before, after) == ([200] * 3, [401] * 3)


def test_a_request_through_the_proxy_needs_a_token(balanced: Balanced) -> None:
    answer = httpx.get(f"{balanced.url}/machines")

    assert answer.status_code == 403
    assert "comes through a proxy" in answer.json()["detail"]


@pytest.fixture(scope="module")
def limited(balanced: Balanced) -> Iterator[tuple[str, int]]:
    """The address of a proxy in front of an API with a low rate limit, and the port of that API."""
    port = free_port()
    limit = {"IOT_LOGIC_API_RATE": "0.01", "IOT_LOGIC_API_BURST": "20", "IOT_LOGIC_API_PROXIES": "127.0.0.1"}
    balanced.plant.start("iot-api", environ=limit | {"IOT_LOGIC_API_PORT": str(port)})
    wait_until(lambda: answered(f"http://127.0.0.1:{port}/health/live") == 200, 30)
    with haproxy(port, port) as url:
        yield url, port


def flood(url: str, address: str, **headers: str) -> list[int]:
    """Return the statuses of 25 answers to a client with this address.

    Each request has its own connection: the proxy's own checks exceed the low limit too, and then it cuts the
    connections to an API.
    """
    transport = httpx.HTTPTransport(local_address=address, limits=httpx.Limits(max_keepalive_connections=0))
    with httpx.Client(transport=transport, headers=headers, timeout=30) as client:
        return [client.get(f"{url}/health/live").status_code for _ in range(25)]


def test_clients_behind_the_proxy_have_rate_limits_of_their_own(limited: tuple[str, int]) -> None:
    url, _ = limited

    assert Counter(flood(url, "127.0.0.2")) == {200: 20, 429: 5}
    assert Counter(flood(url, "127.0.0.3")) == {200: 20, 429: 5}


def test_no_client_has_the_address_that_it_claims(limited: tuple[str, int]) -> None:
    url, port = limited
    claimed = {"X-Forwarded-For": "10.1.2.3"}

    assert Counter(flood(url, "127.0.0.4", **claimed)) == {200: 20, 429: 5}
    assert Counter(flood(url, "127.0.0.5", **claimed)) == {200: 20, 429: 5}
    assert Counter(flood(f"http://127.0.0.1:{port}", "127.0.0.6", **claimed)) == {200: 20, 429: 5}
    assert Counter(flood(f"http://127.0.0.1:{port}", "127.0.0.7", **claimed)) == {200: 20, 429: 5}


def test_without_the_setting_all_clients_behind_a_proxy_are_one(balanced: Balanced) -> None:
    port = free_port()
    limit = {"IOT_LOGIC_API_RATE": "0.01", "IOT_LOGIC_API_BURST": "40", "IOT_LOGIC_API_PORT": str(port)}
    balanced.plant.start("iot-api", environ=limit)
    wait_until(lambda: answered(f"http://127.0.0.1:{port}/health/live") == 200, 30)
    with haproxy(port, port) as url:
        together = flood(url, "127.0.0.2") + flood(url, "127.0.0.3")

    assert 429 in together


def test_a_proxy_that_is_no_address_is_refused(balanced: Balanced) -> None:
    api = balanced.plant.start("iot-api", environ={"IOT_LOGIC_API_PROXIES": "10.0.0.5, proxy.example"})

    assert api.process.wait(30) == 1
    assert "IOT_LOGIC_API_PROXIES has 'proxy.example', which is no address and no network" in api.log


def test_the_docs_page_and_the_pages_use_relative_addresses(balanced: Balanced) -> None:
    pages = httpx.get(f"{balanced.url}/").text
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', pages)
    document = httpx.get(f"{balanced.url}/schema/openapi.json").json()

    assert loaded
    assert all(httpx.get(f"{balanced.url}/{each}").status_code == 200 for each in loaded)
    assert httpx.get(f"{balanced.url.removesuffix('/iot')}/iot").headers["Location"] == "/iot/"
    assert [urljoin(f"{balanced.url}/schema/openapi.json", each["url"]) for each in document["servers"]] == [
        f"{balanced.url}/"
    ]
