"""The charts of docs/performance.md, drawn from the measurements of a run.

`python -m tests.bench.charts build/bench.json docs/charts` writes one SVG file for each chart.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pygal
from pygal.style import Style

from tests.bench.figure import number
from tests.bench.report import Report

_STYLE: Final = Style(
    background="white",
    plot_background="white",
    font_family="sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    value_font_size=13,
    legend_font_size=13,
    title_font_size=16,
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#dddddd",
    colors=("#1f6f8b", "#e0863a", "#7a9e3b", "#99627a"),
)

#: pygal writes the date into each chart.
_COMMENTS: Final = re.compile("<!--.*?-->")


def charts(report: Report) -> dict[str, str]:
    """Return the charts of all measured parts as SVG, by file name without `.svg`."""
    return dict(_charts(report.details))


def write(report: Report, folder: Path) -> None:
    """Write the charts into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in charts(report).items():
        (folder / f"{name}.svg").write_text(svg)


def _charts(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "throughput" in parts:
        yield "throughput", _throughput(parts["throughput"], parts.get("celery"))
    if "latency" in parts:
        yield "latency", _latency(parts["latency"]["rates"])
    if "scale" in parts:
        yield "scale", _scale(parts["scale"])
    if "partition" in parts:
        yield "partition", _partition(parts["partition"])
    if "memory" in parts:
        yield "memory", _memory(parts["memory"]["samples"])
    if "flood" in parts:
        yield "flood", _flood(parts["flood"])


def _throughput(rates: Mapping[str, Any], celery: Mapping[str, Any] | None) -> str:
    sides = {
        "two worker processes": rates["two_workers"],
        "one worker process": rates["worker"],
        "plain pika, one process": rates["plain_pika"],
    }
    if celery:
        sides["Celery, two processes"] = celery["celery_two"]
        sides["Celery, one process"] = celery["celery"]
    return _bars("throughput", "Readings a second, all on the same cores as the broker", sides)


def _latency(rates: Sequence[Mapping[str, Any]]) -> str:
    sides = {
        "one worker process": [each["worker"] for each in rates],
        "plain pika": [each["plain_pika"] for each in rates],
        "plain pika, waiting for each confirm": [each["confirming"] for each in rates],
    }
    labels = [f"{quantile} at {each['rate']:,}/s" for each in rates for quantile in ("p50", "p99")]
    series = {
        name: [each[key] for each in quantiles for key in ("p50_ms", "p99_ms")]
        for name, quantiles in sides.items()
    }
    return _columns("latency", "Milliseconds from publish to result", labels, series)


def _scale(scale: Mapping[str, Any]) -> str:
    return _bars(
        "scale",
        "Readings a second of one worker process",
        {
            "100 machines, one logic": scale["few"],
            f"{scale['machines']:,} machines, one logic": scale["many_machines"],
            f"{scale['logics']:,} machines, a logic each": scale["many_logics"],
        },
    )


def _partition(rates: Mapping[str, Any]) -> str:
    return _bars(
        "partition",
        "Readings a second of one worker process",
        {
            f"machines in {rates['partitions']} partitions": rates["all_partitions"],
            "machines in one partition": rates["partition"],
            "one machine": rates["machine"],
        },
    )


def _memory(samples: Sequence[tuple[int, int]]) -> str:
    chart = _chart(
        pygal.XY,
        "memory",
        "Resident MiB of a worker process and its children, over readings",
        show_legend=False,
        dots_size=1,
        include_x_axis=True,
        x_value_formatter=lambda count: f"{count:,.0f}",
    )
    chart.add("", [(count, size / 1024**2) for count, size in samples])
    return _svg(chart)


def _flood(flood: Mapping[str, Any]) -> str:
    return _columns(
        "flood",
        "Milliseconds from publish to result of the others in a partition",
        ["p50", "p99"],
        {
            name: [flood[side]["latency"][key] for key in ("p50_ms", "p99_ms")]
            for name, side in (("without a flood", "without"), ("beside a machine that floods", "beside"))
        },
    )


def _bars(name: str, title: str, values: Mapping[str, float]) -> str:
    """Return a chart with one bar per value, the first on top."""
    chart = _chart(
        pygal.HorizontalBar, name, title, show_legend=False, height=110 + 45 * len(values), truncate_label=99
    )
    chart.x_labels = list(values)[::-1]
    chart.add("", list(values.values())[::-1])
    return _svg(chart)


def _columns(
    name: str, title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], **options: Any
) -> str:
    """Return a chart with a group of columns per label, one per series."""
    chart = _chart(pygal.Bar, name, title, legend_at_bottom=True, **options)
    chart.x_labels = labels
    for each, values in series.items():
        chart.add(each, values)
    return _svg(chart)


def _chart(kind: Any, name: str, title: str, **options: Any) -> Any:
    defaults: dict[str, Any] = {
        "style": _STYLE,
        "width": 760,
        "height": 340,
        "print_values": kind is not pygal.XY,
        "print_values_position": "top",
        "value_formatter": number,
        "truncate_legend": -1,
        # A picture in a page: it runs and loads nothing.
        "js": (),
    }
    chart = kind(title=title, **(defaults | options))
    # The same run always gives the same file.
    chart.uuid = name
    return chart


def _svg(chart: Any) -> str:
    text: str = chart.render(is_unicode=True)
    return _COMMENTS.sub("", text) + "\n"


def main() -> None:
    """Read the run, and write the charts."""
    source, folder = sys.argv[1:]
    write(Report.read(Path(source)), Path(folder))


if __name__ == "__main__":
    main()
