"""The commands on the pages of the docs, each with its position."""

import re
import shlex
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]

#: The programs whose commands are checked.
PROGRAMS: Final = ("iot-logic", "iot-devices", "iot-api", "dramatiq", "make", "curl", "docker")

#: A line of an indented or fenced block, or of a console; and code in a sentence, which may continue in the
#: next line.
_LINE: Final = re.compile(
    rf"^(?P<indent> {{4,}}|\$ |)(?P<command>(?:{'|'.join(PROGRAMS)})(?: .*)?)$", re.MULTILINE
)
_INLINE: Final = re.compile(rf"`(?P<command>(?:{'|'.join(PROGRAMS)}) [^`]+)`")
_FENCED: Final = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Mention(NamedTuple):
    """A command as it is written on a page, without its comment."""

    page: str
    command: str
    #: Whether it is in a sentence. Then it may be incomplete.
    inline: bool

    @property
    def words(self) -> list[str]:
        """Return its words, split as a shell does."""
        return shlex.split(self.command, comments=True)


def mentions(path: Path) -> list[Mention]:
    """Yield the commands of a page in order, one by one even if a line contains several."""
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
