"""Metrics as Prometheus reads them: parsed by its client's parser, and checked against its naming rules."""

import re
from collections.abc import Iterator

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

#: Metrics must use base units, with their names: https://prometheus.io/docs/practices/naming/
_ODD_UNITS = re.compile(
    r"_(ms|milliseconds?|us|microseconds?|ns|nanoseconds?|minutes?|hours?|days?|kb|kib|kilobytes?|mb|mib"
    r"|megabytes?|percent|second|byte)(_|$)"
)
_NAME = re.compile(r"(iot_logic|process)(_[a-z0-9]+)+")
#: Suffixes that Prometheus itself adds to the names of histograms and counters.
_TAKEN = ("_total", "_bucket", "_count", "_sum", "_created")
_TAKEN_LABELS = {"le", "quantile", "job", "instance"}

#: A name and its labels.
Series = tuple[str | tuple[str, str], ...]


def scrape(url: str) -> list[Metric]:
    """Return the metrics at an address."""
    response = httpx.get(url)
    assert response.status_code == 200, response.text
    return parse(response.text)


def parse(text: str) -> list[Metric]:
    """Return the metrics in a text."""
    return list(text_string_to_metric_families(text))


def value(metrics: list[Metric], name: str, **labels: str) -> float:
    """Return the sum of the samples with this name and these labels."""
    return sum(
        sample.value
        for sample in samples(metrics)
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def series(metrics: list[Metric]) -> set[Series]:
    """Return the time series: each name with its labels."""
    return {(sample.name, *sorted(sample.labels.items())) for sample in samples(metrics)}


def samples(metrics: list[Metric]) -> Iterator[Sample]:
    """Yield all samples."""
    return (sample for metric in metrics for sample in metric.samples)


def faults(metrics: list[Metric]) -> list[str]:
    """Return the violations of Prometheus' conventions in these metrics, as sentences."""
    return [fault for metric in metrics for fault in _faults(metric)]


def _faults(metric: Metric) -> Iterator[str]:
    # The parser removes `_total` from a counter's name.
    name = metric.name
    if not metric.documentation.endswith("."):
        yield f"{name} has no help text that is a sentence"
    if not _NAME.fullmatch(name):
        yield f"{name} has no name of ours"
    if _ODD_UNITS.search(name):
        yield f"{name} is not in a base unit"
    if metric.type not in ("counter", "gauge", "histogram"):
        yield f"{name} is of no type that is used here: {metric.type}"
    if name.endswith(_TAKEN):
        yield f"{name} ends with what Prometheus adds itself"
    for sample in metric.samples:
        if metric.type == "counter" and not sample.name.endswith("_total"):
            yield f"{sample.name} is a counter without _total"
        own = _TAKEN_LABELS - ({"le"} if metric.type == "histogram" else set())
        if own & sample.labels.keys():
            yield f"{sample.name} has a label that Prometheus gives itself"
