"""The difference of two texts, as the unified diff that `diff -u` and `git apply` know.

Whoever may upload may upload what is costly to compare. So the shortest way from one text to the other is
looked for (Myers' algorithm, "An O(ND) difference algorithm and its variations", 1986) with so many steps
and no more. Where they do not do, all lines between the first and the last that differ are shown as replaced:
that is true as well, only longer.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

#: Steps that looking for the shortest way may take: some 300 ms, and enough for 700 changed lines.
STEPS = 1_000_000

#: Lines that are shown around a change.
_CONTEXT = 3

#: A line ends with a line feed and with nothing else, as for those who apply a diff.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class ChangedLines(NamedTuple):
    """Lines of one text that give way to lines of the other; neither `stop` is among them."""

    start: int
    stop: int
    other_start: int
    other_stop: int


def unified_diff(one: str, other: str, name: str, other_name: str, steps: int = STEPS) -> Iterator[str]:
    """What leads from one text to the other, in pieces. Nothing where they are equal.

    `name` and `other_name` say what the texts are; they have no line ends.
    """
    lines, other_lines = _LINE.findall(one), _LINE.findall(other)
    for place, hunk in enumerate(_hunks(changes(lines, other_lines, steps))):
        if place == 0:
            yield f"--- {name}\n+++ {other_name}\n"
        first, last = hunk[0], hunk[-1]
        # What stands around the first and the last change is the same in both.
        before = min(_CONTEXT, first.start)
        after = min(_CONTEXT, len(lines) - last.stop)
        start, stop = first.start - before, last.stop + after
        other_start, other_stop = first.other_start - before, last.other_stop + after
        yield f"@@ -{_range(start, stop)} +{_range(other_start, other_stop)} @@\n"
        at = start
        for change in hunk:
            yield from _shown(" ", lines[at : change.start])
            yield from _shown("-", lines[change.start : change.stop])
            yield from _shown("+", other_lines[change.other_start : change.other_stop])
            at = change.stop
        yield from _shown(" ", lines[at:stop])


def changes(one: Sequence[str], other: Sequence[str], steps: int = STEPS) -> list[ChangedLines]:
    """What is to be changed in one list of lines to make the other of it, in order."""
    numbers = dict[str, int]()
    a, b = ([numbers.setdefault(line, len(numbers)) for line in lines] for lines in (one, other))
    start, most = 0, min(len(a), len(b))
    while start < most and a[start] == b[start]:
        start += 1
    end = 0
    while end < most - start and a[-1 - end] == b[-1 - end]:
        end += 1
    stop, other_stop = len(a) - end, len(b) - end
    if start == stop == other_stop:
        return []
    changed = _changed(a[start:stop], b[start:other_stop], steps)
    if changed is None:
        return [ChangedLines(start, stop, start, other_stop)]
    removed, added = changed
    found = list[ChangedLines]()
    x = y = 0
    while x < len(removed) or y < len(added):
        at_x, at_y = x, y
        while x < len(removed) and removed[x]:
            x += 1
        while y < len(added) and added[y]:
            y += 1
        if (x, y) == (at_x, at_y):
            x, y = x + 1, y + 1
        else:
            found.append(ChangedLines(start + at_x, start + x, start + at_y, start + y))
    return found


def _changed(a: list[int], b: list[int], steps: int) -> tuple[bytearray, bytearray] | None:
    """Which lines are removed and which are added on the shortest way; None where `steps` do not find it.

    `frontier` says for each diagonal (`x - y`) how far `x` comes with so many changes; before each further
    change, the part of it that this one starts from is kept, to find the way back.
    """
    most = len(a) + len(b)
    frontier = array("l", [0]) * (2 * most + 3)
    middle = most + 1
    trace: list[array[int]] = []
    for count in range(most + 1):
        trace.append(frontier[middle - count - 1 : middle + count + 2])
        steps -= 2 * count + 3
        for diagonal in range(-count, count + 1, 2):
            at = middle + diagonal
            x = frontier[at + 1] if _added(frontier, at, diagonal, count) else frontier[at - 1] + 1
            y = x - diagonal
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y, steps = x + 1, y + 1, steps - 1
            frontier[at] = x
            if x >= len(a) and y >= len(b):
                return _way_back(trace, len(a), len(b))
        if steps < 0:
            return None
    raise AssertionError("every line removed and added is a way")


def _added(frontier: "array[int]", at: int, diagonal: int, count: int) -> bool:
    """Whether the best way to this diagonal ends with an added line rather than a removed one."""
    return diagonal == -count or (diagonal != count and frontier[at - 1] < frontier[at + 1])


def _way_back(trace: "list[array[int]]", x: int, y: int) -> tuple[bytearray, bytearray]:
    removed, added = bytearray(x), bytearray(y)
    for count in range(len(trace) - 1, 0, -1):
        frontier, diagonal = trace[count], x - y
        at = count + 1 + diagonal
        if _added(frontier, at, diagonal, count):
            x = frontier[at + 1]
            y = x - diagonal - 1
            added[y] = True
        else:
            x = frontier[at - 1]
            y = x - diagonal + 1
            removed[x] = True
    return removed, added


def _hunks(found: list[ChangedLines]) -> Iterator[list[ChangedLines]]:
    """The changes, those together whose surroundings touch."""
    hunk = list[ChangedLines]()
    for change in found:
        if hunk and change.start - hunk[-1].stop > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _range(start: int, stop: int) -> str:
    """Lines as a hunk's head names them: the first, counted from 1, and how many; of none, the one before."""
    count = stop - start
    return f"{start + 1 if count else start},{count}"


def _shown(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"
