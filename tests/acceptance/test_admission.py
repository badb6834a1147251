"""Requests that use a sandbox have places: however many arrive, the API keeps answering all others."""

import asyncio
import json
import re
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import httpx
import psutil
import pytest
import redis
from litestar import Litestar, get
from litestar.di import NamedDependency
from litestar.testing import TestClient
from msgspec import Struct
from prometheus_client.metrics_core import Metric

from pipeline.settings import Settings
from pipeline.store.tokens import Tokens
from sandbox.job import Checked, Job, Report
from sandbox.parent.sandbox import Sandbox
from tests.support.installation import Command, Installation
from tests.support.metrics import parse, value
from tests.support.waiting import wait_until
from web.access.admission import kinds_of
from web.access.roles import Role, access
from web.app import create_app
from web.documents.openapi import handlers
from web.services import Services

#: Maximum bytes of memory of the API and its sandbox children together (docs/promises.md).
MEMORY: Final = 768 << 20

#: The places in this module, for uploads and for trials.
PLACES: Final = 8

#: Parallel uploads, and as many trials.
MANY: Final = 200

COUNTER: Final = """
def process(data, state):
    state["n"] = state.get("n", 0) + 1
    return {"n": state["n"]}
"""
ENDLESS: Final = "def process(data, state):\n    while True:\n        pass\n"
GREEDY: Final = """
def process(data, state):
    kept = []
    while True:
        kept.append([0] * 20000)
"""
SWALLOWS: Final = """
def process(data, state):
    done = 0
    try:
        try:
            while True:
                done += 1
        finally:
            [][0]
    except IndexError:
        pass
    return {"done": done}
"""
DIVIDES: Final = f"""
def process(data, state):
    x, y = 1.7e308, 5e-324 * 3
    while True:
        z = ({"x % y, " * 16})
"""


def nested(depth: int) -> str:
    """Return a logic with `finally` in `finally`: Python doubles the code for each."""
    lines = ["def process(data, state):"]
    for level in range(depth):
        indent = " " * (level + 1)
        lines += [f"{indent}try:", f"{indent} pass", f"{indent}finally:"]
    return "\n".join([*lines, " " * (depth + 1) + "pass"]) + "\n"


