"""No data from a device or a logic can end a frame, or a line of one."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.live import frame as frame_module
from web.live.frame import frame, lagged

#: All characters that any program treats as the end of a line.
ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

texts = st.text(st.one_of(st.sampled_from(ENDS), st.characters(codec="utf-8")))


@given(st.recursive(texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10))
def test_a_frame_has_three_lines_and_unchanged_data_for_any_data(value: object) -> None:
    for encoded in (msgspec.json.encode(value), json.dumps(value, ensure_ascii=False, indent=1).encode()):
        lines = frame("reading", encoded, "1-2").decode().splitlines()

        assert [line.partition(": ")[0] for line in lines] == ["id", "event", "data", ""]
        assert json.loads(lines[2].removeprefix("data: ")) == value


def test_a_frame_without_an_id_has_no_id_line() -> None:
    assert lagged(7) == b'event: lagged\ndata: {"missed":7}\n\n'
    assert lagged(None, "1-2") == b'id: 1-2\nevent: lagged\ndata: {"missed":null}\n\n'


def test_without_escaping_line_ends_a_reading_could_forge_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_module, "_HARMLESS", ())

    forged = frame("reading", b'{\n\nevent: change\ndata: "forged"\n\n}', "1-2")

    assert b'\n\nevent: change\ndata: "forged"\n\n' in forged
