"""Filters of sources, the ids that they make, and which of them can match the same topic."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import SourceConflict, SourceRefused
from pipeline.model.source_presets import PRESETS, SourcePreset
from pipeline.model.topic_source import (
    TopicSource,
    check_overlaps,
    checked,
    key_of,
    matches,
    overlap,
    pattern_of,
    rules_of,
)
from pipeline.wire import is_machine_id

#: All keys of up to four levels of three different words.
KEYS = [key for length in range(1, 5) for key in product("abc", repeat=length)]

patterns = st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=3).map(".".join)


def routes(pattern: list[str], key: tuple[str, ...]) -> bool:
    """Return whether a topic exchange routes this key by this pattern, word by word."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return routes(pattern[1:], key) or (bool(key) and routes(pattern, key[1:]))
    return bool(key) and pattern[0] in ("*", key[0]) and routes(pattern[1:], key[1:])


@given(patterns, patterns)
@example("a.#", "a")
@example("#.b", "a.#")
@example("*.*.#.b", "#.a")
def test_two_patterns_overlap_exactly_if_a_key_matches_both(one: str, other: str) -> None:
    exists = any(routes(one.split("."), key) and routes(other.split("."), key) for key in KEYS)

    assert overlap(one, other) == overlap(other, one) == exists


@given(patterns, st.lists(st.sampled_from(["a", "b", "", "*", "#", "a*"]), min_size=1, max_size=4))
@example("a.*", ["*", "a"])
@example("a.b", ["#"])
@example("*", [""])
def test_a_wildcard_in_a_routing_key_is_a_text(pattern: str, words: list[str]) -> None:
    key = ".".join(words)

    assert matches(pattern, key) == routes(pattern.split("."), tuple(words) if key else ())


@pytest.mark.parametrize(
    ("topics", "pattern"),
    [
        ("tele/{machine}/SENSOR", "tele.*.SENSOR"),
        ("shellies/{machine}/status/#", "shellies.*.status.#"),
        ("application/+/device/{machine}/event/up", "application.*.device.*.event.up"),
        ("plant.{machine}.data", "plant.*.data"),
        ("gw/{machine:3}/data", "gw.*.*.*.data"),
        ("/tele/{machine}", ".tele.*"),
    ],
)
def test_a_filter_becomes_the_pattern_of_a_binding(topics: str, pattern: str) -> None:
    assert pattern_of(checked(TopicSource(filter=topics))) == pattern


@pytest.mark.parametrize(
    ("topics", "reason"),
    [
        ("tele/SENSOR", "exactly once"),
        ("tele/{machine}/{machine}", "exactly once"),
        ("tele/x-{machine}/SENSOR", "exactly once"),
        ("tele/{machine:0}/SENSOR", "exactly once"),
        ("tele/#/{machine}", "# must be the last level"),
        ("tele/{machine}/#/x", "# must be the last level"),
        ("tele/{machine}/a+", "is invalid"),
        ("tele/{machine}/*", "is invalid"),
        ("tele/{machine}/{other}", "is invalid"),
        ("tele/{machine}/a\x00b", "is invalid"),
        ("tele//{machine}", "empty level"),
        ("tele/{machine}/", "empty level"),
        ("$share/{machine}/x", "begin with $"),
        ("{machine}/data", "below machines/"),
        ("+/{machine}", "below machines/"),
        ("machines/{machine}/state", "below machines/"),
        ("machines.{machine}.result", "below machines/"),
        ("/machines/{machine}/data", "below machines/"),
        (f"{'a' * 252}/{{machine}}/b", "at most 255"),
    ],
)
def test_an_invalid_filter_is_refused_with_the_reason(topics: str, reason: str) -> None:
    with pytest.raises(SourceRefused, match=reason.replace("$", r"\$")):
        checked(TopicSource(filter=topics))