class Request(NamedTuple):
    """A request to send, without the last `cut` bytes of its body.

    A client that `leaves` closes its connection right after it has sent it.
    """

    path: str
    body: bytes
    leaves: bool = False
    cut: int = 0

    def written(self, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
        """Return the bytes to send."""
        head = {"Host": "127.0.0.1", "Content-Length": str(len(self.body)), "Connection": "close", **headers}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {text}" for name, text in head.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body[: len(self.body) - self.cut]


class Answer(NamedTuple):
    """The answer to a request: its status and `Retry-After`."""

    path: str
    status: int
    retry_after: int | None


def upload(machine: str, logic: str, **fields: object) -> Request:
    return Request(f"/machines/{machine}/logic", json.dumps({"logic": logic, **fields}).encode())


#: An upload that takes long.
ENDLESS_UPLOAD = upload("m", ENDLESS, examples=[{"name": "endless", "readings": [1] * 100}])


def trial(logic: str) -> Request:
    return Request("/logic/test", json.dumps({"logic": logic, "readings": [1] * 1000}).encode())


def worst() -> list[Request]:
    """Return the worst uploads and trials, and some whose clients leave."""
    logics = [nested(14), nested(16), nested(19), COUNTER + "#" * 30_000, SWALLOWS]
    uploads = [upload(f"m{place}", logics[place % len(logics)]) for place in range(MANY // 2)]
    uploads += [ENDLESS_UPLOAD] * (MANY // 2)
    tried = [ENDLESS, GREEDY, SWALLOWS, DIVIDES, nested(16)]
    trials = [trial(tried[place % len(tried)]) for place in range(MANY)]
    leaving = [each._replace(leaves=True) for each in (*uploads[::4], *trials[::4])]
    return [*uploads, *trials, *leaving]


async def send(port: int, request: Request) -> Answer | None:
    """Send a request on a connection of its own. Return its answer; None if the client leaves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.written())
        await writer.drain()
        if request.leaves:
            return None
        answer = (await reader.read()).decode()
    finally:
        writer.close()
    head, _, _ = answer.partition("\r\n\r\n")
    retry_after = re.search(r"\r\nretry-after: (\d+)", head, re.IGNORECASE)
    return Answer(request.path, int(head.split()[1]), int(retry_after[1]) if retry_after else None)


def send_all(port: int, requests: Sequence[Request]) -> list[Answer]:
    """Send all requests at the same time. Return the answers."""

    async def sent() -> list[Answer | None]:
        return await asyncio.gather(*(send(port, request) for request in requests))

    return [answer for answer in asyncio.run(sent()) if answer is not None]


class Watched(Struct):
    """The memory of a process and its children: the maximum so far."""

    most: int = 0


@contextmanager
def watched(api: Command) -> Iterator[Watched]:
    """Watch the memory of the API and its children during the block."""
    found, ended = Watched(), Event()

    def watch() -> None:
        process = psutil.Process(api.process.pid)
        while not ended.wait(0.05):
            size = 0
            for each in (process, *process.children(recursive=True)):
                try:
                    size += each.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            found.most = max(found.most, size)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


@get("/forgetful", sync_to_thread=True, **access(Role.VIEWER))
def forgetful(services: NamedDependency[Services]) -> None:
    services._checks.sandbox.check(COUNTER)


@pytest.fixture(scope="module")
def services(plant: Installation) -> Services:
    return Services(Settings(amqp_url=plant.amqp_url, redis_url=plant.redis_url))


@pytest.fixture(scope="module")
def inner(services: Services) -> Iterator[TestClient[Litestar]]:
    """The application in this process, with an additional route that is faulty on purpose."""
    app = create_app(services)
    app.register(forgetful)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    # So that an endless logic runs long enough for the tests to wait for it.
    module_installation.environ["IOT_LOGIC_LIMIT_FUEL"] = "100000000"
    module_installation.environ["IOT_LOGIC_API_SANDBOX_PLACES"] = str(PLACES)
    module_installation.start_api()
    return module_installation


@pytest.fixture
def tokens(plant: Installation) -> Iterator[Tokens]:
    """Creates tokens, and deletes them after the test."""
    with redis.Redis.from_url(plant.redis_url) as client:
        tokens = Tokens(client)
        yield tokens
        for each in tokens.list():
            tokens.revoke(each.name)


def bearer(tokens: Tokens, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.create(name, Role.AUTHOR)}"}


def port_of(plant: Installation) -> int:
    return int(plant.environ["IOT_LOGIC_API_PORT"])


def post(plant: Installation, request: Request, headers: dict[str, str]) -> httpx.Response:
    return plant.client.post(request.path, content=request.body, headers=headers)


@contextmanager
def held(plant: Installation, requests: Sequence[Request], headers: dict[str, str]) -> Iterator[None]:
    """Send these requests, each on a connection of its own, and disconnect at the end of the block."""
    with ExitStack() as stack:
        for each in requests:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(plant))))
            connection.sendall(each.written(headers))
        yield


def metrics_of(plant: Installation, headers: dict[str, str]) -> list[Metric]:
    return parse(plant.client.get("/metrics", headers=headers).raise_for_status().text)


def taken(plant: Installation, headers: dict[str, str], kind: str) -> float:
    """Return the number of taken places."""
    return value(metrics_of(plant, headers), "iot_logic_sandbox_requests", kind=kind)


def connections(plant: Installation) -> int:
    """Return the number of open connections to the API."""
    found = psutil.Process(plant.commands[0].process.pid).net_connections("tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port_of(plant) for each in found)


def test_the_worst_uploads_and_trials_stop_no_other_request(plant: Installation) -> None:
    plant.upload("ordinary", COUNTER)
    seconds = list[float]()

    with watched(plant.commands[0]) as memory, ThreadPoolExecutor(1) as pool:
        answering = pool.submit(send_all, port_of(plant), worst())
        while not answering.done():
            began = perf_counter()
            assert plant.client.get("/machines", timeout=60).status_code == 200
            seconds.append(perf_counter() - began)
        answers = answering.result()
    version = plant.upload("ordinary", COUNTER + "\n")

    counts = Counter(answer.status for answer in answers)
    assert len(answers) == 2 * MANY
    assert set(counts) <= {200, 201, 422, 503}, counts
    assert counts[503] > MANY
    assert all(answer.retry_after for answer in answers if answer.status == 503)
    for path in ("/machines/", "/logic/test"):
        assert any(each.status != 503 for each in answers if each.path.startswith(path))
    assert sorted(seconds)[int(len(seconds) * 0.99)] < 1
    assert memory.most < MEMORY
    assert version == 2


@pytest.mark.parametrize("kind", ["uploads", "trials"])
def test_a_client_has_a_quarter_of_the_places_and_all_others_find_places(
    plant: Installation, tokens: Tokens, kind: str
) -> None:
    greedy, other = bearer(tokens, "greedy"), bearer(tokens, "other")
    slow, quick = (
        (ENDLESS_UPLOAD, upload("m", COUNTER)) if kind == "uploads" else (trial(ENDLESS), trial(COUNTER))
    )

    with held(plant, [slow] * (PLACES // 4), greedy):
        wait_until(lambda: taken(plant, other, kind) == PLACES // 4)
        refused = [post(plant, quick, greedy) for _ in range(3)]
        answered = post(plant, quick, other)

    assert answered.status_code in (200, 201)
    assert {each.status_code for each in refused} == {503}
    assert all(int(each.headers["Retry-After"]) > 0 for each in refused)
    assert f"This client has {PLACES // 4} {kind}" in refused[0].json()["detail"]
    assert refused[0].headers["Content-Type"] == "application/problem+json"


def test_uploads_continue_while_all_places_for_trials_are_taken(plant: Installation, tokens: Tokens) -> None:
    clients = [bearer(tokens, name) for name in ("a", "b", "c", "d")]
    other = bearer(tokens, "other")

    with ExitStack() as stack:
        for each in clients:
            stack.enter_context(held(plant, [trial(ENDLESS)] * (PLACES // 4), each))
        wait_until(lambda: taken(plant, other, "trials") == PLACES)
        refused = post(plant, trial(COUNTER), other)
        uploaded = post(plant, upload("continued", COUNTER), other)

    assert refused.status_code == 503
    assert f"All {PLACES} places" in refused.json()["detail"]
    assert uploaded.status_code == 201


def test_a_push_waits_until_the_api_has_a_place_again(
    plant: Installation, tokens: Tokens, tmp_path: Path
) -> None:
    token = tokens.create("client", Role.AUTHOR)
    client = {"Authorization": f"Bearer {token}"}
    (tmp_path / "pushed.py").write_text(COUNTER)

    def refused() -> float:
        return value(metrics_of(plant, client), "iot_logic_sandbox_requests_refused_total", kind="trials")

    with held(plant, [trial(ENDLESS)] * (PLACES // 4), client):
        wait_until(lambda: taken(plant, client, "trials") == PLACES // 4)
        before = refused()
        push = plant.start(
            *("iot-logic", "push", str(tmp_path / "pushed.py"), "--machine", "pushed"),
            environ={"IOT_LOGIC_API_TOKEN": token},
        )
        wait_until(lambda: refused() > before)
    status = push.process.wait(30)

    assert status == 0, push.log
    assert plant.client.get("/machines/pushed/logic", headers=client).json()["version"] == 1


def test_a_client_that_disconnects_gives_its_places_back_and_its_waiting_request_never_runs(
    plant: Installation, tokens: Tokens
) -> None:
    client, other = bearer(tokens, "client"), bearer(tokens, "other")

    with held(plant, [ENDLESS_UPLOAD], client):
        wait_until(lambda: taken(plant, other, "uploads") == 1)
        with held(plant, [upload("never", COUNTER)], client):
            wait_until(lambda: taken(plant, other, "uploads") == 2)
    wait_until(lambda: taken(plant, other, "uploads") == 0)
    metrics = metrics_of(plant, other)

    assert value(metrics, "iot_logic_sandbox_requests_gone_total", kind="uploads") >= 2
    assert (
        value(metrics, "iot_logic_http_requests_total", route="/machines/{machine_id}/logic", status="499")
        >= 2
    )
    assert plant.client.get("/machines/never/logic", headers=other).status_code == 404


def test_a_body_that_arrives_slowly_holds_no_place(plant: Installation, tokens: Tokens) -> None:
    client = bearer(tokens, "client")
    begun = trial(COUNTER)._replace(cut=10)

    with held(plant, [begun] * (2 * PLACES), client):
        wait_until(lambda: connections(plant) > 2 * PLACES)
        answers = [post(plant, trial(COUNTER), client).status_code for _ in range(PLACES)]
        places = taken(plant, client, "trials")

    assert answers == [200] * PLACES
    assert places == 0


def test_a_refused_client_gets_its_answer_though_it_sends_on(plant: Installation, tokens: Tokens) -> None:
    bearer(tokens, "the-first")
    body = b"x" * 900_000

    answers = send_all(
        port_of(plant), [Request(path, body) for path in ("/logic/test", "/machines/m/data")] * 20
    )

    assert [answer.status for answer in answers] == [401] * 40


def test_the_bodies_in_memory_are_limited(
    inner: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.access.bodies.SHARE", 1000)
    small, large = ({"text": "x" * length} for length in (900, 1100))
    statuses = [inner.put("/machines/m/config", json=small).status_code for _ in range(5)]
    refused = inner.put("/machines/m/config", json=large)

    assert statuses == [200] * 5
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0


def test_no_route_reaches_a_sandbox_without_a_place(
    inner: TestClient[Litestar], services: Services, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Send the example in the OpenAPI document to each route, and note which routes use a sandbox."""
    reached, without_place = set[str](), set[str]()
    check, run = Sandbox.check, Sandbox.run

    def note() -> None:
        reached.add(route)
        if services.uploads.taken + services.trials.taken == 0:
            without_place.add(route)

    def noted_check(sandbox: Sandbox, source: str | bytes) -> Checked:
        note()
        return check(sandbox, source)

    def noted_run(sandbox: Sandbox, jobs: Sequence[Job]) -> list[Report]:
        note()
        return run(sandbox, jobs)

    monkeypatch.setattr(Sandbox, "check", noted_check)
    monkeypatch.setattr(Sandbox, "run", noted_run)
    inner.headers["Authorization"] = f"Bearer {tokens.create('admin', Role.ADMIN)}"
    operations = inner.get("/schema/openapi.json").raise_for_status().json()["paths"]
    admitted = set[str]()
    for path, method, handler in handlers(inner.app):
        operation = operations[path][method]
        # A stream of events has no end.
        if "text/event-stream" in str(operation["responses"].get("200")):
            continue
        route = "preparation"
        for owner in ("machines", "profiles"):
            inner.put(f"/{owner}/owner/logic", json={"logic": COUNTER}).raise_for_status()
        route = f"{method.upper()} {path}"
        send_example(inner, path, method, operation)
        if kinds_of(handler):
            admitted.add(route)
    route = "GET /forgetful"
    assert inner.get("/forgetful").status_code == 200

    assert reached == admitted | {"preparation", route}
    assert without_place == {route}
    assert {each.rpartition("/")[2] for each in admitted} == {"logic", "validate", "test"}


def send_example(client: TestClient[Litestar], path: str, method: str, operation: Any) -> None:
    """Send the example of an operation to the machine or the profile `owner`."""
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            example = "owner" if each["name"] in ("machine_id", "name") else str(each["example"])
            path = path.replace(f"{{{each['name']}}}", example)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    client.request(method.upper(), path, json=body)
