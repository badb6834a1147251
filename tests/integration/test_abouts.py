"""The cards of machines in Redis, while others change them."""

import redis

from pipeline.model.about import NO_ABOUT, About
from pipeline.store.abouts import AboutStore
from pipeline.store.keys import TAGS_KEY


def test_changes_at_the_same_time_leave_the_sets_as_the_card_says(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        store = AboutStore(client)
        meanwhile = iter([About(tags=("b", "c")), None])

        def step(before: About) -> About:
            other = next(meanwhile, None)
            if other is not None:
                store.change("m", lambda _: other)
            return About(tags=(*before.tags, "d"))

        assert store.change("m", step) == (About(tags=("b", "c")), About(tags=("b", "c", "d")))
        assert client.zrange(TAGS_KEY, 0, -1) == [b"b", b"c", b"d"]
        assert store.remove("m")
        assert not store.remove("m")
        assert store.read(["m"]) == {"m": NO_ABOUT}
        assert client.keys("*") == []
