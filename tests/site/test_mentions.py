"""The pages name only existing commands, options, routes, targets, services, settings, metrics and files."""

import argparse
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from devices.arguments import new_parser as new_devices_parser
from docs.reference.metrics import api_registry, exposed, worker_registry
from docs.reference.rest import application
from pipeline.settings import PREFIX, limit_variable, setting_fields, variable
from sandbox.limits import Limits
from tests.site.mentions import PAGES, PROGRAMS, ROOT, Mention, mentions
from web.cli.parser import new_parser

_METHODS: Final = "GET|PUT|POST|DELETE|PATCH"
_OURS: Final = "pipeline|sandbox|web|devices|deploy|docs|tests"
_HISTOGRAM: Final = ("", "_bucket", "_sum", "_count")


class Wrong(Exception):
    """A page names something that does not exist."""


@pytest.fixture(autouse=True)
def _parsers_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    def error(_parser: argparse.ArgumentParser, message: str) -> NoReturn:
        raise Wrong(message)

    monkeypatch.setattr(argparse.ArgumentParser, "error", error)


def test_every_command_on_the_pages_works_as_written() -> None:
    found = [each for page in PAGES for each in mentions(page)]

    assert len(found) > 100
    assert {each.words[0] for each in found} == set(CHECKS) == set(PROGRAMS)
    assert list(unfit(found)) == []


@pytest.mark.parametrize(
    "command",
    [
        "iot-logic status --watch",
        "iot-logic dead-letters mend",
        "iot-logic push --profiles pumps",
        "iot-devices simulate --machines ten",
        "dramatiq pipeline.workers",
        "make release",
        "make chaos FAULT=3",
        "curl http://localhost:8001/machines/press-7/stat",
        "curl -X PATCH http://localhost:8001/machines/press-7/state",
        "curl http://localhost:8001/machines?helth=failing",
        """curl http://localhost:8001/machines/press-7/config -X PUT -d '{"limit": }'""",
        """curl http://localhost:8001/machines/press-7/profile -X PUT -d '{"name": "pumps"}'""",
        "docker compose up -d --scale workers=3",
        "docker compose --profile observe up -d",
        "docker compose -f compose.clusters.yaml up",
        "docker compose -f compose.cluster.yaml logs api",
        "docker compose logs redis-server",
        "docker compose exec worker iot-logic doktor",
        "docker compose exec rabbitmq remove-user",
    ],
)
def test_a_command_that_does_not_work_is_detected(command: str) -> None:
    assert len(list(unfit([Mention("page.md", command, inline=True)]))) == 1


def test_a_command_on_its_own_line_must_be_complete() -> None:
    assert list(unfit([Mention("page.md", "iot-logic rollback", inline=False)])) != []
    assert list(unfit([Mention("page.md", "iot-logic rollback", inline=True)])) == []


@pytest.mark.parametrize(
    ("pattern", "is_there"),
    [
        (rf"`((?:{_METHODS}) /[^`]*)`", lambda text: is_route(*text.split())),
        (r"`(/[^`]*)`", lambda text: any(is_route(method, text) for method in _METHODS.split("|"))),
        (rf"\b{PREFIX}[A-Z_]+[A-Z]\b", lambda text: text.removesuffix("_FILE") in variables()),
        (r"\biot_logic_(?!processor)[a-z_]+\b", lambda text: text in metrics()),
        (rf"`((?:{_OURS})/[\w./-]+)`", lambda text: (ROOT / text).exists()),
    ],
    ids=["routes with their methods", "paths", "settings", "metrics", "files"],
)
def test_everything_that_the_pages_name_exists(pattern: str, is_there: Callable[[str], bool]) -> None:
    named = {(page.name, text) for page in PAGES for text in re.findall(pattern, page.read_text())}

    assert len(named) > 5
    assert [each for each in sorted(named) if not is_there(each[1])] == []


def test_a_missing_name_is_detected() -> None:
    assert not is_route("GET", "/machines/{id}/stat")
    assert not is_route("DELETE", "/workers")
    assert f"{PREFIX}PARTITION" not in variables()
    assert "iot_logic_worker" not in metrics()


def unfit(found: list[Mention]) -> Iterator[str]:
    """Return the problem of each command that does not work as written."""
    for each in found:
        try:
            CHECKS[each.words[0]](each)
        except Wrong as e:
            yield f"{each.page}: {each.command}: {e}"


def check_arguments(parser: argparse.ArgumentParser, mention: Mention) -> None:
    """Check the words with the real parser. A sentence may omit required arguments."""
    try:
        parser.parse_args(mention.words[1:])
    except Wrong as e:
        if not (mention.inline and re.search("are required|expected one argument", str(e))):
            raise
    except SystemExit:
        # The command asks for its help.
        pass


def check_dramatiq(mention: Mention) -> None:
    """Check that the module exists."""
    if find_spec(mention.words[1]) is None:
        raise Wrong(f"there is no module {mention.words[1]}")


