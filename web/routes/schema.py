"""The routes of the documents: `/schema` for people, `/schema/openapi.json` and `/schema/asyncapi.json`.

Each process generates them once, at the first request. The page is HTML and one stylesheet. It runs no script
and contacts no other host; its Content-Security-Policy forbids both.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from litestar import Litestar, MediaType, Request, Response, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Server

from pipeline.settings import Settings
from web.access.roles import SCHEME, public
from web.documents import asyncapi, openapi
from web.documents.page import page
from web.http.problems import respond

#: The path of the documents.
PATH: Final = "/schema"
_FOLDER: Final = "schema/"

_DESCRIPTION: Final = """\
Write, check, deploy and roll back the logic of a plant's machines, watch the machines, and repair failures.

Errors are problem details (RFC 9457). Lists come in pages: `next` is the cursor of the next page, and null \
on the last page. Times are RFC 3339. As soon as the first token exists, each request needs a token, sent as \
`Authorization: Bearer …`. Each route names the role that it needs: viewer, operator, author or admin. Each \
role includes the roles before it. `asyncapi.json` describes the messages over MQTT and AMQP.
"""

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


class _Document(OpenAPIRenderPlugin):
    """One document, at its path below `PATH`.

    `make` is given the address of the folder `PATH`, relative to the request's: a proxy may serve the API
    below a path that the API does not know.
    """

    def __init__(self, path: str, media_type: str, make: Callable[[Litestar, str], bytes]) -> None:
        super().__init__(path=path, media_type=media_type)  # type: ignore[arg-type]
        self._make = cache(make)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        """Return the document."""
        return self._make(request.app, "" if request.scope["raw_path"].endswith(b"/") else _FOLDER)


def openapi_config(settings: Settings) -> OpenAPIConfig:
    """Return Litestar's settings for describing the application and serving the documents."""

    def whole_page(app: Litestar, folder: str) -> bytes:
        return page(openapi.document(app), asyncapi.document(settings), folder).encode()

    return OpenAPIConfig(
        title="IoT Logic Processor",
        version="1",
        description=_DESCRIPTION,
        servers=[Server(url="..")],  # relative to the document
        use_handler_docstrings=True,
        operation_id_creator=openapi.operation_id,
        components=Components(
            security_schemes={
                SCHEME: SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="A token from `iot-logic token create` or `POST /tokens`.",
                )
            }
        ),
        render_plugins=[
            _Document("/", MediaType.HTML, whole_page),
            _Document("/openapi.json", "application/json", lambda app, _: _json(openapi.document(app))),
            _Document("/asyncapi.json", "application/json", lambda *_: _json(asyncapi.document(settings))),
            _Document(
                "/style.css", "text/css", lambda *_: (files("web.documents") / "style.css").read_bytes()
            ),
        ],
        # Public, because it contains nothing about this system, and users read the page before they have a
        # token.
        openapi_router=Router(
            PATH,
            route_handlers=[],
            include_in_schema=False,
            opt=public()["opt"],
            after_request=_complete,
        ),
    )


def _complete(response: Response[Any]) -> Response[Any]:
    """Add the headers to a response. Litestar answers unknown paths here with a page of its own."""
    if response.status_code == 404:
        return respond(404, "There is no such document. /schema shows the documents.")
    response.headers.update(_HEADERS)
    return response


def _json(document: dict[str, Any]) -> bytes:
    return msgspec.json.encode(document)
