"""The commands' client of the API: sends a request, and returns JSON or raises `Refused`.

It uses one connection and sends one request at a time. It follows no redirects, so the token goes only to the
given address. It repeats a request only if the API asks to send it later. If the answer to a request is lost,
nobody knows whether the request had its effect; the client tells the user so.
"""

import argparse
import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from pipeline.settings import ADDRESS_HINT, Settings, is_address
from web.cli.commands.errors import ApiUnreachable, CommandError, Misused, Refused, Unclear

#: Timeouts in seconds: to connect, and between two parts of an answer. The API sends a heartbeat every 15 s
#: on a stream of events, and trying a logic takes less.
_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 60

#: An idle connection is not used again after this many seconds, because servers close it (uvicorn after 5 s).
_IDLE_SECONDS: Final = 2.0

#: How many times, and for at most how many seconds, the client waits when the API answers that there were too
#: many requests.
_WAITS: Final = 10
_LONGEST_WAIT: Final = 30.0

#: The maximum size of an answer in bytes. The longest answers are pages of a thousand items.
_ANSWER_BYTES: Final = 256 * 1024**2

#: The maximum length of a line of a stream in bytes.
_LINE_BYTES: Final = 1024**2

_PORTS: Final = {"http": 80, "https": 443}


class _Problem(msgspec.Struct):
    detail: str
    errors: list[dict[str, Any]] = []
    examples: list[dict[str, Any]] = []


class Answer:
    """A successful answer."""

    def __init__(self, answer: http.client.HTTPResponse, body: bytes) -> None:
        self.body = body
        self.etag = answer.headers.get("ETag")
        self.type = answer.headers.get_content_type()

    @property
    def text(self) -> str:
        """Return the body as text. Raises `Unclear`."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as e:
            raise Unclear(
                "The answer of the API is not text. Check that its version matches this command."
            ) from e

    @property
    def json(self) -> Any:
        """Return the body's JSON value. Raises `Unclear`."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            raise Unclear(
                f"The answer is not JSON but {self.type or 'unknown'}. Check that the address is that of the "
                "API."
            ) from e


