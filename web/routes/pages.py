"""The routes of the pages: `/`, and all files that it loads, below `/pages/`.

The files contain no data about the plant. They request it from the API, with the user's token. So they are
public. The names below `/pages/` contain a hash of the content and can be cached indefinitely; `/` is
requested again each time and names the current files.

The Content-Security-Policy lets the pages load and run only these files, connect only to this API, and create
HTML only from Svelte's own templates, never from text.
"""

from typing import Any, Final

from litestar import Controller, Request, Response, route
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from web.access.roles import public
from web.http.assets import BuiltFile, built_pages

_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types svelte-trusted-html",
    ]
)

_INDEX: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ASSET: Final = {"Cache-Control": "public, max-age=31536000, immutable"}

_NOT_BUILT: Final = (
    "The web pages are not built. Run `make pages` in the source folder, then restart the API. "
    "/schema describes the API itself.\n"
)


class PagesController(Controller):
    """`/` and `/pages/<name>`."""

    include_in_schema = False

    @route("/", http_method=["GET", "HEAD"], sync_to_thread=False, **public())
    def get_pages(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Return the page that loads all others."""
        index = built_pages().get("index.html")
        if index is None:
            return Response(_NOT_BUILT, status_code=404, media_type="text/plain")
        return _answer(request, index, _INDEX)

    @route("/pages/{name:str}", http_method=["GET", "HEAD"], sync_to_thread=False, **public(404))
    def get_page_file(self, request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
        """Return a script, a stylesheet or an image of the pages."""
        found = built_pages().get(name) if name != "index.html" else None
        if found is None:
            raise NotFoundException(detail=f"The web pages have no file {name!r}. Reload the page /.")
        return _answer(request, found, _ASSET)


def _answer(request: Request[Any, Any, Any], found: BuiltFile, headers: dict[str, str]) -> Response[Any]:
    headers = headers | {"ETag": found.tag, "Vary": "Accept-Encoding"}
    if found.tag.removeprefix("W/") in request.headers.get("if-none-match", ""):
        return Response(None, status_code=304, headers=headers)
    content = found.content
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        content = found.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=found.media_type)


def _takes_gzip(accepted: str) -> bool:
    """Return whether an `Accept-Encoding` allows gzip: weight not 0 (RFC 9110, section 12.5.3)."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.replace(" ", "").partition(";")
        if coding == "gzip":
            return not (weight.startswith("q=") and weight[2:].strip("0.") == "")
    return False
