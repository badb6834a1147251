"""The system's package manager, as the last source of missing servers and libraries.

Only apt-get is run automatically, as root or if sudo asks for no password; for the other package managers the
message says what to type. Debian also starts each service that it installs, and RabbitMQ listens on all of
the machine's addresses. The user did not ask for that, so this module neither starts nor enables the
services.

`python -m pipeline.local.packages` installs libseccomp, which the sandbox needs from the system.
"""

import os
import shutil
import subprocess
import sys
from ctypes.util import find_library
from dataclasses import dataclass
from typing import Final

from pipeline.local.errors import Unavailable

#: Seconds that apt-get may take; it downloads up to 40 MB.
_TIMEOUT: Final = 900

#: Characters of apt-get's output that a message shows.
_TAIL: Final = 500

#: sh runs this script as root, with the names of packages as arguments. Debian's packages ask `policy-rc.d`
#: whether they may start a service (101: no). An existing `policy-rc.d` is an administrator's decision and
#: stays.
_INSTALL: Final = """
set -e
policy=/usr/sbin/policy-rc.d
units=""
for unit in rabbitmq-server.service redis-server.service epmd.service epmd.socket \\
    docker.service docker.socket containerd.service haproxy.service mosquitto.service \\
    prometheus-mqtt-exporter.service victoria-metrics.service; do
    [ -e "/lib/systemd/system/$unit" ] || units="$units $unit"
done
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' > "$policy"
    chmod 755 "$policy"
fi
apt-get install -qq -y --no-install-recommends "$@" || {
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$@"
}
for unit in $units; do
    [ -e "/lib/systemd/system/$unit" ] || continue
    if command -v systemctl >/dev/null; then systemctl --quiet disable "$unit"; fi
    # What is left where systemd itself is not installed, or not yet.
    rm -f /etc/systemd/system/*.wants/"$unit"
    name=${unit%.service}
    [ ! -e "/etc/init.d/$name" ] || update-rc.d "$name" disable >/dev/null
done
"""


@dataclass(frozen=True)
class Package:
    """A package to install: its name in apt-get, dnf, apk and brew."""

    apt: str
    dnf: str
    apk: str
    brew: str

    def advice(self) -> str:
        """Return the commands that install the package, one for each package manager."""
        return (
            f"apt-get install {self.apt} (Debian, Ubuntu), dnf install {self.dnf} (Fedora), "
            f"apk add {self.apk} (Alpine) or brew install {self.brew} (Homebrew)"
        )


RABBITMQ: Final = Package("rabbitmq-server", "rabbitmq-server", "rabbitmq-server", "rabbitmq")
REDIS: Final = Package("redis-server", "redis", "redis", "redis")
LIBSECCOMP: Final = Package("libseccomp2", "libseccomp", "libseccomp", "libseccomp")


def install(package: Package) -> None:
    """Install a package with apt-get, without starting any service. Raises `Unavailable`."""
    if shutil.which("apt-get") is None:
        others = [name for name in ("dnf", "apk", "brew") if shutil.which(name)]
        raise Unavailable(
            f"{others[0]} is available; install the package with it yourself"
            if others
            else "there is no apt-get"
        )
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", _INSTALL, "sh", package.apt]
    if os.geteuid() != 0:
        if not _sudo_without_password():
            raise Unavailable("apt-get needs root, or sudo without a password")
        command = ["sudo", "-n", *command]
    print(f"Installing {package.apt} with apt-get, without starting its service.", flush=True)
    try:
        subprocess.run(  # noqa: S603  our own words
            command, check=True, capture_output=True, text=True, timeout=_TIMEOUT, stdin=subprocess.DEVNULL
        )
    except subprocess.CalledProcessError as e:
        said = (e.stderr or e.stdout).strip()[-_TAIL:]
        raise Unavailable(f"apt-get could not install {package.apt}: {said}") from e
    except subprocess.TimeoutExpired as e:
        raise Unavailable(f"apt-get did not install {package.apt} within {_TIMEOUT} seconds") from e


def _sudo_without_password() -> bool:
    if shutil.which("sudo") is None:
        return False
    done = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)  # noqa: S607
    return done.returncode == 0


def main() -> None:
    """Install libseccomp if it is missing; if that fails, print what to do."""
    if find_library("seccomp") is not None:
        return
    try:
        install(LIBSECCOMP)
    except Unavailable as e:
        print(
            f"libseccomp is missing: {e}. Logic cannot run without it. Install it with "
            f"{LIBSECCOMP.advice()}.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
