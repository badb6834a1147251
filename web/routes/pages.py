"""The routes of the pages: `/`, and below `/pages/` all that it loads.

They are files and know nothing of the plant: what they show, they ask the API for, with the token of the one
who looks. So they are open to all. The names of what is below `/pages/` carry a hash of their content, which
stays good for ever; `/` is asked for anew each time, and says which they are.

The Content-Security-Policy lets them run and show nothing but these files, talk to nobody but this API, and
make no HTML out of text, but for what Svelte makes of its own templates.
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
        """The page that loads all others."""
        index = built_pages().get("index.html")
        if index is None:
            return Response(_NOT_BUILT, status_code=404, media_type="text/plain")
        return _answer(request, index, _INDEX)

    @route("/pages/{name:str}", http_method=["GET", "HEAD"], sync_to_thread=False, **public(404))
    def get_page_file(self, request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
        """A script, a stylesheet or an image of theirs."""
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
    """Whether an `Accept-Encoding` names gzip, and not with the weight 0 (RFC 9110, section 12.5.3)."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.replace(" ", "").partition(";")
        if coding == "gzip":
            return not (weight.startswith("q=") and weight[2:].strip("0.") == "")
    return False
