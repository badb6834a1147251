"""The sources that a worker keeps in memory."""

import os

from pipeline.settings import Settings
from pipeline.store import sources as module
from pipeline.store.client import connect
from pipeline.store.sources import Sources
from tests.support.logics import COUNT_AND_TELL


def test_a_worker_keeps_a_limited_number_of_bytes_of_logics(redis_url: str) -> None:
    client = connect(Settings(redis_url=redis_url))
    sources = Sources(client, "signing-key")
    code = os.urandom(1 << 20)
    digests = [sources.keep(f"{COUNT_AND_TELL}# {number}\n", code) for number in range(50)]

    for _ in range(2):
        loaded = sources.load(set(digests))
        assert loaded.keys() == set(digests)
        assert {logic.code for logic in loaded.values()} == {code}
        kept = sum(len(logic.source) + len(logic.code or b"") for logic in sources._cache.values())
        assert (30 << 20) < kept <= module._CACHED_BYTES
    for digest in digests:
        assert sources.load({digest})[digest].code == code
