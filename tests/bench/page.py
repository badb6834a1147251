"""Writes the measurements of a run into the docs, so that no figure there is typed by hand.

`python -m tests.bench.page build/bench.json docs` copies the run to docs/bench.json, draws docs/charts, and
writes the tables of docs/performance.md and docs/growing.md between their markers.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench import charts, growing, prices
from tests.bench.report import Report

#: Each page's tables, by the name of their markers.
TABLES: Final[dict[str, dict[str, Callable[[Report], str]]]] = {
    "fuel.md": {"prices": lambda report: prices.table(report)},
    "performance.md": {"figures": lambda report: figures(report)},
    "growing.md": {"measured": growing.measured, "arithmetic": growing.table},
}


def figures(report: Report) -> str:
    """Return all figures as a table in Markdown, and the machine they were measured on."""
    machine = report.machine
    lines = [
        f"Version {machine.version}, Python {machine.python}, {machine.cores} cores for everything together.",
    ]
    if report.quick:
        lines += ["", "**From a quick run: these show that the bench works, and nothing else.**"]
    lines += ["", "| | figure | aim | | measured against |", "|---|---:|---|---|---|"]
    lines += [
        f"| {each.name} | {each.shown} | {each.aim} | {_verdict(each.verdict)} | {each.against} |"
        for part in report.figures.values()
        for each in part
    ]
    return "\n".join(lines)


def _verdict(verdict: str) -> str:
    return f"**{verdict}**" if verdict == "missed" else verdict


def filled(page: str, name: str, text: str) -> str:
    """Return the page with `text` between the markers `name`. Raises `ValueError` if there are none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def made(report: Report, docs: Path) -> dict[Path, str]:
    """Return every file that is generated from a run, with its content."""
    files = {docs / "charts" / f"{name}.svg": svg for name, svg in charts.charts(report).items()}
    for page, tables in TABLES.items():
        text = (docs / page).read_text()
        for name, table in tables.items():
            if name != "prices" or name in report.details:  # which may be measured alone
                text = filled(text, name, table(report))
        files[docs / page] = text
    return files


def main() -> None:
    """Read the run, and write the files."""
    source, docs = (Path(argument) for argument in sys.argv[1:])
    report = Report.read(source)
    if missing := [name for name in growing.NEEDED if name not in report.details]:
        raise SystemExit(f"{source} lacks {', '.join(missing)}: measure all parts first, with make bench")
    files = made(report, docs)
    (docs / "charts").mkdir(exist_ok=True)
    for path, text in files.items():
        path.write_text(text)
    report.write(docs / "bench.json")


if __name__ == "__main__":
    main()
