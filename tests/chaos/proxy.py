"""TCP proxies between a worker and its servers. They cut and stall connections as a bad network does.

A cut closes all connections at once. A stall holds back all data in transit, in both directions, and releases
it afterwards, even to the other side of a connection that was closed meanwhile. So a write can arrive long
after the client has stopped waiting for it, as in a real network.
"""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, Self, TypeVar

_CHUNK = 65_536

_T = TypeVar("_T")


class Proxy:
    """Forwards connections from `port` to another port of 127.0.0.1: the first of `targets` that answers."""

    def __init__(self, network: "Network", *targets: int) -> None:
        self._network, self._targets = network, targets
        self._writers = set[asyncio.StreamWriter]()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._stalls = 0
        self.port = 0

    async def open(self) -> Self:
        """Start listening. Like all coroutines here, it runs on the network's thread."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def cut(self) -> None:
        """Close all connections at once. New ones are accepted."""
        self._network.call(self._cut)

    def stall(self, seconds: float) -> None:
        """Hold back all data for this many seconds. Returns at once."""
        self._network.call(lambda: self._stall(seconds))

    def close(self) -> None:
        """Close all connections and accept no more."""
        self._network.call(self._close)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _stall(self, seconds: float) -> None:
        self._flowing.clear()
        self._stalls += 1
        asyncio.get_running_loop().call_later(seconds, self._flow)

    def _flow(self) -> None:
        self._stalls -= 1
        if not self._stalls:
            self._flowing.set()

    def _close(self) -> None:
        self._server.close()
        self._cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = None
        try:
            onward = await self._connect()
        finally:
            if onward is None:
                writer.transport.abort()
        if onward is None:
            return
        onward_reader, onward_writer = onward
        pair = {writer, onward_writer}
        self._writers |= pair
        try:
            await asyncio.gather(self._pump(reader, onward_writer), self._pump(onward_reader, writer))
        finally:
            self._writers -= pair

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for target in self._targets:
            try:
                return await asyncio.open_connection("127.0.0.1", target)
            except OSError:
                continue
        return None

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
            await self._flowing.wait()
        except OSError:
            pass  # this side is closed, and so is the connection
        finally:
            writer.close()


class Network:
    """The proxies, on their own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self._proxies = list[Proxy]()

    def proxy(self, *targets: int) -> Proxy:
        """Return a new proxy to the first of these ports of 127.0.0.1 that answers."""
        proxy = self._wait(Proxy(self, *targets).open())
        self._proxies.append(proxy)
        return proxy

    def call(self, function: Callable[[], None]) -> None:
        """Call a function on the network's thread, and wait for it."""

        async def call() -> None:
            function()

        self._wait(call())

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def close(self) -> None:
        """Close all proxies."""
        for proxy in self._proxies:
            proxy.close()
        self._wait(_finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _finish() -> None:
    """Let all running tasks finish."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # aborted connections close their sockets in the next turn of the loop
