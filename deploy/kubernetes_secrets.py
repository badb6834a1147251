"""Creates the secrets of the installation on Kubernetes. No password is preset.

`python3 deploy/kubernetes_secrets.py | kubectl create -f -`. It prints two secrets for the namespace
`iot-logic`:

- `redis`: the password of Redis and its Sentinels, for the operator;
- `pipeline`: the address of the Sentinels with this password, and the key with which API and workers sign and
  verify compiled logic.

The operator of RabbitMQ creates the other one. `kubectl create` refuses to replace existing secrets.

This script uses only Python's standard library, so that it can run without the package.
"""

import json
import secrets
import sys
from typing import Any, Final

NAMESPACE: Final = "iot-logic"

#: The service that the Sentinels monitor, and their number: as in deploy/kubernetes/sentinel.yaml.
_SERVICE: Final = "plant"
_SENTINELS: Final = 3


def sentinels() -> str:
    """Return the addresses of the Sentinels: each pod of the operator has a name in its Service."""
    return ",".join(f"redis-sentinel-{number}.redis-sentinel-headless:26379" for number in range(_SENTINELS))


def manifest() -> dict[str, Any]:
    """Return the secrets, with new passwords, as one object for kubectl."""
    # Without special characters: the password is also part of an address.
    password = secrets.token_hex(32)
    address = f"redis+sentinel://:{password}@{sentinels()}/{_SERVICE}?sentinel_password={password}"
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            _secret("redis", {"password": password}),
            _secret("pipeline", {"redis_url": address, "signing_key": secrets.token_urlsafe(32)}),
        ],
    }


def _secret(name: str, values: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "type": "Opaque",
        "stringData": values,
    }


if __name__ == "__main__":
    json.dump(manifest(), sys.stdout, indent=1)
