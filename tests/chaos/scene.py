"""The scene of the faults: servers, workers, fleet and clients of one campaign."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pika

from pipeline import wire
from pipeline.settings import Settings
from tests.chaos.crew import Crew
from tests.chaos.fleet import Fleet
from tests.chaos.stopwatch import Stopwatch
from tests.chaos.verdict import LOGIC, Edits
from tests.support.installation import Installation
from tests.support.servers import OwnServers
from tests.support.waiting import wait_until

#: All queues that hold readings.
READINGS_QUEUES = [
    queue(partition)
    for queue in (wire.readings_queue, wire.overflow_queue)
    for partition in range(Settings().partitions)
]


@dataclass
class Scene:
    """Everything that a fault can affect.

    `servers` is None if the servers are shared. `note` writes a line into the campaign's journal.
    """

    servers: OwnServers | None
    plant: Installation
    crew: Crew
    fleet: Fleet
    stopwatch: Stopwatch
    note: Callable[[str], None]
    edits: dict[str, Edits] = field(default_factory=lambda: defaultdict(Edits))
    uploads: int = 0

    def upload(self, machine_id: str) -> None:
        """Deploy a new version of the logic, and repeat the request until it is accepted."""
        self.uploads += 1
        source = LOGIC.format(version=self.uploads)
        path = f"/machines/{machine_id}/logic"
        wait_until(lambda: self._request("POST", path, json={"logic": source}, success=201), timeout=60)

    def edit(self, machine_id: str) -> None:
        """Increase the number of edits in the machine's state, conditional on its ETag."""
        path, edits = f"/machines/{machine_id}/state", self.edits[machine_id]
        while True:
            read = self._request("GET", path, success=200)
            if read is None:
                return
            state = read.json()
            state["edits"] = state.get("edits", 0) + 1
            headers = {"If-Match": read.headers["etag"]}
            try:
                answer = self.plant.client.put(path, json=state, headers=headers)
            except httpx.TransportError:
                edits.in_doubt += 1
                return
            if answer.status_code == 412:
                continue
            if answer.status_code == 200:
                edits.done += 1
            else:
                edits.in_doubt += 1
            return

    def numbers(self) -> dict[str, int]:
        """Return the number of readings that each machine's record counts."""
        response = self.plant.client.get("/machines", params={"limit": 1_000})
        assert response.status_code == 200, response.text
        return {machine["id"]: machine["readings"] for machine in response.json()["machines"]}

    def settled(self) -> bool:
        """Return whether the workers are known, and each holds exactly its assigned partitions."""
        workers = self._request("GET", "/workers", success=200)
        partitions = self._request("GET", "/partitions", success=200)
        if workers is None or partitions is None:
            return False
        there = {worker["id"] for worker in workers.json()["workers"]}
        return len(there) == len(self.crew.workers) and all(
            each["assigned_to"] in there and each["held_by"] == [each["assigned_to"]]
            for each in partitions.json()["partitions"]
        )

    def waiting(self, queues: Sequence[str] = READINGS_QUEUES) -> dict[str, int]:
        """Return the number of messages in those of the queues that are not empty."""
        counts = dict[str, int]()
        with pika.BlockingConnection(pika.URLParameters(self.plant.amqp_url)) as connection:
            channel = connection.channel()
            for queue in queues:
                if count := channel.queue_declare(queue, passive=True).method.message_count:
                    counts[queue] = count
        return counts

    def wait_quiet(self, seconds: float, timeout: float) -> None:
        """Wait until no reading waits and no machine's number changes for this long; or until `timeout`."""
        before, since = dict[str, int](), time.monotonic()
        deadline = since + timeout
        while time.monotonic() - since < seconds and time.monotonic() < deadline:
            numbers = self.numbers()
            if self.waiting() or numbers != before:
                before, since = numbers, time.monotonic()
            time.sleep(0.2)

    def _request(self, method: str, path: str, *, success: int, json: Any = None) -> httpx.Response | None:
        """Return the response to a request, or None if it is not possible now."""
        try:
            response = self.plant.client.request(method, path, json=json)
        except httpx.TransportError:
            return None
        assert response.status_code in (success, 404, 503), response.text
        return response if response.status_code == success else None
