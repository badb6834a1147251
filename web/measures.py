"""What this process counts and measures, by its Prometheus names."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.dead_letters import DeadLetters
from pipeline.keeper import Keeper
from pipeline.settings import Settings


class _DeadLetterGauges(Collector):
    """The gauges, read when they are asked for."""

    def __init__(self, settings: Settings, letters: DeadLetters, keeper: Keeper) -> None:
        self._max, self._letters, self._keeper = settings.dead_letters_max, letters, keeper

    def collect(self) -> Iterator[Metric]:
        """Raises `redis.RedisError`."""
        yield _gauge("", "Dead letters that are kept.", self._letters.count())
        yield _gauge("_max", "Dead letters that may be kept.", self._max)
        if (waiting := self._keeper.waiting) is not None:
            yield _gauge("_waiting", "Dead letters that wait in RabbitMQ to be kept.", waiting)

    def describe(self) -> Iterator[Metric]:
        """None: else `collect` would be called before Redis is up."""
        return iter(())


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"iot_logic_dead_letters{name}", help_text, value=value)


class Metrics:
    """The metrics of one API process."""

    def __init__(self, settings: Settings, letters: DeadLetters, keeper: Keeper) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_DeadLetterGauges(settings, letters, keeper))
        self.redriven = Counter(
            "iot_logic_dead_letters_redriven",
            "Dead letters that were sent again; each time counts.",
            registry=self.registry,
        )
        self.discarded = Counter(
            "iot_logic_dead_letters_discarded",
            "Dead letters that were deleted unprocessed.",
            registry=self.registry,
        )
