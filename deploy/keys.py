"""Creates the secrets of a compose stack at its first start. No password is preset.

`python keys.py FOLDER` for compose.yaml; `python keys.py FOLDER cluster` for compose.cluster.yaml. Each part
of the stack has a folder in FOLDER. The folder is a volume that only this part and this script can read:

- `pipeline`: the URLs of RabbitMQ and Redis for API and workers, and their key to sign compiled logic;
- `devices`: the URL of RabbitMQ for the simulated machines;
- `rabbitmq`: the users with their permissions and the hashes of their passwords (`definitions.json`);
- `redis`: the same for Redis (`users.acl`).

With `cluster`, the addresses are those of all nodes and Sentinels, and there are more secrets:

- `rabbitmq`: the cookie with which the nodes know each other (`erlang_cookie`);
- `redis`: a user for replicas (`replication.conf`) and one for Sentinels;
- `sentinel`: the users of the Sentinels themselves (`users.acl`), and their passwords (`passwords.conf`).

Existing files stay. If a file is missing, all are created again: RabbitMQ and Redis read the new passwords
when they start. To change all passwords, delete these volumes and start the stack again.

Each user has only the permissions that it needs. The pipeline may use the names in
`pipeline.broker.topology`; it cannot empty or reconfigure Redis. The simulated machines may publish readings
of machines whose ids begin with `machine_`. The operator may view RabbitMQ's page and change nothing. There
is no guest. For a real machine, `add-user` creates a user that may publish the readings of that machine.

This script uses only Python's standard library, so that it can run without the package.
"""

import hashlib
import json
import secrets
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

#: The names that `pipeline.broker.topology` declares, as a regular expression.
_OURS: Final = (
    r"readings|readings\.[0-9]+|overflow\.[0-9]+|results|alarms|dead-letters|machines|ignored|unknown-topics"
    r"|health-check"
)

_NOTHING: Final = "^$"

#: All commands, without those that could empty Redis, stop it or change its configuration; of those, only two
#: that read.
_REDIS_RIGHTS: Final = "~* &* +@all -@admin -@dangerous +info +config|get"

#: What a replica sends to its primary, and what a Sentinel sends to the servers that it monitors.
#: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
_REPLICA_RIGHTS: Final = "resetkeys resetchannels -@all +psync +replconf +ping"
_SENTINEL_RIGHTS: Final = (
    "resetkeys allchannels -@all +multi +exec +slaveof +ping +subscribe +publish +info +role +config|rewrite "
    "+client|setname +client|kill +script|kill"
)
#: What clients ask a Sentinel.
_ASKING_RIGHTS: Final = (
    "resetkeys allchannels -@all +ping +hello +info +client|setinfo +client|setname +subscribe "
    "+sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters +sentinel|replicas "
    "+sentinel|slaves +sentinel|sentinels +sentinel|ckquorum"
)

#: The hosts of the servers: the names of their services.
_BROKER: Final = "rabbitmq"
_BROKERS: Final = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")
_STORE: Final = "redis"
_SENTINELS: Final = ("sentinel-1", "sentinel-2", "sentinel-3")

#: The name under which the Sentinels know the primary: as in deploy/redis/sentinel.conf.
_SERVICE: Final = "plant"


def main(folder: Path, *, cluster: bool = False) -> None:
    """Create all files if one is missing, and print the operator's password once."""
    operator = secrets.token_urlsafe(24)
    files = _cluster_files(operator) if cluster else _files(operator)
    if all((folder / name).exists() for name in files):
        print("All secrets exist.")
        return
    for name, content in files.items():
        path = folder / name
        path.unlink(missing_ok=True)
        path.write_text(content)
        # Each server has its own user, and only its own folder is mounted.
        path.chmod(0o444)
    print(
        "The secrets were created. Sign in to RabbitMQ's page as the user `operator` with the password\n"
        f"{operator}\nCopy it now. It cannot be shown again."
    )


def _files(operator: str) -> dict[str, str]:
    """Return the content of each file, by its path."""
    pipeline, devices, store = (secrets.token_urlsafe(32) for _ in range(3))
    users = {"pipeline": pipeline, "devices": devices, "operator": operator}
    return {
        "pipeline/amqp_url": f"amqp://pipeline:{pipeline}@{_BROKER}:5672/%2F\n",
        "pipeline/redis_url": f"redis://pipeline:{store}@{_STORE}:6379/0\n",
        "pipeline/signing_key": f"{secrets.token_urlsafe(32)}\n",
        "devices/mqtt_url": f"mqtt://devices:{devices}@{_BROKER}:1883\n",
        "rabbitmq/definitions.json": json.dumps(definitions(users), indent=1) + "\n",
        "redis/users.acl": acl(store),
    }


