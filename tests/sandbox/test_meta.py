"""A logic reads the `meta` of its reading, and nothing that it does changes it."""

from collections.abc import Iterator

import msgspec
import pytest

from sandbox.job import Job, Logic
from sandbox.parent.sandbox import Sandbox

READS = "def process(data, state):\n    return {'topic': meta['topic'], 'late': meta['late'], 'data': data}"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def results(sandbox: Sandbox, source: str, readings: list[bytes], metas: list[bytes]) -> list[object]:
    """Return the results of the readings, or their errors."""
    [report] = sandbox.run([Job(Logic.of(source), b"{}", readings, metas=metas)])
    return [
        outcome.failure.message
        if outcome.failure
        else [msgspec.json.decode(each) for each in outcome.results]
        for outcome in report.outcomes
    ]


def test_each_reading_has_its_own_meta_also_over_many_requests(sandbox: Sandbox) -> None:
    count = 12_000  # more than a request carries
    readings = [b"%d" % number for number in range(count)]
    metas = [b'{"topic":"hall/%d","late":%s}' % (n, b"true" if n % 2 else b"false") for n in range(count)]

    found = results(sandbox, READS, readings, metas)

    assert found == [[{"topic": f"hall/{n}", "late": n % 2 == 1, "data": n}] for n in range(count)]


def test_without_a_known_topic_meta_is_complete(sandbox: Sandbox) -> None:
    assert results(sandbox, READS, [b"1"], []) == [[{"topic": None, "late": False, "data": 1}]]


def test_a_request_stays_small_with_long_topics(sandbox: Sandbox) -> None:
    metas = [b'{"topic":"%s","late":false}' % (b"x" * 250)] * 10_000
    found = results(sandbox, READS, [b"1"] * 10_000, metas)
    assert len(found) == 10_000
    assert all(isinstance(each, list) for each in found)


@pytest.mark.parametrize(
    "line",
    [
        "meta['late'] = True",
        "del meta['topic']",
        "meta['a']['b'] = 1",
    ],
)
def test_meta_cannot_be_changed(sandbox: Sandbox, line: str) -> None:
    checked = sandbox.check(f"def process(data, state):\n    {line}")
    assert [each.message for each in checked.problems] == ["`meta` is read-only and cannot be changed"]


def test_meta_cannot_be_changed_through_another_name(sandbox: Sandbox) -> None:
    source = "def process(data, state):\n    m = meta\n    m['late'] = True"
    [message] = results(sandbox, source, [b"1"], [b'{"topic":"a","late":false}'])
    assert isinstance(message, str)
    assert "meta and tables are read-only" in message


@pytest.mark.parametrize(
    "source",
    [
        "def process(data, state):\n    meta = data['meta']\n    return {'r': meta}",
        "meta = {'unit': 'C'}\ndef process(data, state):\n    return {'r': meta['unit']}",
        "def process(data, meta):\n    return {'r': sorted(meta)}",
        "def helper(meta):\n    return meta\ndef process(data, state):\n    return {'r': helper(data)}",
        "def process(data, state):\n    return {'r': [meta for meta in data['list']]}",
    ],
)
def test_logics_from_before_may_use_the_name_for_their_own(sandbox: Sandbox, source: str) -> None:
    [found] = results(sandbox, source, [b'{"meta":5,"list":[1,2]}'], [b'{"topic":"a","late":true}'])
    assert isinstance(found, list), found


def test_code_outside_of_functions_sees_the_meta_of_each_reading(sandbox: Sandbox) -> None:
    source = (
        "LEVELS = [level for level in str(meta['topic']).split('/')]\n"
        "def process(data, state):\n    return {'levels': LEVELS}"
    )
    metas = [b'{"topic":"a/b","late":false}', b'{"topic":"c","late":false}']

    found = results(sandbox, source, [b"1", b"2"], metas)

    assert found == [[{"levels": ["a", "b"]}], [{"levels": ["c"]}]]
