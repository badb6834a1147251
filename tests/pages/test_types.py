"""The API's types for the pages."""

from docs.reference.page_types import SCHEMA, page_types


def test_the_types_of_the_pages_are_those_of_the_document() -> None:
    assert SCHEMA.read_text() == page_types(), "make pages-types"
