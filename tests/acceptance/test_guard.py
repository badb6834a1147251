"""Access control: every route of the real API, with every role and without a token."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import httpx
import pytest
import redis
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute
from litestar.testing import TestClient

from pipeline.local.ports import free_port
from pipeline.settings import Settings
from pipeline.store.tokens import Tokens
from tests.support.installation import Installation
from tests.support.tokens import own_tokens
from tests.support.waiting import wait_until
from web.access.fair_share import AT_ONCE
from web.access.roles import Role, access
from web.app import create_app
from web.cli.main import run as run_command
from web.cli.parser import new_parser
from web.services import Services

#: The routes that need no token.
PUBLIC = {
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/pages/nobody"),
    ("HEAD", "/pages/nobody"),
}

#: The value of each path parameter, by its type: no machine, dead letter or token has it.
NONE = {str: "nobody", int: "1"}


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """The real API, with a rate limit so low that a test can exceed it."""
    module_installation.environ |= {"IOT_LOGIC_API_RATE": "5", "IOT_LOGIC_API_BURST": "250"}
    module_installation.start_api()
    return module_installation


@pytest.fixture(scope="module")
def app(plant: Installation) -> Iterator[Litestar]:
    """The same application in this process, to list its routes."""
    services = Services(Settings(amqp_url=plant.amqp_url, redis_url=plant.redis_url))
    yield create_app(services)
    services.close()


class Blocking:
    """Requests that are handled until `end` is set."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.begun = 0
        self.end = Event()


BLOCKING = Blocking()


@get("/forgotten", sync_to_thread=False)
def forgotten() -> None: ...


@get("/failing", sync_to_thread=False, **access(Role.VIEWER))
def failing() -> None:
    raise KeyError("an inner secret")


@get("/blocking", sync_to_thread=True, **access(Role.VIEWER))
def blocking() -> None:
    BLOCKING.begun += 1
    assert BLOCKING.end.wait(60)


@pytest.fixture(scope="module")
def inner(plant: Installation) -> Iterator[TestClient[Litestar]]:
    """The application in this process, with additional routes that are faulty on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITESTAR_DEBUG", "1")
        app = create_app(Services(Settings(amqp_url=plant.amqp_url, redis_url=plant.redis_url)))
    for handler in (forgotten, failing, blocking):
        app.register(handler)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def tokens(plant: Installation) -> Iterator[Tokens]:
    """Creates tokens, and revokes them after the test."""
    with own_tokens(plant.redis_url) as tokens:
        yield tokens


def handlers(app: Litestar, *, filled: bool = True) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Yield every method and path of the API, with a value for each parameter, and its handler."""
    for route in app.routes:
        for handler in route.route_handlers:  # type: ignore[union-attr]
            for method in sorted(handler.http_methods):
                # Litestar itself handles OPTIONS of a path: it lists the other methods.
                if method != "OPTIONS":
                    yield str(method), fill(route) if filled else route.path_format, handler


def fill(route: BaseRoute) -> str:
    """Return a path of this route."""
    parts = [part if isinstance(part, str) else NONE[part.type] for part in route.path_components]
    return "/" + "/".join(parts)


