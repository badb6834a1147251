"""Tokens for a test."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from pipeline.store.tokens import Tokens


@contextmanager
def own_tokens(redis_url: str) -> Iterator[Tokens]:
    """Yield the store of tokens, and revoke all after the block: without tokens, none is required."""
    with redis.Redis.from_url(redis_url) as client:
        tokens = Tokens(client)
        yield tokens
        for each in tokens.list():
            tokens.revoke(each.name)
