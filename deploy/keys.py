"""Makes the secrets of the compose stack, at its first start. There is no password that anybody could know.

`python keys.py FOLDER`. Below FOLDER each part of the stack has a folder, which is a volume that only this
part and this script see:

- `pipeline`: how API and workers reach RabbitMQ and Redis, and the key that they sign compiled logic with;
- `devices`: how the simulated machines reach RabbitMQ;
- `rabbitmq`: the users and their rights, with the hashes of their passwords (`definitions.json`);
- `redis`: likewise (`users.acl`).

What is there stays. Where a file is missing, all are made anew: RabbitMQ and Redis take over new passwords
when they start. To change all passwords, delete these volumes and start the stack again.

Rights are as narrow as can be: the pipeline reaches what `pipeline.broker.topology` names, and cannot empty
Redis or set it up otherwise; the simulated machines may publish readings of machines whose ids begin with
`machine_`; the operator may look at RabbitMQ's page and change nothing. There is no guest. For a real
machine, `add-user` makes a user who may publish that machine's readings.

Only Python's standard library, so that it can be read and run by itself.
"""

import hashlib
import json
import secrets
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

#: What `pipeline.broker.topology` declares, as a regular expression on names.
_OURS: Final = r"readings|readings\.[0-9]+|overflow\.[0-9]+|results|dead-letters"

_NOTHING: Final = "^$"

#: All commands but those that could empty Redis, stop it or change how it keeps its data; of these, two that
#: only read.
_REDIS_RIGHTS: Final = "~* &* +@all -@admin -@dangerous +info +config|get"

#: Where the servers are, by the names of their services.
_BROKER: Final = "rabbitmq"
_STORE: Final = "redis"


def main(folder: Path) -> None:
    """Make all files where one is missing, and print the operator's password once."""
    operator = secrets.token_urlsafe(24)
    files = _files(operator)
    if all((folder / name).exists() for name in files):
        print("All secrets are there.")
        return
    for name, content in files.items():
        path = folder / name
        path.unlink(missing_ok=True)
        path.write_text(content)
        # Each server is a user of its own, and sees only its own folder.
        path.chmod(0o444)
    print(
        "Secrets are made. RabbitMQ's page lets in the user `operator` with the password\n"
        f"{operator}\nThis is the only time that it is shown."
    )


def _files(operator: str) -> dict[str, str]:
    """The content of each file, by its path."""
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


def definitions(passwords: dict[str, str]) -> dict[str, Any]:
    """RabbitMQ's users, by the passwords of `pipeline`, `devices` and `operator`, and what each may."""
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
    """A password as RabbitMQ keeps it: base64 of four bytes of salt and the SHA-256 of salt and password.

    https://www.rabbitmq.com/docs/passwords
    """
    return b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def acl(password: str) -> str:
    """Redis's users: one for the pipeline, and one whose only right is to ask whether it is there.

    Nobody can become the default user: it is off and has no password. But it must have all rights, because
    Redis reads its file in its name when it starts, and leaves out each transaction that it may not do.
    """
    digest = hashlib.sha256(password.encode()).hexdigest()
    return (
        "user default off resetpass ~* &* +@all\n"
        f"user pipeline on #{digest} {_REDIS_RIGHTS}\n"
        "user health on nopass resetkeys resetchannels -@all +ping\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