class Api:
    """A client of the API at `url`. Every method may raise `CommandError`."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self._token = _checked(token)
        if not is_address(url):
            raise Misused(f"The address of the API is invalid. {ADDRESS_HINT}")
        parts = urlsplit(url)
        port = parts.port
        if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
            raise Misused("The address of the API is invalid. Use http://host:port or https://host:port.")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(
            parts.hostname, _PORTS[parts.scheme] if port is None else port, timeout=_CONNECT_SECONDS
        )
        self._path = parts.path.rstrip("/")
        self._used = 0.0

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """Return a client of the API that a command's arguments name, or else the settings."""
        settings = Settings.from_environ()
        token = settings.api_token
        if arguments.token_file is not None:
            token = _read(arguments.token_file)
        return cls(arguments.api or settings.api_url, token)

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Answer:
        """Return the resource. `path` is already quoted (`quoted`)."""
        return self.call("GET", path, query=query)

    def find(self, path: str) -> Answer | None:
        """Return the resource, or None if it does not exist."""
        try:
            return self.get(path)
        except Refused as e:
            if e.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def pages(
        self, path: str, items: str, query: Mapping[str, object] | None = None, cursor: str = "after"
    ) -> Iterator[dict[str, Any]]:
        """Yield every item of a paginated list. `items` is the name of the items in a page."""
        following: object = None
        while True:
            page = self.get(path, {**(query or {}), "limit": 1000, cursor: following}).json
            try:
                yield from page[items]
                if page["next"] is None or page["next"] == following:
                    return
                following = page["next"]
            except (KeyError, TypeError) as e:
                raise Unclear(
                    f"The answer of the API has no list of {items}. Check that its version matches this "
                    "command."
                ) from e

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, with a JSON body if one is given. Raises `Refused` for a problem."""
        for _ in range(_WAITS):
            answer = self._send(method, path, body, query, headers)
            received = self._read(lambda: answer.read(_ANSWER_BYTES))  # noqa: B023
            if not _is_to_wait(answer):
                break
            time.sleep(_wait(answer))
        if not 200 <= answer.status < 300:
            raise self._problem(answer, received)
        return Answer(answer, received)

    def lines(self, path: str, headers: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """Yield the lines of an endless answer as they arrive."""
        answer = self._send("GET", path, None, None, headers)
        if answer.status != http.HTTPStatus.OK:
            raise self._problem(answer, self._read(lambda: answer.read(_ANSWER_BYTES)))
        try:
            while line := self._read(lambda: answer.readline(_LINE_BYTES)):
                yield line
        finally:
            self.close()

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: Mapping[str, object] | None,
        headers: Mapping[str, str] | None,
    ) -> http.client.HTTPResponse:
        sent = dict(headers or {})
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        content = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = self._path + path + (f"?{urlencode(given)}" if given else "")
        self._connect()
        try:
            self._connection.request(method, target, content, sent)
            return self._connection.getresponse()
        except (OSError, http.client.HTTPException) as e:
            raise self._ended(e) from e

    def _read(self, read: Callable[[], bytes]) -> bytes:
        try:
            received = read()
        except (OSError, http.client.HTTPException) as e:
            raise self._ended(e) from e
        self._used = time.monotonic()
        return received

    def _ended(self, why: object) -> ApiUnreachable:
        self.close()
        return ApiUnreachable(f"The API at {self.url} closed the connection ({why!r}). Try again.")

    def _connect(self) -> None:
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self._connection.close()
        if self._connection.sock is None:
            try:
                self._connection.connect()
            except OSError as e:
                raise ApiUnreachable(
                    f"The API at {self.url} does not answer ({e}). Start iot-api, or set its address with "
                    "--api or IOT_LOGIC_API_URL."
                ) from e
            self._be_patient()
        self._used = time.monotonic()

    def _be_patient(self) -> None:
        self._connection.sock.settimeout(_ANSWER_SECONDS)

    def _problem(self, answer: http.client.HTTPResponse, body: bytes) -> CommandError:
        try:
            problem = msgspec.json.decode(body, type=_Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Unclear(
                f"The server at {self.url} answers {answer.status}, and is not the API. Check the address."
            )
        detail = problem.detail
        if answer.status == http.HTTPStatus.UNAUTHORIZED:
            # The API's own detail is written for programs.
            detail = (
                f"{'The token is invalid, expired or revoked' if self._token else 'The API needs a token'}. "
                "Set one in IOT_LOGIC_API_TOKEN, or in a file that --token-file names. `iot-logic token "
                "create NAME --role ROLE` creates one."
            )
        return Refused(answer.status, detail, problem.errors, problem.examples)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def quoted(*parts: object) -> str:
    """Return the path of these parts, each of them quoted."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def field(answer: Answer, name: str) -> Any:
    """Return a field of an answer that is a JSON object. Raises `Unclear`."""
    value = answer.json
    if not isinstance(value, dict) or name not in value:
        raise Unclear(f"The answer of the API has no {name!r}. Check that its version matches this command.")
    return value[name]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError as e:
        raise Misused(f"The token cannot be read: {e}") from e


def _checked(token: str) -> str:
    """Return a token if it can be sent in a header. No error message contains its text."""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise Misused(
            "The token is malformed. It must be the single word that `iot-logic token create` printed."
        )
    return token


def _is_to_wait(answer: http.client.HTTPResponse) -> bool:
    """Return whether the API did nothing and says when to try again."""
    busy = answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in answer.headers
    return busy or answer.status == http.HTTPStatus.TOO_MANY_REQUESTS


def _wait(answer: http.client.HTTPResponse) -> float:
    """Return the seconds that the API asks to wait."""
    try:
        return min(max(float(answer.headers.get("Retry-After", "1")), 0.1), _LONGEST_WAIT)
    except ValueError:
        return 1.0