def check_make(mention: Mention) -> None:
    """Check that the targets exist, and that the variables are used."""
    makefile = (ROOT / "Makefile").read_text()
    for word in mention.words[1:]:
        name, is_variable, _ = word.partition("=")
        pattern = rf"\$\((?:or \$\()?{name}\)" if is_variable else rf"^{name}:"
        if not re.search(pattern, makefile, re.MULTILINE):
            raise Wrong(f"the Makefile has no {name}")


def check_curl(mention: Mention) -> None:
    """Check that the route accepts this method and this query, and that the body has its type."""
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("-X", dest="method")
    options.add_argument("-d", dest="body")
    options.add_argument("-H", dest="headers", action="append")
    for flag in "sN":
        options.add_argument(f"-{flag}", action="store_true")
    curl = options.parse_args(mention.words[1:])
    url = urlsplit(curl.url)
    handler = handler_of(curl.method or ("POST" if curl.body else "GET"), url.path)
    if handler is None:
        raise Wrong("there is no such route")
    parameters = handler.parsed_fn_signature.parameters
    if unknown := dict(parse_qsl(url.query)).keys() - parameters.keys():
        raise Wrong(f"the route has no {unknown}")
    if curl.body:
        try:
            body = parameters["data"].annotation if "data" in parameters else Any
            msgspec.json.decode(curl.body, type=body)
        except msgspec.DecodeError as e:
            raise Wrong(str(e)) from e


def check_docker(mention: Mention) -> None:
    """Check that services and profiles are in the compose file, and check the commands run inside of them."""
    if mention.words[1] != "compose":
        return
    words, file = mention.words[2:], "compose.yaml"
    if words[0] == "-f":
        _, file, *words = words
    if not (ROOT / file).is_file():
        raise Wrong(f"there is no {file}")
    stack = (ROOT / file).read_text()
    services = re.findall(r"^  ([a-z0-9-]+):$", stack, re.MULTILINE)
    profiles = re.findall(r"^    profiles: \[([a-z]+)\]$", stack, re.MULTILINE)

    def service(text: str) -> str:
        if text not in services:
            raise Wrong(f"there is no service {text}")
        return text

    options = argparse.ArgumentParser()
    options.add_argument("--profile", choices=profiles)
    commands = options.add_subparsers()
    for name in ("up", "down", "logs", "ps", "restart", "kill", "run", "exec"):
        command = commands.add_parser(name)
        command.add_argument("--scale", type=lambda text: service(text.partition("=")[0]))
        command.add_argument("--tail", type=int)
        for flag in ("-d", "-a", "-v", "--build", "--rm", "--force-recreate"):
            command.add_argument(flag, action="store_true")
        if name in ("run", "exec"):
            command.add_argument("service", type=service)
            command.add_argument("inside", nargs=argparse.REMAINDER)
        else:
            command.add_argument("services", nargs="*", type=service)

    typed = options.parse_args(words)
    inside = getattr(typed, "inside", [])
    if inside and inside[0] in CHECKS:
        CHECKS[inside[0]](mention._replace(command=" ".join(inside)))
    elif inside and not (
        inside[0].startswith(kind := re.sub(r"-\d$", "", typed.service))
        or (ROOT / "deploy" / kind / inside[0]).exists()
    ):
        raise Wrong(f"there is no {inside[0]} in {typed.service}")


CHECKS: Final[dict[str, Callable[[Mention], None]]] = {
    "iot-logic": lambda mention: check_arguments(new_parser(), mention),
    "iot-devices": lambda mention: check_arguments(new_devices_parser(), mention),
    "iot-api": lambda _mention: None,
    "dramatiq": check_dramatiq,
    "make": check_make,
    "curl": check_curl,
    "docker": check_docker,
}


@cache
def routes() -> list[HTTPRoute]:
    return [route for route in application().routes if isinstance(route, HTTPRoute)]


def handler_of(method: str, path: str) -> HTTPRouteHandler | None:
    """Return the handler of this path: the most specific one that matches."""
    fitting = [
        route
        for route in routes()
        if method in route.methods and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", route.path_format), path)
    ]
    exact = sorted(fitting, key=lambda route: len(route.path_parameters))
    return exact[0].route_handler_map[method][0] if exact else None  # type: ignore[index]


def is_route(method: str, path: str) -> bool:
    """Return whether a route matches this path. A page may write `<id>` or `{id}` for an id."""
    url = urlsplit(re.sub(r"<\w+>", "any", path))
    handler = handler_of(method, url.path)
    return (
        handler is not None
        and dict(parse_qsl(url.query)).keys() <= handler.parsed_fn_signature.parameters.keys()
    )


def variables() -> set[str]:
    """Return the settings and the limits, as environment variables."""
    settings = {variable(each) for each in setting_fields()}
    limits = {limit_variable(each) for each in msgspec.structs.fields(Limits)}
    return settings | limits


def metrics() -> set[str]:
    """Return the names of the metrics that Prometheus may find."""
    found = [each for registry in (worker_registry(), api_registry()) for each in registry.collect()]
    return {
        exposed(each) + suffix
        for each in found
        for suffix in (_HISTOGRAM if each.type == "histogram" else [""])
    }
