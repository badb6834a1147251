"""What the Prometheus of the stack says, over its API."""

from typing import Any, Self

import httpx


class Prometheus:
    """A client of one Prometheus."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)

    def is_ready(self) -> bool:
        """Whether it answers queries: it has read its configuration and the rules."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        """What it answers; fails where that is an error."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def version(self) -> str:
        """Its version."""
        version: str = self.ask("status/buildinfo")["version"]
        return version

    def targets(self) -> dict[str, list[str]]:
        """The health of what it scrapes, by job."""
        found = dict[str, list[str]]()
        for each in self.ask("targets")["activeTargets"]:
            found.setdefault(each["scrapePool"], []).append(each["health"])
        return found

    def metrics(self) -> set[str]:
        """The names of all metrics that it has seen."""
        return set(self.ask("metadata"))

    def rules(self) -> list[dict[str, Any]]:
        """Its rules."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def alerts(self, *states: str) -> set[str]:
        """The alerts that are in one of these states."""
        return {
            each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] in states
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