def _cluster_files(operator: str) -> dict[str, str]:
    """Return the content of each file for several servers, by its path."""
    pipeline, devices, store, replica, sentinel, cookie = (secrets.token_urlsafe(32) for _ in range(6))
    users = {"pipeline": pipeline, "devices": devices, "operator": operator}
    sentinels = ",".join(f"{host}:26379" for host in _SENTINELS)
    return {
        "pipeline/amqp_url": ",".join(f"amqp://pipeline:{pipeline}@{host}:5672/%2F" for host in _BROKERS)
        + "\n",
        "pipeline/redis_url": f"redis+sentinel://pipeline:{store}@{sentinels}/{_SERVICE}"
        f"?sentinel_username=pipeline&sentinel_password={store}\n",
        "pipeline/signing_key": f"{secrets.token_urlsafe(32)}\n",
        "devices/mqtt_url": ",".join(f"mqtt://devices:{devices}@{host}:1883" for host in _BROKERS) + "\n",
        "rabbitmq/definitions.json": json.dumps(definitions(users), indent=1) + "\n",
        "rabbitmq/erlang_cookie": cookie,
        "redis/users.acl": acl(store)
        + _user("replica", replica, _REPLICA_RIGHTS)
        + _user("sentinel", sentinel, _SENTINEL_RIGHTS),
        "redis/replication.conf": f"masteruser replica\nmasterauth {replica}\n",
        "sentinel/users.acl": "user default off resetpass\n"
        + _user("pipeline", store, _ASKING_RIGHTS)
        + _user("sentinel", sentinel, "resetkeys allchannels +@all")
        + "user health on nopass resetkeys resetchannels -@all +ping\n",
        "sentinel/passwords.conf": f"sentinel auth-user {_SERVICE} sentinel\n"
        f"sentinel auth-pass {_SERVICE} {sentinel}\n"
        f"sentinel sentinel-user sentinel\nsentinel sentinel-pass {sentinel}\n",
    }


def definitions(passwords: dict[str, str]) -> dict[str, Any]:
    """Return RabbitMQ's users with their permissions. `passwords` has the password of each user."""
    return {
        "vhosts": [{"name": "/"}],
        "users": [
            {
                "name": name,
                "password_hash": password_hash(password, secrets.token_bytes(4)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["monitoring"] if name == "operator" else [],
            }
            for name, password in passwords.items()
        ],
        "permissions": [
            _permission(
                "pipeline",
                f"^({_OURS})$",
                rf"^({_OURS}|amq\.topic|amq\.default)$",
                rf"^({_OURS}|amq\.topic)$",
            ),
            _permission("devices", _NOTHING, r"^amq\.topic$", _NOTHING),
            _permission("operator", _NOTHING, _NOTHING, _NOTHING),
        ],
        "topic_permissions": [
            {
                "user": "devices",
                "vhost": "/",
                "exchange": "amq.topic",
                "write": r"^machines\.machine_[A-Za-z0-9_-]+\.data$",
                "read": _NOTHING,
            }
        ],
    }


def _permission(user: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": "/", "configure": configure, "write": write, "read": read}


def password_hash(password: str, salt: bytes) -> str:
    """Return a password as RabbitMQ stores it: base64 of a salt and the SHA-256 of salt and password.

    https://www.rabbitmq.com/docs/passwords
    """
    return b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def acl(password: str) -> str:
    """Return Redis's users: one for the pipeline, and one for the health check, which may only send PING.

    Nobody can log in as the default user, because it is off and has no password. But it must have all
    permissions: when Redis starts, it replays its file as this user, and skips each transaction that the user
    is not permitted.
    """
    return (
        "user default off resetpass ~* &* +@all\n"
        + _user("pipeline", password, _REDIS_RIGHTS)
        + "user health on nopass resetkeys resetchannels -@all +ping\n"
    )


def _user(name: str, password: str, rights: str) -> str:
    return f"user {name} on #{hashlib.sha256(password.encode()).hexdigest()} {rights}\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]), cluster=sys.argv[2:] == ["cluster"])
