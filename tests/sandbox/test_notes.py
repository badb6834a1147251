"""Notes say what the author of a logic should know. They do not refuse it, and are safe to show."""

import pytest

from sandbox.check.compiler import check
from sandbox.job import PROBLEMS, Checked, Problem
from sandbox.limits import Limits
from sandbox.parent.answers import believed_verdict
from sandbox.parent.sandbox import Sandbox
from tests.sandbox.running import process, run

MAIN = 'if __name__ == "__main__":\n    import sys\n    print(process({}, {}), sys.argv)\n'


def notes(source: str) -> list[tuple[int, str, str]]:
    checked = check(source, Limits())
    assert checked.accepted, checked.problems
    return [(note.line, note.text, note.message) for note in checked.notes]


def test_a_logic_without_anything_special_has_no_notes() -> None:
    assert notes(process("return {}")) == []


@pytest.mark.parametrize(
    "block",
    [MAIN, MAIN.replace('__name__ == "__main__"', "'__main__' == __name__"), MAIN + "else:\n    pass\n"],
)
def test_a_main_block_is_ignored_with_a_note(block: str) -> None:
    [(line, text, message)] = notes(process("return {'r': 1}") + block)

    assert (line, text) == (3, block.splitlines()[0][3:-1])
    assert message == "this block is ignored: the service calls process itself"
    assert run(process("return {'r': 1}") + block).results == [{"r": 1}]


def test_a_main_block_must_be_python_and_is_one_only_at_the_top_level() -> None:
    assert not check(process("return {}") + "if __name__ == '__main__':\n    1 +\n", Limits()).accepted
    [problem] = check(process("if __name__ == '__main__':\n    pass\nreturn {}"), Limits()).problems
    assert (problem.line, problem.message) == (2, "`__name__` is not available")


@pytest.mark.parametrize(
    ("default", "value"),
    [("[]", "[1]"), ("list()", "[1]"), ("[0, -1]", "[0, -1, 1]"), ("[[], {'a': 2}]", "[[], {'a': 2}, 1]")],
)
def test_a_default_that_a_logic_can_change_is_made_again_for_each_call_with_a_note(
    default: str, value: str
) -> None:
    source = f"def f(x, seen={default}):\n    seen.append(x)\n    return seen\n" + process(
        f"f(1)\nreturn {{'again': f(1) == {value}, 'given': f(1, [5])}}"
    )

    assert notes(source) == [(1, default, "each call that does not pass `seen` gets a new value")]
    assert run(source).results == [{"again": True, "given": [5, 1]}]


@pytest.mark.parametrize("default", ["{}", "dict()", "set()", "{1, 2}", "{'a': 1}"])
def test_the_default_of_a_parameter_after_a_star_is_made_again(default: str) -> None:
    source = f"def f(*, kept={default}):\n    n = len(kept)\n    kept.clear()\n    return n\n" + process(
        f"return {{'r': f() == f() == len({default})}}"
    )

    assert run(source).results == [{"r": True}]


@pytest.mark.parametrize("default", ["[x for x in [1]]", "[LIMIT]", "f()", "[].copy()", "list((1,))"])
def test_a_default_that_depends_on_more_than_constants_is_refused(default: str) -> None:
    source = f"LIMIT = []\ndef f():\n    return 1\ndef g(x={default}):\n    return x\n" + process("return {}")

    [problem] = check(source, Limits()).problems
    assert (problem.line, problem.text) == (4, default)
    assert "Write None as the default" in problem.hint


def test_the_notes_come_out_of_the_child() -> None:
    with Sandbox(Limits()) as sandbox:
        accepted = sandbox.check(process("return {}") + MAIN)
        refused = sandbox.check(process("return x") + MAIN)

    assert accepted.accepted
    assert [note.line for note in accepted.notes] == [note.line for note in refused.notes] == [3]
    assert refused.problems


def test_the_number_of_notes_is_bounded() -> None:
    source = (
        process("return {}") + MAIN * 50 + "".join(f"def f{n}(a=[], b={{}}):\n    pass\n" for n in range(80))
    )

    with Sandbox(Limits()) as sandbox:
        checked = sandbox.check(source)

    assert checked.accepted
    assert 0 < len(checked.notes) <= PROBLEMS


def test_the_parent_cleans_notes_like_problems() -> None:
    hostile = Problem(-5, 0, "\x1b[2J" * 100, "a\u202eb\x00" * 500, "c\n" * 1_000)
    seen = believed_verdict(Checked((), b"code", (hostile,) * 3))

    assert seen.code == b"code"
    assert len(seen.notes) == 3
    for note in seen.notes:
        assert (note.line, note.column) == (1, 1)
        assert note.message.isprintable()
        assert max(len(note.text), len(note.message), len(note.hint)) <= 500


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ("{}", "CACHE[1] = 2"),
        ("[]", "CACHE.append(1)"),
        ("set()", "CACHE.add(1)"),
        ("{}", "del CACHE[1]"),
        ("{'a': []}", "CACHE['a'].append(1)"),
        ("{}", "CACHE.setdefault('a', 1)"),
        ("{'a': 1}", "CACHE['a'] += 1"),
    ],
)
def test_a_value_of_the_top_level_that_a_function_changes_gets_a_note(value: str, change: str) -> None:
    """It looks like a value that is kept between readings. The second change adds no second note."""
    source = f"CACHE = {value}\n" + process(f"if data:\n    {change}\n    {change}\nreturn {{}}")

    [(line, _, message)] = notes(source)

    assert (line, message) == (4, "`CACHE` begins anew with each reading")


@pytest.mark.parametrize(
    "source",
    [
        "ROWS = []\nfor i in range(3):\n    ROWS.append(i)\n" + process("return {'n': len(ROWS)}"),
        "ROWS = []\n" + process("ROWS = []\nROWS.append(1)\nreturn {}"),
        "ROWS = []\n" + process("rows = list(ROWS)\nrows.append(1)\nreturn {}"),
        "def f(rows):\n    rows.append(1)\n" + process("f([])\nreturn {}"),
    ],
)
def test_a_value_that_is_not_changed_for_a_reading_gets_no_note(source: str) -> None:
    assert notes(source) == []
