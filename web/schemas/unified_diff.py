"""The difference of two texts as a unified diff, in the format of `diff -u` and `git apply`.

A client that may upload a logic may upload one that is expensive to compare. So the search for the shortest
edit script (Myers' algorithm, "An O(ND) difference algorithm and its variations", 1986) has a maximum number
of steps. If it needs more, all lines between the first and the last difference are shown as replaced: that
diff is correct too, only longer.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

#: The maximum number of steps of the search: some 300 ms, and enough for 700 changed lines.
STEPS = 1_000_000

#: Unchanged lines that are shown around a change.
_CONTEXT = 3

#: Only a line feed ends a line, as for the tools that apply a diff.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class ChangedLines(NamedTuple):
    """Lines of one text that are replaced by lines of the other; each `stop` is exclusive."""

    start: int
    stop: int
    other_start: int
    other_stop: int


def unified_diff(one: str, other: str, name: str, other_name: str, steps: int = STEPS) -> Iterator[str]:
    """Yield the unified diff from one text to the other, in pieces. Yields nothing if they are equal.

    `name` and `other_name` name the texts; they contain no line ends.
    """
    lines, other_lines = _LINE.findall(one), _LINE.findall(other)
    for place, hunk in enumerate(_hunks(changes(lines, other_lines, steps))):
        if place == 0:
            yield f"--- {name}\n+++ {other_name}\n"
        first, last = hunk[0], hunk[-1]
        # The lines around the first and the last change are the same in both texts.
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
    """Return the changes that turn one list of lines into the other, in order."""
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
    """Return the removed and the added lines of the shortest edit script; None if it needs more than `steps`.

    For each diagonal (`x - y`), `frontier` is the largest `x` that can be reached with the current number of
    changes. Before each further change, the part of it that this change starts from is stored, to trace the
    path back.
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
    """Return whether the best path to this diagonal ends with an added line instead of a removed one."""
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
    """Yield the changes, grouped if their context lines touch."""
    hunk = list[ChangedLines]()
    for change in found:
        if hunk and change.start - hunk[-1].stop > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _range(start: int, stop: int) -> str:
    """Return lines as a hunk header names them: the first, counted from 1, and their number.

    If there are none, it names the line before.
    """
    count = stop - start
    return f"{start + 1 if count else start},{count}"


def _shown(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"
