"""A sandbox that coroutines use in turns.

A sandbox is for one thread at a time, so it has a thread of its own. Each step of a caller is a turn. The
callers take turns in the order in which they ask: a caller with many short steps lets the others in between.

A caller that is cancelled while it waits leaves the line at once. A step that has begun cannot be
interrupted, so a caller that is cancelled then stays until it ends. So the number of callers limits the
number of steps, including those that nobody needs any more.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from pipeline.settings import Settings
from sandbox.parent.sandbox import Sandbox

_Result = TypeVar("_Result")


class SharedSandbox:
    """A sandbox of its own, for the coroutines of one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.sandbox = Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox)
        self._line = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "sandbox")

    async def use(self, step: Callable[[Sandbox], _Result]) -> _Result:
        """Return the result of a step, when it is its turn. Raises `SandboxUnavailable`."""
        async with self._line:
            return await to_the_end(self._thread, lambda: step(self.sandbox))

    def close(self) -> None:
        """End the thread and the sandbox's child."""
        self._thread.shutdown(cancel_futures=True)
        self.sandbox.close()


async def to_the_end(threads: ThreadPoolExecutor, step: Callable[[], _Result]) -> _Result:
    """Return the result of a step on one of these threads. If cancelled, end when the step has ended."""
    running = asyncio.get_running_loop().run_in_executor(threads, copy_context().run, step)
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])
