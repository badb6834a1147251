"""The places of requests for a sandbox: who gets one, for how long, and who is refused."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any

import pytest
from litestar.types import HTTPDisconnectEvent, ReceiveMessage
from prometheus_client import CollectorRegistry

from pipeline.errors import Busy
from web.access import admission as module
from web.access.admission import Admission
from web.http.problems import ClientGone
from web.metrics import SandboxMetrics


class Connection:
    """A client's connection. `gone` is set when the client disconnects."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> ReceiveMessage:
        await self.gone.wait()
        return HTTPDisconnectEvent(type="http.disconnect")


class Work:
    """Work that takes until `end` is set."""

    def __init__(self) -> None:
        self.begun = list[str]()
        self.end = asyncio.Event()

    def named(self, name: str) -> Callable[[object], Coroutine[Any, Any, str]]:
        async def work(_tool: object) -> str:
            self.begun.append(name)
            await self.end.wait()
            return name

        return work


class Client:
    """A client that sends requests to the same places as the others."""

    def __init__(self, places: Admission[object], name: str) -> None:
        self._places, self._name = places, name

    def send(self, work: Work, name: str, connection: Connection | None = None) -> "asyncio.Task[str]":
        receive = (connection or Connection()).receive
        return asyncio.create_task(self._places.run(self._name, receive, work.named(name)))


def places(most: int) -> Admission[object]:
    return Admission("trials", object(), most, SandboxMetrics(CollectorRegistry()))


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds. Fail after 20 seconds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def idle() -> None:
    """Let all tasks go on as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_client_has_a_quarter_of_the_places_and_further_requests_are_refused() -> None:
    async def scenario() -> None:
        shared, work = places(8), Work()
        one, other = Client(shared, "one"), Client(shared, "other")
        answers = [one.send(work, "first"), one.send(work, "second")]
        await until(lambda: work.begun)
        with pytest.raises(Busy, match="This client has 2 trials") as refused:
            await one.send(work, "third")
        answers.append(other.send(work, "of another client"))
        await until(lambda: len(work.begun) == 2)
        work.end.set()
        assert refused.value.again > 0
        assert await asyncio.gather(*answers) == ["first", "second", "of another client"]
        assert await one.send(work, "fourth") == "fourth"
        assert shared.taken == 0

    asyncio.run(scenario())


def test_if_all_places_are_taken_the_next_client_is_refused() -> None:
    async def scenario() -> None:
        shared, work = places(4), Work()
        answers = [Client(shared, name).send(work, name) for name in ("a", "b", "c", "d")]
        await until(lambda: len(work.begun) == 4)
        with pytest.raises(Busy, match="All 4 places for trials are taken"):
            await Client(shared, "e").send(work, "e")
        with pytest.raises(Busy, match="All 4 places for trials are taken"):
            shared.check("e")
        work.end.set()
        await asyncio.gather(*answers)
        assert await Client(shared, "e").send(work, "e") == "e"

    asyncio.run(scenario())


def test_a_client_works_with_one_place_at_a_time() -> None:
    async def scenario() -> None:
        shared, first, second = places(8), Work(), Work()
        client = Client(shared, "one")
        answers = [client.send(first, "first"), client.send(second, "second")]
        await idle()
        begun = [*first.begun, *second.begun]
        first.end.set()
        await until(lambda: second.begun)
        second.end.set()
        await asyncio.gather(*answers)
        assert begun == ["first"]

    asyncio.run(scenario())


def test_a_request_whose_client_has_gone_already_causes_no_work() -> None:
    async def scenario() -> None:
        shared, work, connection = places(4), Work(), Connection()
        connection.gone.set()
        with pytest.raises(ClientGone):
            await Client(shared, "one").send(work, "it", connection)
        assert work.begun == []
        assert shared.taken == 0

    asyncio.run(scenario())


def test_a_client_that_leaves_gives_its_place_back_whether_it_waits_or_works() -> None:
    async def scenario() -> None:
        shared, work = places(8), Work()
        client, working, waiting = Client(shared, "one"), Connection(), Connection()
        answers = [client.send(work, "first", working), client.send(work, "second", waiting)]
        await until(lambda: work.begun)
        waiting.gone.set()
        await until(lambda: shared.taken == 1)
        working.gone.set()
        await until(lambda: shared.taken == 0)
        found = await asyncio.gather(*answers, return_exceptions=True)
        assert [type(each) for each in found] == [ClientGone, ClientGone]
        assert work.begun == ["first"]

    asyncio.run(scenario())


def test_a_step_that_has_begun_keeps_its_place_until_it_ends_though_the_client_has_gone() -> None:
    async def scenario() -> None:
        shared, connection, begun, end = places(4), Connection(), Event(), Event()

        def step() -> None:
            begun.set()
            assert end.wait(20)

        async def work(_tool: object) -> None:
            await shared.call(step)

        answer = asyncio.create_task(shared.run("one", connection.receive, work))
        await until(begun.is_set)
        connection.gone.set()
        await idle()
        taken = shared.taken
        end.set()
        with pytest.raises(ClientGone):
            await answer
        assert taken == 1
        assert shared.taken == 0

    asyncio.run(scenario())


def test_work_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.01)

    async def scenario() -> None:
        shared, work = places(4), Work()
        with pytest.raises(Busy, match="longer than"):
            await Client(shared, "one").send(work, "it")
        assert shared.taken == 0

    asyncio.run(scenario())


def test_the_errors_of_the_work_are_its_own() -> None:
    async def scenario() -> None:
        shared = places(4)

        async def work(_tool: object) -> None:
            raise TimeoutError("of the work")

        with pytest.raises(TimeoutError, match="of the work"):
            await shared.run("one", Connection().receive, work)
        assert shared.taken == 0

    asyncio.run(scenario())