def run(installation: Installation, *arguments: str, status: int = 0) -> None:
    """Run `iot-logic token …` in this process, and expect this exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IOT_LOGIC_REDIS_URL", installation.redis_url)
        assert run_command(new_parser().parse_args(["token", *arguments])) == status


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(installation: Installation, method: str, path: str, headers: dict[str, str]) -> int:
    """Return the status of a response, which may be endless."""
    with installation.client.stream(method, path, headers=headers, content=b"{") as response:
        return response.status_code


def test_every_route_declares_its_role(app: Litestar) -> None:
    undeclared = [(method, path) for method, path, handler in handlers(app) if "role" not in handler.opt]
    open_to_all = {
        (method, path) for method, path, handler in handlers(app) if handler.opt.get("role", "") is None
    }

    assert undeclared == []
    assert {each for each in open_to_all if not each[1].startswith("/schema")} == PUBLIC


def test_every_route_admits_its_role_and_no_lower_one(
    plant: Installation, app: Litestar, tokens: Tokens
) -> None:
    having = {role: bearer(tokens.create(f"a-{role}", role)) for role in Role}
    wrong = list[str]()
    for method, path, handler in handlers(app):
        needed = handler.opt["role"]
        without = status(plant, method, path, {})
        if (without == 401) != (needed is not None):
            wrong.append(f"{method} {path} without a token: {without}")
        for role, headers in having.items():
            got = status(plant, method, path, headers)
            let_in = needed is None or role.includes(needed)
            if (got == 403) == let_in or got == 401 or got >= 500:
                wrong.append(f"{method} {path} as {role}: {got}")

    assert "\n".join(wrong) == ""


def test_a_route_that_declares_no_role_is_closed(inner: TestClient[Litestar]) -> None:
    answer = inner.get("/forgotten")

    assert answer.status_code == 403
    assert "declares no role" in answer.json()["detail"]


def test_an_internal_error_is_logged_and_its_response_reveals_nothing(
    inner: TestClient[Litestar], tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    token = tokens.create("boss", Role.ADMIN)
    answer = inner.get("/failing", headers=bearer(token))

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "inner" not in answer.text
    assert "an inner secret" in caplog.text
    assert token not in caplog.text


def test_a_token_with_slow_requests_delays_no_other_token(
    inner: TestClient[Litestar], tokens: Tokens
) -> None:
    slow, other = (bearer(tokens.create(name, Role.VIEWER)) for name in ("slow", "other"))
    BLOCKING.start()
    with ThreadPoolExecutor(40) as threads:
        answers = [threads.submit(inner.get, "/blocking", headers=slow) for _ in range(40)]
        wait_until(lambda: BLOCKING.begun == AT_ONCE)
        answered = inner.get("/machines", headers=other).status_code
        begun = BLOCKING.begun
        BLOCKING.end.set()

    assert answered == 200
    assert begun == AT_ONCE
    assert [answer.result().status_code for answer in answers] == [200] * 40


def test_the_waiting_requests_of_a_token_are_limited(plant: Installation, tokens: Tokens) -> None:
    slow, other = (bearer(tokens.create(name, Role.VIEWER)) for name in ("slow", "other"))
    most = AT_ONCE + 2
    app = create_app(
        Services(Settings(amqp_url=plant.amqp_url, redis_url=plant.redis_url, api_connections=8))
    )
    app.register(blocking)
    BLOCKING.start()
    with TestClient(app, base_url="http://127.0.0.1") as client, ThreadPoolExecutor(40) as threads:
        answers = [threads.submit(client.get, "/blocking", headers=slow) for _ in range(40)]
        wait_until(lambda: sum(each.done() for each in answers) == 40 - most)
        answered = client.get("/machines", headers=other).status_code
        BLOCKING.end.set()
    refused = [each.result() for each in answers if each.result().status_code == 503]

    assert answered == 200
    assert len(refused) == 40 - most
    assert all(int(each.headers["Retry-After"]) > 0 for each in refused)
    assert "'slow' already has 10 requests" in refused[0].json()["detail"]


#: Bodies that no route accepts, including some that are hard to parse.
BOMBS = [
    b"[" * 500_000,
    b'{"a":' * 150_000,
    b'{"logic":' + b"9" * 900_000 + b"}",
    b'{"logic":1e999999}',
    b'{"logic":"\\ud800"}',
    b'{"logic":"a","logic":1}',
    b'{"logic":"def process(data, state): pass","state":' + b'{"a":' * 900 + b"1" + b"}" * 901,
    b'{"name":"a\\u0000b","role":"admin","days":1e300}',
    b"\xff\xfe{}",
]

#: Values in a path in place of an id or a number.
ODDITIES = ["%00", "%ff", "m%0A", "..%2F..", "9" * 5_000]


def test_no_input_causes_an_internal_error(plant: Installation, app: Litestar, tokens: Tokens) -> None:
    wrong = list[str]()
    for number, (method, path, handler) in enumerate(handlers(app)):
        admin = bearer(tokens.create(f"a{number}", Role.ADMIN))
        odd = [f"{path.rpartition('/')[0]}/{each}" for each in ODDITIES] if method == "GET" else []
        wrong += [f"{method} {each[:100]}" for each in odd if status(plant, method, each, admin) >= 500]
        takes_a_body = {"data", "body"} & handler.parsed_fn_signature.parameters.keys()
        for body in BOMBS if takes_a_body else []:
            if plant.client.request(method, path, headers=admin, content=body).status_code >= 500:
                wrong.append(f"{method} {path} {body[:100]!r}")

    assert "\n".join(wrong) == ""


def test_a_body_that_is_too_large_is_refused_even_if_its_length_is_not_declared(plant: Installation) -> None:
    def parts() -> Iterator[bytes]:
        yield b'"'
        for _ in range(200):
            yield b"x" * 10_000
        yield b'"'

    announced = plant.client.post("/machines/m/data", content=b"".join(parts()))
    in_parts = plant.client.post("/machines/m/data", content=parts())

    assert announced.status_code == in_parts.status_code == 413
    assert announced.headers["Content-Type"] == "application/problem+json"


def test_the_number_of_readings_that_wait_for_the_broker_is_limited(
    inner: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.plant.ingest.UNCONFIRMED", 10)
    wait_until(lambda: inner.get("/health/ready").status_code == 200)
    small = [inner.post("/machines/m/data", content=b'"12345"').status_code for _ in range(3)]
    large = inner.post("/machines/m/data", content=b'"123456789"')

    assert small == [202] * 3
    assert large.status_code == 503
    assert large.headers["Retry-After"] == "5"


def test_a_browser_runs_and_shows_no_foreign_content_in_a_response(plant: Installation) -> None:
    for path in ("/machines", "/schema", "/nothing"):
        headers = plant.client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "server" not in headers


def test_without_tokens_loopback_has_full_access_and_the_first_token_ends_that(
    plant: Installation, tokens: Tokens
) -> None:
    before = plant.client.get("/tokens")
    token = tokens.create("first", Role.ADMIN)
    after = plant.client.get("/tokens")
    with_it = plant.client.get("/tokens", headers=bearer(token))

    assert before.status_code == 200
    assert after.status_code == 401
    assert after.headers["WWW-Authenticate"].startswith("Bearer")
    assert after.headers["Content-Type"] == "application/problem+json"
    assert with_it.json()["tokens"][0]["name"] == "first"
    assert with_it.json()["tokens"][0]["last_used"] is not None


FROM_ELSEWHERE = [
    ("Host", "evil.example"),
    ("Host", "127.0.0.1.evil.example:8001"),
    ("Host", "localhost.evil.example"),
    ("Host", "127.0.0.1@evil.example"),
    ("Host", "192.168.1.7:8001"),
    ("Origin", "https://evil.example"),
    ("Origin", "http://127.0.0.1:1"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "cross-site"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1"),
    ("Via", "1.1 proxy"),
]


@pytest.mark.parametrize(("header", "value"), FROM_ELSEWHERE, ids=range(len(FROM_ELSEWHERE)))
def test_without_tokens_requests_that_may_come_from_elsewhere_are_refused(
    plant: Installation, tokens: Tokens, header: str, value: str
) -> None:
    refused = plant.client.post("/machines/m/pause", headers={header: value})
    open_to_all = plant.client.get("/health/live", headers={header: value})
    token = tokens.create("boss", Role.ADMIN)
    with_token = plant.client.get("/machines", headers={header: value} | bearer(token))

    assert refused.status_code == 403
    assert "accepts requests from its own host only" in refused.json()["detail"]
    assert "iot-logic token create NAME --role admin" in refused.json()["detail"]
    assert open_to_all.status_code == 200
    assert with_token.status_code == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.9.10:80", "[::1]:8001"])
def test_without_tokens_the_apis_own_pages_are_admitted(plant: Installation, host: str) -> None:
    own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}

    assert plant.client.get("/machines", headers=own).status_code == 200


def test_each_token_can_ask_for_its_name_and_role(plant: Installation, tokens: Tokens) -> None:
    nobody = plant.client.get("/whoami").json()
    for_ever = bearer(tokens.create("anna", Role.VIEWER))
    for_a_day = bearer(tokens.create("ben", Role.AUTHOR, days=1))
    anna = plant.client.get("/whoami", headers=for_ever).json()
    ben = plant.client.get("/whoami", headers=for_a_day).json()
    expires = {each.name: each.expires for each in tokens.list()}["ben"]

    assert nobody == {"name": None, "role": "admin", "expires": None}
    assert anna == {"name": "anna", "role": "viewer", "expires": None}
    assert ben == {"name": "ben", "role": "author", "expires": expires}


def test_an_insufficient_role_is_told_the_required_one(plant: Installation, tokens: Tokens) -> None:
    token = tokens.create("watcher", Role.VIEWER)
    answer = plant.client.get("/audit", headers=bearer(token))

    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        "This request needs the role admin; the token 'watcher' has the role viewer. Use another token."
    )


def test_a_revoked_or_expired_token_is_invalid_at_once(plant: Installation, tokens: Tokens) -> None:
    admin = tokens.create("boss", Role.ADMIN)
    gone = tokens.create("gone", Role.VIEWER)
    over = tokens.create("over", Role.VIEWER, days=1e-9)
    before = plant.client.get("/machines", headers=bearer(gone))
    revoked = plant.client.delete("/tokens/gone", headers=bearer(admin))

    assert (before.status_code, revoked.status_code) == (200, 204)
    assert plant.client.get("/machines", headers=bearer(gone)).status_code == 401
    assert plant.client.get("/machines", headers=bearer(over)).status_code == 401


def test_only_the_streams_of_a_revoked_token_end_soon(plant: Installation, tokens: Tokens) -> None:
    boss = bearer(tokens.create("boss", Role.ADMIN))
    ended, begun, enough = list[str](), list[str](), Event()

    def read(name: str) -> None:
        headers = bearer(tokens.create(name, Role.VIEWER))
        with (
            httpx.Client(base_url=plant.client.base_url, timeout=30) as client,
            client.stream("GET", "/machines/watched/events", headers=headers) as stream,
        ):
            for _ in stream.iter_lines():
                begun.append(name)
                if enough.is_set():
                    break
        ended.append(name)

    def change(value: object) -> None:
        plant.client.put("/machines/watched/config", headers=boss, json={"value": value})

    with ThreadPoolExecutor(2) as threads:
        reading = [threads.submit(read, name) for name in ("gone", "stays")]
        wait_until(lambda: {"gone", "stays"} <= set(begun))
        tokens.revoke("gone")
        for number in range(1_000):
            change(number)
            if wait([reading[0]], timeout=0.2).done:
                break
        first = list(ended)
        enough.set()
        change("the last")
    for each in reading:
        each.result()

    assert first == ["gone"]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer  x",
        b"Bearer iot_boss_",
        b"Bearer iot_boss_" + b"0" * 64,
        b"Bearer iot_nobody_" + b"0" * 64,
        b"Bearer iot_boss_" + b"\xff" * 64,
        b"Bearer " + b"a" * 30_000,
        b"Bearer iot_boss_" + b"0" * 64 + b" x",
        b"Basic Ym9zczpib3Nz",
        "Bearer iot_bóss_ü".encode(),
    ],
    ids=range(11),
)
def test_all_invalid_tokens_get_the_same_answer(plant: Installation, tokens: Tokens, header: bytes) -> None:
    tokens.create("boss", Role.ADMIN)
    without = plant.client.get("/machines")
    answer = plant.client.get("/machines", headers=[(b"Authorization", header)])

    assert answer.status_code == 401
    assert answer.content == without.content


def test_two_tokens_in_a_request_are_refused(plant: Installation, tokens: Tokens) -> None:
    header = bearer(tokens.create("boss", Role.ADMIN))
    once = plant.client.get("/machines", headers=[*header.items()])
    twice = plant.client.get("/machines", headers=[*header.items(), *header.items()])

    assert (once.status_code, twice.status_code) == (200, 401)


def test_a_token_in_the_address_is_ignored(plant: Installation, tokens: Tokens) -> None:
    token = tokens.create("boss", Role.ADMIN)

    for name in ("token", "access_token", "authorization"):
        assert plant.client.get("/machines", params={name: token}).status_code == 401


def test_redis_stores_no_secret(plant: Installation, tokens: Tokens) -> None:
    token = tokens.create("boss", Role.ADMIN)
    plant.client.get("/machines", headers=bearer(token))
    with redis.Redis.from_url(plant.redis_url) as client:
        dumped = b"".join(client.dump(key) or b"" for key in client.scan_iter())

    assert b"boss" in dumped
    assert token.rpartition("_")[2].encode() not in dumped


def test_a_client_that_sends_too_many_requests_is_told_when_to_try_again(
    plant: Installation, tokens: Tokens
) -> None:
    one, two = (bearer(tokens.create(name, Role.VIEWER)) for name in ("one", "two"))
    answers = (plant.client.get("/workers", headers=one) for _ in range(5_000))
    refused = next(answer for answer in answers if answer.status_code != 200)
    other = plant.client.get("/workers", headers=two)

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert "Too many requests" in refused.json()["detail"]
    assert other.status_code == 200


def test_on_another_address_than_loopback_it_starts_only_with_a_token(
    plant: Installation, tokens: Tokens
) -> None:
    port = free_port()
    everywhere = {
        "IOT_LOGIC_API_HOST": "0.0.0.0",  # noqa: S104
        "IOT_LOGIC_API_PORT": str(port),
        "IOT_LOGIC_API_PATIENCE": "2",
    }
    refused = plant.start("iot-api", environ=everywhere)
    exit_status = refused.process.wait(timeout=60)
    token = tokens.create("boss", Role.ADMIN)
    api = plant.start("iot-api", environ=everywhere)

    def answer(path: str, headers: dict[str, str]) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers).status_code
        except httpx.TransportError:
            api.check_running()
            return 0

    wait_until(lambda: answer("/health/ready", {}) == 200)
    with_it = answer("/machines", bearer(token))
    without = answer("/machines", {})
    faked = answer("/machines", {"Host": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=::1"})
    # The server does not wait for a client that does not send the body it announced.
    with socket.create_connection(("127.0.0.1", port)) as slow:
        head = f"POST /machines/m/logic HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        said_to_the_slow = slow.makefile("rb").readline()
    tokens.revoke("boss")
    after_the_last = answer("/machines", {})
    api.stop()

    assert said_to_the_slow.startswith(b"HTTP/1.1 408 ")
    assert api.log == ""
    assert exit_status == 1
    assert "iot-logic token create NAME --role admin" in refused.log
    assert len(refused.log.strip().splitlines()) == 1
    assert (with_it, without, faked, after_the_last) == (200, 401, 401, 401)


def test_the_command_prints_a_valid_token(plant: Installation, tokens: Tokens) -> None:
    command = plant.start("iot-logic", "token", "create", "line-4", "--role", "operator")
    assert command.process.wait(timeout=60) == 0, command.log
    answer = plant.client.get("/whoami", headers=bearer(command.log.split()[-1]))

    assert [each.name for each in tokens.list()] == ["line-4"]
    assert answer.json() == {"name": "line-4", "role": "operator", "expires": None}
    assert "It cannot be shown again" in command.log


def test_a_first_token_is_created_once(
    plant: Installation, tokens: Tokens, capsys: pytest.CaptureFixture[str]
) -> None:
    run(plant, "create", "admin", "--role", "admin", "--if-none")
    first = capsys.readouterr().out.strip()
    run(plant, "create", "admin", "--role", "admin", "--if-none")
    again = capsys.readouterr().out

    assert plant.client.get("/whoami", headers=bearer(first)).json()["role"] == "admin"
    assert again == ""
    assert [each.name for each in tokens.list()] == ["admin"]


def test_the_command_lists_and_revokes_tokens_and_explains_failures(
    plant: Installation, tokens: Tokens, capsys: pytest.CaptureFixture[str]
) -> None:
    run(plant, "create", "line-4", "--role", "operator", "--expires", "30")
    created = capsys.readouterr()
    run(plant, "list")
    listed = capsys.readouterr().out
    run(plant, "create", "line-4", "--role", "viewer", status=2)
    twice = capsys.readouterr().err
    run(plant, "revoke", "line-4")
    run(plant, "revoke", "line-4", status=2)
    missing = capsys.readouterr().err

    assert created.out.startswith("iot_line-4_")
    assert created.out.strip() not in listed
    for shown in ("line-4", "operator"):
        assert shown in listed
    assert "A token 'line-4' already exists" in twice
    assert "There is no token 'line-4'" in missing
    assert tokens.list() == []
