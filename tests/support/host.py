"""The place where a server of a test runs: loopback, or a host of its own, which is a network namespace."""

from collections.abc import Sequence

from msgspec import Struct


class Host(Struct, frozen=True):
    """`address` is IPv4. The servers of loopback have an empty `namespace`."""

    address: str = "127.0.0.1"
    namespace: str = ""

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` on this host."""
        return (
            ["nsenter", f"--net=/run/netns/{self.namespace}", "--", *command]
            if self.namespace
            else [*command]
        )


#: This machine itself.
LOOPBACK = Host()
