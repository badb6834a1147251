"""Unified diffs: they turn one text into the other, they are short, and their cost is bounded."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from web.schemas.unified_diff import ChangedLines, changes, unified_diff

#: Texts with few different lines, so that there are many ways from one to the other.
TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "\r\n", "d\x0ce\u2028\n"]), max_size=40).map(
    "".join
)


def applied(one: str, diff: str) -> str:
    """Apply a unified diff to a text, and check each line that it names."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", one)
    made, at, sign = list[str](), 0, ""
    for line in re.findall(r"[^\n]*\n", diff)[2:]:
        if head := re.fullmatch(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@\n", line):
            start = int(head[1]) - (int(head[2]) > 0)
            made += lines[at:start]
            at = start
            assert len(made) == int(head[3]) - (int(head[4]) > 0)
        elif line.startswith("\\"):
            made[-1] = made[-1].removesuffix("\n") if sign != "-" else made[-1]
        elif (sign := line[0]) == "+":
            made.append(line[1:])
        else:
            assert lines[at].removesuffix("\n") == line[1:].removesuffix("\n")
            if sign == " ":
                made.append(line[1:])
            at += 1
    return "".join(made + lines[at:])


@given(TEXTS, TEXTS, st.sampled_from([0, 20, 1_000_000]))
@example("a\nb", "a\nb\n", 1_000_000)
@example("a\nb\n", "a\nb", 1_000_000)
def test_a_diff_turns_one_text_into_the_other_with_any_number_of_steps(
    one: str, other: str, steps: int
) -> None:
    diff = "".join(unified_diff(one, other, "one", "other", steps))

    assert applied(one, diff) == other
    assert (diff == "") == (one == other)


@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_it_is_as_short_as_it_can_be(one: str, other: str) -> None:
    a, b = one.split("\n"), other.split("\n")
    common = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for x, line in enumerate(a):
        for y, other_line in enumerate(b):
            best = max(common[x][y + 1], common[x + 1][y])
            common[x + 1][y + 1] = common[x][y] + 1 if line == other_line else best

    found = changes(a, b)

    changed = sum(each.stop - each.start + each.other_stop - each.other_start for each in found)
    assert changed == len(a) + len(b) - 2 * common[-1][-1]


def test_git_applies_it(tmp_path: Path) -> None:
    one = "".join(f"line {number}\n" for number in range(50)) + "end"
    other = one.replace("line 3\n", "").replace("line 30\n", "new\nline 30\n").replace("end", "the end")
    (tmp_path / "logic.py").write_text(one)
    (tmp_path / "diff").write_text("".join(unified_diff(one, other, "a/logic.py", "b/logic.py")))

    subprocess.run(["git", "apply", "diff"], cwd=tmp_path, check=True)

    assert (tmp_path / "logic.py").read_text() == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b"] * 8_000, ["b", "a", "a"] * 5_000),
        ([str(number) for number in range(16_000)], [str(number) for number in range(16_000, 0, -1)]),
    ],
)
def test_a_difference_that_takes_too_many_steps_is_shown_as_replaced(
    one: list[str], other: list[str]
) -> None:
    assert changes(one, other) == [ChangedLines(0, len(one), 0, len(other))]


def test_equal_lines_at_both_ends_are_not_shown_as_replaced() -> None:
    assert changes(["x", "a", "b", "c", "y"], ["x", "c", "b", "a", "y"], steps=0) == [
        ChangedLines(1, 4, 1, 4)
    ]
