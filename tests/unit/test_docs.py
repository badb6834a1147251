"""The pages of the docs match the code and the measurements."""

import shutil
from pathlib import Path

from sandbox.reference import page
from tests.bench.page import made
from tests.bench.report import Report

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_about_the_language_is_generated_from_the_allow_list() -> None:
    written = (DOCS / "what-a-logic-may-use.md").read_text()

    assert written == page(), "python -m sandbox.reference > docs/what-a-logic-may-use.md"


def test_no_measured_figure_in_the_pages_is_typed_by_hand() -> None:
    assert stale(DOCS) == [], "python -m tests.bench.page docs/bench.json docs"


def test_a_measured_figure_that_is_typed_by_hand_is_detected(tmp_path: Path) -> None:
    docs = shutil.copytree(DOCS, tmp_path / "docs")
    written = (docs / "growing.md").read_text()
    figure = f" {Report.read(DOCS / 'bench.json').details['partition']['partition']:,.0f} readings/s"
    assert figure in written

    (docs / "growing.md").write_text(written.replace(figure, " 99,999 readings/s"))

    assert stale(docs) == ["growing.md"]


def stale(docs: Path) -> list[str]:
    """Return the files that differ from the measurements."""
    files = made(Report.read(docs / "bench.json"), docs)
    return [path.name for path, text in files.items() if path.read_text() != text]
