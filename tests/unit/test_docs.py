"""The pages say what the code does, and what was measured."""

from pathlib import Path

from sandbox.reference import page
from tests.bench.page import made
from tests.bench.report import Report

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_what_a_logic_may_use_is_made_from_the_allow_list() -> None:
    written = (DOCS / "what-a-logic-may-use.md").read_text()

    assert written == page(), "python -m sandbox.reference > docs/what-a-logic-may-use.md"


def test_no_measured_figure_in_the_pages_is_typed_by_hand() -> None:
    files = made(Report.read(DOCS / "bench.json"), DOCS)

    stale = [path.name for path, text in files.items() if path.read_text() != text]
    assert stale == [], "python -m tests.bench.page docs/bench.json docs"
