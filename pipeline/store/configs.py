"""The versions of the configs of machines or profiles in Redis.

The current config is in the deployment (`pipeline.model.deployment`), so that a batch reads it with the
machine's record. `machine:{<id>}:configs` is a hash of its last versions by number, and the deployment has
the number of the last one. A change of a config writes both in one step. A version never changes: to restore
an earlier config, a new version with the same config is made.

`profile:{<name>}:configs` is the same hash for a profile.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final, NamedTuple, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.clock import now
from pipeline.model.deployment import Deployment
from pipeline.store.client import Client
from pipeline.store.deployments import Deployments, NewConfig
from pipeline.store.keys import configs_key

#: The number of versions of a config that are kept.
VERSIONS: Final = 50

#: The comment on a config that was set by a release without versions of configs.
_EARLIER: Final = "Set before versions of configs were kept"


class ConfigVersion(Struct, frozen=True):
    """One version: the config (JSON), the time of the change (RFC 3339, UTC), its author and comment.

    `author` is empty if no token was needed.
    """

    config: bytes
    time: str
    author: str = ""
    comment: str | None = None


class ConfigChange(NamedTuple):
    """The deployments before and after a change of a config."""

    before: Deployment
    after: Deployment


#: Called with the current config before each change. If it raises an error, the change is cancelled.
CheckConfig = Callable[[bytes], None]


class ConfigStore:
    """Writes and reads the configs of the owners in `deployments`.

    Safe to share between threads. Every method may raise `RedisError`. If a change raises it, the change may
    or may not have been made; repeating it is safe.
    """

    def __init__(self, client: Client, deployments: Deployments) -> None:
        self._redis = client
        self._deployments = deployments
        self._kind = deployments.kind

    def put(
        self, name: str, config: bytes, *, check: CheckConfig, author: str = "", comment: str | None = None
    ) -> ConfigChange:
        """Replace the config, as a new version unless it is the same. `config` is JSON in its stored form."""
        new, before = ConfigVersion(config, now(), author, comment), Deployment()

        def step(deployment: Deployment) -> tuple[Deployment, NewConfig | None]:
            nonlocal before
            before = deployment
            check(deployment.config)
            return (deployment, None) if config == deployment.config else _changed(deployment, new)

        after = self._deployments.change(name, step)
        return ConfigChange(before, after)

    def deployment(self, name: str) -> Deployment:
        """Return the deployment of a machine or profile."""
        return self._deployments.read(name)

    def version(self, name: str, number: int) -> ConfigVersion | None:
        """Return a version; None if there is no version with this number, or it is no longer kept."""
        value = cast("bytes | None", self._redis.hget(configs_key(name, self._kind), str(number)))
        return None if value is None else _decode(value)

    def versions(self, name: str, before: int, limit: int) -> list[tuple[int, ConfigVersion]]:
        """Return at most `limit` versions with numbers below `before`, latest first, each with its number."""
        found = cast("dict[bytes, bytes]", self._redis.hgetall(configs_key(name, self._kind)))
        listed = sorted(decoded_configs(found).items(), key=itemgetter(0), reverse=True)
        return [each for each in listed if each[0] < before][:limit]


def decoded_configs(found: Mapping[bytes, bytes]) -> dict[int, ConfigVersion]:
    """Return the versions in a hash of Redis, by number."""
    return {int(number): _decode(value) for number, value in found.items()}


def _changed(deployment: Deployment, version: ConfigVersion) -> tuple[Deployment, NewConfig]:
    """Return the deployment with this version of the config, and the versions to write."""
    versions = [version]
    if not deployment.configs and deployment.config != Deployment().config:
        versions.insert(0, ConfigVersion(deployment.config, version.time, comment=_EARLIER))
    last = deployment.configs + len(versions)
    entries = {
        number: msgspec.msgpack.encode(each)
        for number, each in enumerate(versions, start=deployment.configs + 1)
    }
    after = replace(deployment, config=version.config, configs=last)
    return after, NewConfig(entries, last - VERSIONS)


_decode: Callable[[bytes], ConfigVersion] = msgspec.msgpack.Decoder(ConfigVersion).decode
