"""RabbitMQ of Debian 13 on any machine: run with chroot, in a root in `build`. Needs root.

The node's folder is mounted into the root under the same path, so that configuration, data and orders are in
the same place as for any other private RabbitMQ. The mounts are in a namespace that ends with the node.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.chaos.broker import Broker
from tests.compose.debian import SUITE, bootstrap

_ROOT: Final = Path("build") / f"{SUITE}-rabbitmq"

_SCRIPT: Final = "/usr/lib/rabbitmq/bin/rabbitmq-server"

#: Takes the root, a folder and a command. Runs the command in the root, into which the folder is mounted.
_ENTER: Final = """
set -e
root=$1 folder=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root$folder"
mount --bind "$folder" "$root$folder"
exec chroot "$root" "$@"
"""

#: `policy-rc.d` prevents the package from starting a service.
_INSTALL: Final = """
set -e
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends rabbitmq-server
"""


class DebianBroker(Broker):
    """The RabbitMQ of Debian 13, a version 4.x."""

    def __init__(self) -> None:
        self._root = _ensure_root()
        super().__init__()

    def _command(self) -> list[str]:
        return _entering(self._root, self.folder, _SCRIPT)

    def close(self) -> None:
        """Stop it and remove its data."""
        super().close()
        shutil.rmtree(self._root / self.folder.relative_to("/"), ignore_errors=True)


def _entering(root: Path, folder: Path, *command: str) -> list[str]:
    return ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(root), str(folder), *command]


def _ensure_root() -> Path:
    """Create the root, if it does not exist yet. This takes about two minutes."""
    root = _ROOT.resolve()
    if not root.exists():
        print(f"Installing RabbitMQ of Debian {SUITE} into {_ROOT}.", flush=True)
        unfinished = root.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(exist_ok=True)
        bootstrap(unfinished)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc") / name, unfinished / "etc" / name)
        # The command needs a folder to mount; any will do.
        command = _entering(unfinished, Path("/media"), "sh", "-c", _INSTALL)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        unfinished.rename(root)
    return root