@pytest.mark.parametrize(
    ("source", "topic", "machine"),
    [
        (TopicSource(filter="a/{machine}/b"), "a/press-7/b", "press-7"),
        (TopicSource(filter="a/{machine}"), "a/24:0a:c4:00:01:10", "24-0a-c4-00-01-10"),
        (TopicSource(filter="a/{machine}"), "a/urn:dev:ops:32473-Press", "urn-dev-ops-32473-Press"),
        (TopicSource(filter="a/{machine:3}/b"), "a/urn.dev.7/b", "urn-dev-7"),
        (TopicSource(filter="a/{machine}"), "a/Presse Süd", "Presse-S-d"),
        (TopicSource(filter="a/{machine}", case="lower"), "a/0A0B", "0a0b"),
        (TopicSource(filter="a/{machine}", case="upper"), "a/0a0B", "0A0B"),
        (TopicSource(filter="a/{machine}", prefix="hall-2_"), "a/x", "hall-2_x"),
        (TopicSource(filter="a/{machine}", prefix="p-", rename={"x": "furnace"}), "a/x", "furnace"),
        (TopicSource(filter="a/{machine}", case="lower", rename={"0A": "furnace"}), "a/0a", "furnace"),
        (TopicSource(filter="a/{machine:2}/b", rename={"x/y": "furnace"}), "a/x/y/b", "furnace"),
        (TopicSource(filter="a/{machine}/#"), "a/x", "x"),
        (TopicSource(filter="a/{machine}"), "a/", None),
        (TopicSource(filter="a/{machine}"), f"a/{'x' * 129}", None),
        (TopicSource(filter="a/{machine}", prefix="p" * 64), f"a/{'x' * 65}", None),
    ],
)
def test_a_topic_names_a_machine(source: TopicSource, topic: str, machine: str | None) -> None:
    assert rules_of(checked(source)).machine_of(key_of(topic)) == machine


@given(st.text(min_size=1, max_size=60), st.sampled_from(["keep", "lower", "upper"]))
def test_any_device_gets_a_valid_id_or_none(device: str, case: str) -> None:
    source = checked(TopicSource(filter="a/{machine}/b", case=case))  # type: ignore[arg-type]

    machine = rules_of(source).machine_of(key_of(f"a/{device}/b"))

    assert machine is None or is_machine_id(machine)


def test_empty_levels_name_no_machine() -> None:
    rules = rules_of(checked(TopicSource(filter="gw/{machine:3}/data")))

    assert rules.machine_of("gw....data") is None
    assert rules.machine_of("gw.a...data") == "a--"


def test_names_that_the_case_makes_equal_cannot_have_two_ids() -> None:
    with pytest.raises(SourceRefused, match="two ids"):
        checked(TopicSource(filter="a/{machine}", case="lower", rename={"0A": "one", "0a": "two"}))


def test_a_device_is_not_renamed_to_an_invalid_id() -> None:
    with pytest.raises(SourceRefused, match="cannot be renamed"):
        checked(TopicSource(filter="a/{machine}", rename={"x": "a.b"}))


def test_a_source_may_not_match_the_topics_of_another_one() -> None:
    others = {"floor": ["tele.*.#"], "own": ["tele.*.SENSOR"]}

    with pytest.raises(SourceConflict, match="'floor' can match the same topic"):
        check_overlaps("own", TopicSource(filter="tele/{machine}/SENSOR"), others)
    check_overlaps("own", TopicSource(filter="stat/{machine}/SENSOR"), others)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_valid_and_reads_its_example(preset: SourcePreset) -> None:
    source = checked(preset.source)

    assert overlap(pattern_of(source), key_of(preset.topic))
    assert rules_of(source).machine_of(key_of(preset.topic)) is not None


def test_the_presets_can_be_used_together() -> None:
    known = {preset.name: [pattern_of(preset.source)] for preset in PRESETS}

    for preset in PRESETS:
        check_overlaps(preset.name, preset.source, known)
