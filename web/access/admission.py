"""Admission: how many requests may use a sandbox at a time, and whose.

A check or a trial takes seconds, and a sandbox runs one step at a time (`pipeline.trials.shared_sandbox`). If
every request could wait for it, 100 uploads would fill the handler threads and the memory, and delay
everybody for minutes. So each of the API's two sandboxes, for uploads and for trials, has a number of places:

- A request that uses a sandbox has a place from the start of its work until its end. If none is free, the
  answer is 503 with `Retry-After`. A request whose body is still on its way has no place.
- One client, a token or else an address, has at most `SHARE` of the places, and works with one of them at a
  time; its other requests wait. So clients take turns, however many requests each of them sends.
- A request whose client has disconnected loses its place at once, or at the end of the step that is running.
- A request that takes longer than `LONGEST` seconds, with its waiting, loses its place: 503.
- Nothing here uses a handler thread, so no other request waits for a sandbox.
- A request that cannot have a place is refused before its body is read (`Admission.check`), and only a few
  such requests are examined at a time (`Entrance`). So thousands of them delay no other request either.

A route has no other way to a sandbox than these places: `Services` offers none.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Final, Generic, Literal, TypeVar, get_args

from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send, WebSocketReceiveMessage

from pipeline.errors import Busy
from pipeline.trials.shared_sandbox import to_the_end
from web.http.problems import ClientGone
from web.metrics import SandboxMetrics

#: The kinds of work in a sandbox. A handler does the work of which it has the parameter, a `SandboxUse`.
Kind = Literal["uploads", "trials"]

_Tool = TypeVar("_Tool")
_Result = TypeVar("_Result")

#: The part of the places that one client may have.
SHARE: Final = 1 / 4

#: Maximum seconds from the place until the end of the work. The commands wait for an answer for 60 seconds.
LONGEST: Final = 45.0

#: Seconds after which a refused client should try again.
AGAIN: Final = 5

#: Threads for the steps of these requests that wait for Redis or compute, without a sandbox.
_THREADS: Final = 4


#: Maximum requests in the entrance at a time.
_AT_ONCE: Final = 8


def kinds_of(handler: BaseRouteHandler) -> list[Kind]:
    """Return the kinds of work that a handler does."""
    return [kind for kind in get_args(Kind) if kind in handler.parsed_fn_signature.parameters]


class _Client:
    """A client with places. `turn` is held by its request that works."""

    def __init__(self) -> None:
        self.places = 0
        self.turn = asyncio.Lock()


class Admission(Generic[_Tool]):
    """The places for the work with one `tool`, used by one event loop. `kind` names the work."""

    def __init__(self, kind: Kind, tool: _Tool, most: int, metrics: SandboxMetrics) -> None:
        self._kind, self._tool, self._most = kind, tool, most
        self._share = max(1, int(most * SHARE))
        self._clients = dict[str, _Client]()
        self._threads = ThreadPoolExecutor(_THREADS, kind)
        self._waiting = metrics.requests.labels(kind, "waiting")
        self._working = metrics.requests.labels(kind, "working")
        self._refused = {
            reason: metrics.refused.labels(kind, reason) for reason in ("full", "client", "time")
        }
        self._gone = metrics.gone.labels(kind)

    @property
    def taken(self) -> int:
        """The number of places that are taken."""
        return sum(client.places for client in self._clients.values())

    def check(self, name: str) -> None:
        """Raise `Busy` if this client cannot have a place."""
        if name in self._clients and self._clients[name].places >= self._share:
            self._refused["client"].inc()
            raise Busy(
                f"This client has {self._share} {self._kind} that run or wait, the maximum for one", AGAIN
            )
        if self.taken >= self._most:
            self._refused["full"].inc()
            raise Busy(f"All {self._most} places for {self._kind} are taken", AGAIN)

    async def run(
        self, name: str, receive: Receive, work: Callable[[_Tool], Coroutine[Any, Any, _Result]]
    ) -> _Result:
        """Return the result of `work` for a client whose request has arrived completely.

        Raises `Busy`, and `ClientGone`.
        """
        with self._place(name) as client:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                working.cancel()

            # The first task runs first, so a client that has gone already causes no work.
            watching = asyncio.create_task(watch())
            working = asyncio.create_task(self._work(client, work))
            try:
                return await working
            except asyncio.CancelledError:
                if not watching.done():
                    raise
                self._gone.inc()
                raise ClientGone from None
            finally:
                watching.cancel()

    async def call(self, step: Callable[[], _Result]) -> _Result:
        """Return the result of a blocking step of some work."""
        return await to_the_end(self._threads, step)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    @contextmanager
    def _place(self, name: str) -> Iterator[_Client]:
        self.check(name)
        client = self._clients.setdefault(name, _Client())
        client.places += 1
        try:
            yield client
        finally:
            client.places -= 1
            if not client.places:
                del self._clients[name]

    async def _work(self, client: _Client, work: Callable[[_Tool], Coroutine[Any, Any, _Result]]) -> _Result:
        try:
            async with asyncio.timeout(LONGEST) as time:
                with self._waiting.track_inprogress():
                    await client.turn.acquire()
                try:
                    with self._working.track_inprogress():
                        return await work(self._tool)
                finally:
                    client.turn.release()
        except TimeoutError:
            if not time.expired():
                raise
            self._refused["time"].inc()
            raise Busy(f"The {self._kind} took longer than {LONGEST:g} seconds", AGAIN) from None


class Entrance(ASGIMiddleware):
    """Middleware around every route that lets few requests for a sandbox in at a time.

    A request leaves the entrance when it asks for its body, so a client that sends slowly delays no other.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on."""
        if not kinds_of(scope["route_handler"]):
            await next_app(scope, receive, send)
            return
        async with AsyncExitStack() as entrance:
            await entrance.enter_async_context(self._room)

            async def receive_outside() -> HTTPReceiveMessage | WebSocketReceiveMessage:
                await entrance.aclose()
                return await receive()

            await next_app(scope, receive_outside, send)


class SandboxUse(Generic[_Tool]):
    """A request's way to a sandbox, for a handler that is a coroutine."""

    def __init__(self, admission: Admission[_Tool], client: str, receive: Receive) -> None:
        self._admission, self._client, self._receive = admission, client, receive

    async def run(self, work: Callable[[_Tool], Coroutine[Any, Any, _Result]]) -> _Result:
        """Return the result of `work` in a place. Raises `Busy`, and `ClientGone`."""
        return await self._admission.run(self._client, self._receive, work)

    async def call(self, step: Callable[[], _Result]) -> _Result:
        """Return the result of a blocking step of the work. A step that has begun always runs to its end."""
        return await self._admission.call(step)
