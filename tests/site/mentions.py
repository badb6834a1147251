"""What the pages have people type: the commands, each with where it stands."""

import re
import shlex
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "alerts").glob("*.md")]

#: The programs whose commands are looked at.
PROGRAMS: Final = ("iot-logic", "iot-devices", "iot-api", "dramatiq", "make", "curl", "docker")

#: A line of a block that is indented or fenced, or of a console; and code in a sentence, which may go on in
#: the next line.
_LINE: Final = re.compile(
    rf"^(?P<indent> {{4,}}|\$ |)(?P<command>(?:{'|'.join(PROGRAMS)})(?: .*)?)$", re.MULTILINE
)
_INLINE: Final = re.compile(rf"`(?P<command>(?:{'|'.join(PROGRAMS)}) [^`]+)`")
_FENCED: Final = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Mention(NamedTuple):
    """A command as it stands on a page, without its comment."""

    page: str
    command: str
    #: Whether it stands in a sentence, which may name no more of it than the sentence is about.
    inline: bool

    @property
    def words(self) -> list[str]:
        """As a shell takes it apart."""
        return shlex.split(self.command, comments=True)


def mentions(path: Path) -> list[Mention]:
    """The commands of a page in their order, each by itself where it is one of several in a line."""
    text = path.read_text()
    fenced = {line for block in _FENCED.findall(text) for line in block.splitlines()}
    found = [
        (each.start(), each["command"], False)
        for each in _LINE.finditer(text)
        if each["indent"] or each["command"] in fenced
    ]
    found += [(each.start(), " ".join(each["command"].split()), True) for each in _INLINE.finditer(text)]
    return [
        Mention(path.name, part, inline)
        for _, command, inline in sorted(found)
        for part in re.split(r" (?:&&|\|) (?=[a-z])", command)
        if part.split()[0] in PROGRAMS
    ]
