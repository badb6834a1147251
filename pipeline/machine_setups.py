"""The setups of machines: whoever changes one sees to it that the machine is found."""

import redis

from pipeline.directory import Directory
from pipeline.records import Records
from pipeline.setup import Setups


class MachineSetups(Setups):
    """The same, of machines, which are entered into the directory when they are changed."""

    kind = "machine"

    def __init__(self, client: "redis.Redis") -> None:
        super().__init__(client)
        self._records = Records(client)
        self._directory = Directory(client, self._records)

    def _before_change(self, name: str) -> None:
        self._records.register([name])

    def _after_change(self, name: str) -> None:
        self._directory.enter([name])
