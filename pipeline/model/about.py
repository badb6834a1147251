"""The card of a machine: its plain name and where it stands. People read it; workers and logic never do."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pipeline.errors import AboutRefused

#: The most tags of a machine, and the characters that separate tags in a file.
TAGS: Final = 20
TAG_SEPARATORS: Final = ",;"

#: The most characters of each field, and of a tag.
NAME_CHARS: Final = 100
DESCRIPTION_CHARS: Final = 1_000
TAG_CHARS: Final = 40
LINE_CHARS: Final = 60
LOCATION_CHARS: Final = 200


class About(Struct, frozen=True, forbid_unknown_fields=True):
    """The card of a machine: what people call it, what it is, and where it stands. Each field is optional.

    Spaces at both ends are removed. Tags are kept in lower case, each once.
    """

    name: Annotated[str, Meta(max_length=NAME_CHARS, description="The plain name of the machine.")] = ""
    description: Annotated[
        str, Meta(max_length=DESCRIPTION_CHARS, description="What people should know.")
    ] = ""
    tags: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=TAG_CHARS)], ...],
        Meta(description="Words that group machines.", extra_json_schema={"maxItems": TAGS}),
    ] = ()
    line: Annotated[str, Meta(max_length=LINE_CHARS, description="The line or area that it belongs to.")] = ""
    location: Annotated[str, Meta(max_length=LOCATION_CHARS, description="Where it stands.")] = ""

    @property
    def searched(self) -> str:
        """The text in which a search looks: without the description, and without case."""
        return "\n".join([self.name, self.line, *self.tags]).casefold()


#: The card of a machine that has none.
NO_ABOUT: Final = About()

_LONGEST: Final = {
    "name": NAME_CHARS,
    "description": DESCRIPTION_CHARS,
    "line": LINE_CHARS,
    "location": LOCATION_CHARS,
}

encode_about = msgspec.json.Encoder().encode
decode_about = msgspec.json.Decoder(About).decode


def checked_about(about: About) -> About:
    """Return a card as it is stored. Raises `AboutRefused`."""
    texts = {
        "name": one_line(about.name),
        "description": "\n".join(each.strip() for each in about.description.strip().splitlines()),
        "line": one_line(about.line),
        "location": one_line(about.location),
    }
    for field, text in texts.items():
        if len(text) > _LONGEST[field]:
            raise AboutRefused(
                f"The {field} has {len(text):,} characters. Shorten it to at most {_LONGEST[field]:,}."
            )
        if not text.replace("\n", "").isprintable():
            raise AboutRefused(f"The {field} has a character that cannot be shown. Remove it.")
    return About(tags=_tags(about.tags), **texts)


def one_line(text: str) -> str:
    """Return a text in one line, with single spaces."""
    return " ".join(text.split())


def as_tag(text: str) -> str:
    """Return a tag in the form in which it is stored."""
    return one_line(text).casefold()


def _tags(given: tuple[str, ...]) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(map(as_tag, given)))
    for tag in tags:
        if not tag:
            raise AboutRefused("A tag is empty. Remove it.")
        if len(tag) > TAG_CHARS:
            raise AboutRefused(
                f"The tag {tag[:TAG_CHARS]!r}… is too long. Shorten it to {TAG_CHARS} characters."
            )
        if not tag.isprintable() or any(each in tag for each in TAG_SEPARATORS):
            raise AboutRefused(
                f"The tag {tag!r} has a comma, a semicolon or a character that cannot be shown."
            )
    if len(tags) > TAGS:
        raise AboutRefused(f"There are {len(tags)} tags. Keep at most {TAGS}.")
    return tags
