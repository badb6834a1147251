"""The pages with the recipes."""

from pathlib import Path
from typing import Final

from tests.site.console import Block, blocks

RECIPES: Final = Path(__file__).parents[2] / "docs" / "recipes"


def page(name: str) -> str:
    """Return the text of a recipe."""
    return (RECIPES / f"{name}.md").read_text()


def file_of(name: str, file: str) -> Block:
    """Return the block with a file of a recipe."""
    [found] = [each for each in blocks(page(name)) if each.file == file]
    return found


def part(text: str, begin: str, end: str = "") -> str:
    """Return the part of a page from a heading, up to another one or the end."""
    assert begin in text
    assert end in text
    found = begin + text.partition(begin)[2]
    return found.partition(end)[0] if end else found
