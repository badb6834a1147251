"""The small producer in front of Celery: `python -m tests.bench.celery_producer COUNT MACHINES`.

Enqueues a task for each reading, of this many machines in turn. Only this work is not measured.
"""

import sys

from tests.bench.celery_tasks import process_reading
from tests.bench.fleet import names
from tests.bench.logic import reading


def main() -> None:
    """Enqueue the tasks, and end."""
    count, machines = (int(argument) for argument in sys.argv[1:])
    machine_ids = names(machines)
    for number in range(count):
        process_reading.delay(machine_ids[number % machines], reading(number))


if __name__ == "__main__":
    main()
