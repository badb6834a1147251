"""The changed values of a config are listed with their paths, and are short."""

from typing import Any

import msgspec
import pytest

from pipeline.model.config_values import changed_values


def changed(before: Any, after: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return changed_values(msgspec.json.encode(before), msgspec.json.encode(after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ({"b": 2}, {"b": 3})),
        ({}, {"a": None}, ({}, {"a": None})),
        ({"a": 1}, {}, ({"a": 1}, {})),
        ({"a": 1}, {"a": True}, ({"a": 1}, {"a": True})),
        ({"a": 1}, {"a": 1.0}, ({"a": 1}, {"a": 1.0})),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ({"a.c": 2}, {"a.c": 3})),
        ({"a": {"b": 1}}, {"a": {}}, ({"a.b": 1}, {"a": "{}"})),
        ({"a": [1]}, {"a": [1, {"b": 2}]}, ({"a": "[1]"}, {"a": '[1,{"b":2}]'})),
        ({"a": "x" * 100}, {"a": "y" * 101}, ({"a": "x" * 100}, {"a": "y" * 99 + "…"})),
        ({"b" * 101: 1}, {}, ({"b" * 99 + "…": 1}, {})),
    ],
)
def test_the_changed_values(before: Any, after: Any, expected: Any) -> None:
    assert changed(before, after) == expected


def test_only_the_first_changed_values_are_listed() -> None:
    before, after = changed({f"a{n}": n for n in range(30)}, {f"a{n}": n + 1 for n in range(25)})

    assert before == {f"a{n}": n for n in range(20)} | {"…": 10}
    assert after == {f"a{n}": n + 1 for n in range(20)} | {"…": 10}
