"""The stack's Prometheus, over its API."""

from typing import Any, Self

import httpx


class Prometheus:
    """A client of one Prometheus."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)

    def is_ready(self) -> bool:
        """Return whether it answers queries: it has loaded its configuration and the rules."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        """Return its response. Fails if that is an error."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def version(self) -> str:
        """Return its version."""
        version: str = self.ask("status/buildinfo")["version"]
        return version

    def targets(self) -> dict[str, list[str]]:
        """Return the health of its targets, by job."""
        found = dict[str, list[str]]()
        for each in self.ask("targets")["activeTargets"]:
            found.setdefault(each["scrapePool"], []).append(each["health"])
        return found

    def metrics(self) -> set[str]:
        """Return the names of all metrics that it has scraped."""
        return set(self.ask("metadata"))

    def rules(self) -> list[dict[str, Any]]:
        """Return its rules."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def alerts(self, *states: str) -> set[str]:
        """Return the alerts in one of these states."""
        return {
            each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] in states
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
