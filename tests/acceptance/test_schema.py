"""The documents that the API serves, and their page."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from pipeline.settings import Settings
from tests.support.installation import Installation
from web.access.roles import Role
from web.app import create_app
from web.documents.asyncapi import document
from web.documents.openapi import handlers
from web.documents.page import page
from web.services import Services

#: The maximum size of the page in bytes: about half of the size of a page renderer's stylesheet alone.
PAGE_BYTES = 450_000


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    module_installation.start_api()
    return module_installation


@pytest.fixture(scope="module")
def openapi(plant: Installation) -> dict[str, Any]:
    served: dict[str, Any] = plant.client.get("/schema/openapi.json").raise_for_status().json()
    return served


def operations(openapi: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def bodies(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every request and response body: its name, media type, schema and example."""
    for name, operation in operations(openapi):
        holders = dict(operation["responses"])
        if "requestBody" in operation:
            holders["body"] = operation["requestBody"]
        for what, holder in holders.items():
            for media_type, media in holder.get("content", {}).items():
                yield f"{name} {what}", media_type, media


def empty_texts(value: Any, where: str) -> Iterator[str]:
    """Yield the texts of an example that are empty, because nobody has written one."""
    if value == "":
        yield where
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from empty_texts(each, f"{where}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from empty_texts(each, where)


def test_the_openapi_document_is_valid(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(openapi).iter_errors()] == []


def test_no_two_schemas_have_the_same_name(openapi: dict[str, Any]) -> None:
    # Litestar and msgspec add the modules to such names, each in its own way.
    assert [name for name in openapi["components"]["schemas"] if not name.isalnum()] == []


def test_every_operation_has_a_description_and_a_role(openapi: dict[str, Any]) -> None:
    missing = list[str]()
    for name, operation in operations(openapi):
        if not operation["summary"]:
            missing.append(f"{name}: its handler has no docstring")
        if operation["tags"] == [None]:
            missing.append(f"{name}: give its path a tag in web.documents.descriptions")
        if operation["security"] != [{}] and operation.get("x-role") not in list(Role):
            missing.append(f"{name}: no role")
        for parameter in operation.get("parameters", ()):
            if not parameter["description"]:
                missing.append(
                    f"{name}: describe the parameter {parameter['name']} in web.documents.descriptions"
                )

    assert missing == []
    assert len({operation["operationId"] for _, operation in operations(openapi)}) == len(
        list(operations(openapi))
    )


def test_every_body_response_and_parameter_has_a_valid_example(
    openapi: dict[str, Any],
) -> None:
    wrong = list[str]()

    def check(where: str, schema: dict[str, Any], example: Any) -> None:
        # References to components start at the root.
        whole = {**schema, "components": openapi["components"]}
        wrong.extend(
            f"{where}: {error.message}"
            for error in jsonschema_rs.Draft202012Validator(whole, validate_formats=True).iter_errors(example)
        )

    for where, _, media in bodies(openapi):
        check(where, media["schema"], media["example"])
        wrong.extend(
            f"{each}: give it an example in web.documents.samples"
            for each in empty_texts(media["example"], where)
        )
    for name, operation in operations(openapi):
        for parameter in operation.get("parameters", ()):
            check(f"{name} {parameter['name']}", parameter["schema"], parameter["example"])

    assert wrong == []


def test_every_problem_is_declared_as_problem_details(openapi: dict[str, Any]) -> None:
    problems = [(where, kind, media) for where, kind, media in bodies(openapi) if where[-3:] >= "400"]
    others = [
        where
        for where, kind, media in problems
        if where[-4] == " "
        and where[-3:].isdigit()
        and (kind, media["schema"])
        != ("application/problem+json", {"$ref": "#/components/schemas/ProblemDetails"})
    ]

    assert others == []
    assert len(problems) > 100


def test_a_body_that_a_route_reads_raw_is_described(plant: Installation, openapi: dict[str, Any]) -> None:
    plant_here = Services(Settings(amqp_url=plant.amqp_url, redis_url=plant.redis_url))
    app = create_app(plant_here)
    plant_here.close()

    reading = [
        (path, method)
        for path, method, handler in handlers(app)
        if "body" in handler.parsed_fn_signature.parameters or handler.handler_name == "post_data"
    ]

    assert [each for each in reading if "requestBody" not in openapi["paths"][each[0]][each[1]]] == []
    assert len(reading) > 1


class Page(HTMLParser):
    """The resources that a page loads, its links, and anything that could run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads, self.links, self.ids, self.active = list[str](), list[str](), set[str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset", "action", "data", "poster"):
                self.loads.append(value or "")
            elif name == "style" or name.startswith("on"):
                self.active.append(f"{tag} {name}")
        if tag in ("script", "style", "iframe", "object", "embed", "form", "base"):
            self.active.append(tag)


def test_the_page_shows_every_operation_and_loads_nothing_from_other_hosts(
    plant: Installation, openapi: dict[str, Any]
) -> None:
    answer = plant.client.get("/schema").raise_for_status()
    shown = Page(answer.text)
    style = plant.client.get(shown.loads[0]).raise_for_status()
    policy = answer.headers["Content-Security-Policy"]

    assert answer.headers["Content-Type"].startswith("text/html")
    assert shown.loads == ["schema/style.css"]  # below any path
    assert Page(plant.client.get("/schema/").text).loads == ["style.css"]
    assert style.headers["Content-Type"].startswith("text/css")
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert shown.active == []
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert len(answer.content) < PAGE_BYTES
    assert {operation["operationId"] for _, operation in operations(openapi)} <= shown.ids
    for link in shown.links:
        if link.startswith("#"):
            assert link[1:] in shown.ids
        else:
            assert plant.client.get(link).status_code == 200


def test_the_text_of_a_docstring_is_escaped(plant: Installation) -> None:
    evil = "<script>alert(1)</script>"
    openapi = plant.client.get("/schema/openapi.json").json()
    openapi["info"]["description"] = openapi["paths"]["/machines"]["get"]["summary"] = evil
    openapi["components"]["schemas"][evil] = {"type": evil, "description": evil}

    assert "<script" not in page(openapi, document(Settings()), "")


def test_the_asyncapi_document_is_that_of_the_installation(plant: Installation) -> None:
    served = plant.client.get("/schema/asyncapi.json").raise_for_status()

    assert served.json() == json.loads(json.dumps(document(Settings())))


def test_a_missing_document_is_answered_with_a_problem(plant: Installation) -> None:
    answer = plant.client.get("/schema/nonsense")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "named"),
    [
        ("GET", "/machine/m1", 404, "GET '/machine/m1'"),
        ("GET", "/machines/m1/nonsense", 404, "GET '/machines/m1/nonsense'"),
        ("PATCH", "/machines/m1/state", 405, "PATCH '/machines/m1/state'"),
        ("GET", "/" + "long" * 1000, 404, "GET '/longlong"),
    ],
)
def test_an_unknown_path_is_told_where_the_routes_are_listed(
    plant: Installation, method: str, path: str, status: int, named: str
) -> None:
    problem = plant.client.request(method, path).json()

    assert problem["status"] == status
    assert problem["detail"].startswith(f"There is no route {named}")
    assert problem["detail"].endswith(". /schema lists all routes.")
    assert len(problem["detail"]) < 300


def test_options_lists_the_methods_of_a_path(plant: Installation) -> None:
    answer = plant.client.options("/machines/m1/state")

    assert answer.headers["Allow"] == "DELETE, GET, OPTIONS, PUT"


def test_an_invalid_body_is_refused_and_not_guessed(plant: Installation) -> None:
    answers = [
        plant.client.post("/dead-letters/redrive", content=body)
        for body in (b'{"machine": 3}', b'{"machine": ', b"", b'{"machine": "\xff"}', b'{"kind": "\\ud800"}')
    ]

    assert [each.status_code for each in answers] == [400] * 5
    assert answers[0].json()["errors"] == [
        {"message": "Expected `str | null`, got `int`", "key": "machine", "source": "body"}
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?kind=error&machin=m1", "no query parameter 'machin'"),
        ("?kind=error&kind=limit", "Send it once"),
        ("?limit=null", "Omit it"),
    ],
)
def test_an_invalid_query_is_refused_and_not_guessed(plant: Installation, query: str, said: str) -> None:
    answer = plant.client.get(f"/dead-letters{query}")

    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_a_machine_may_be_called_null(plant: Installation) -> None:
    assert plant.client.get("/dead-letters?machine=null").json()["dead_letters"] == []
