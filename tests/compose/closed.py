"""What every container of both compose files has in common: it may do little."""

import re

from tests.compose.stack import Stack


def check_closed(stack: Stack, service: str) -> None:
    """Assert that a running service has only the permissions that it needs."""
    container = stack.containers(service)[0]
    host = container.attrs["HostConfig"]

    status = dict(re.findall(r"^(\w+):\s+(.*)$", stack.run(service, "cat", "/proc/1/status"), re.MULTILINE))
    written = stack.try_to_run(service, "touch", "/etc/written")

    assert host["Privileged"] is False
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    # There are no other options, so the engine's own filter of system calls applies.
    assert host["SecurityOpt"] in (["no-new-privileges:true"], ["no-new-privileges"])
    assert host["Memory"] >= 128 * 1024**2
    assert host["NetworkMode"] not in ("host", "default")
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}
    assert host["RestartPolicy"]["Name"] == ("on-failure" if service == "devices" else "unless-stopped")
    assert stack.run(service, "id", "-u").strip() != "0"
    assert status["Uid"].split()[0] != "0"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "Read-only file system" in written.stderr
