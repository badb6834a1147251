"""The pages say what the code does."""

from pathlib import Path

from sandbox.reference import page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_what_a_logic_may_use_is_made_from_the_allow_list() -> None:
    written = (DOCS / "what-a-logic-may-use.md").read_text()

    assert written == page(), "python -m sandbox.reference > docs/what-a-logic-may-use.md"
