"""Live events of an API when the primary Redis is silent: it is left for the next one."""

import asyncio

import pytest

from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.pubsub import ChangeEvent, Events
from pipeline.store.recents import RecentStore
from tests.support.replicated_redis import ReplicatedRedis
from web.live.hub import Hub

#: Seconds until the Sentinels have chosen, and the hub has noticed. The tests' Sentinels wait for one second.
PATIENCE = 40


async def until_an_event_arrives(hub: Hub, events: Events) -> None:
    """Announce a change again and again until a new reader has received one."""
    reader = await hub.open("pump", None)
    change = ChangeEvent(what="pause", time="2026-11-23T08:15:30Z", target="pump", machine="pump")

    async def admitted() -> bool:
        return True

    async def announce() -> None:
        while True:
            await asyncio.to_thread(events.changed, change)
            await asyncio.sleep(0.2)

    announcing = asyncio.create_task(announce())
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in reader.chunks(admitted):
                if b"event: change" in chunk:
                    return
    finally:
        announcing.cancel()
        await reader.close()


def test_the_events_of_a_primary_that_falls_silent_continue_at_the_next_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def read(hub: Hub, events: Events, servers: ReplicatedRedis) -> None:
        await until_an_event_arrives(hub, events)
        await asyncio.sleep(5)
        assert "interrupted" not in caplog.text, "a primary without events is not silent"
        primary = servers.primary
        with primary.frozen():
            async with asyncio.timeout(PATIENCE):
                while not await asyncio.to_thread(servers.has_other_primary, primary):
                    await asyncio.sleep(0.2)
            await until_an_event_arrives(hub, events)
        await hub.close()

    with ReplicatedRedis() as servers:
        settings = Settings(redis_url=servers.url)
        with connect(settings) as client:
            asyncio.run(read(Hub(settings, RecentStore(client)), Events(client), servers))
