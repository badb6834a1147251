"""The registry of one process's metrics: a worker's or an API's. There is one for each process.

What every process says of itself is in it from the start: its version, CPU, memory, open files and when it
was started.
"""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, ProcessCollector, disable_created_metrics

#: The version of this program, as it is installed.
VERSION = version("iot-logic-processor")


def new_registry() -> CollectorRegistry:
    """A registry for this process."""
    # Prometheus needs no series beside each counter that says when it began.
    disable_created_metrics()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Info("iot_logic_build", "The version of the program.", registry=registry).info({"version": VERSION})
    return registry
