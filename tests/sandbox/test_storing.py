"""An error about a value that is not JSON names the line that stored it, if only one line can have."""

from collections.abc import Iterator

import pytest

from sandbox.job import Failure, Job, Logic
from sandbox.parent.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def failure(sandbox: Sandbox, *lines: str) -> Failure:
    source = "\n".join(["def process(data, state):", *(f"    {line}" for line in lines)])
    [report] = sandbox.run([Job(Logic.of(source), b'{"list": [], "deep": {}}', [b'{"list": []}'])])
    found = report.outcomes[0].failure
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["x = {1}", "state['a'] = x"], 3),
        (["state['b'] = 1", "state['a'] = {'x': [{1}]}"], 3),
        (["state['b'] = 1", "state['deep']['x'] = {1}"], 3),
        (["state['list'].append({1})"], 2),
        (["state['b'] = 1", "state['list'] += [{1}]"], 3),
        (["state.setdefault('c', {1})"], 2),
        (["state.setdefault('c', []).append(0)", "state['c'][0] = {1}"], None),
        (["state.update(d={1})"], 2),
        (["state.update({'d': {1}})"], 2),
        (["state['a'], state['b'] = 1, {1}"], 2),
        (["if data:", "    state['a'] = {1}", "else:", "    state['a'] = 1"], None),
        (["for key in ['a']:", "    state[key] = {1}"], None),
        (["key = 'a'", "state[key] = {1}"], None),
        (["state['a'] = 1", "key = 'a'", "state[key] = {1}"], None),
        (["state['a'] = 1", "s = state", "s['a'] = {1}"], None),
        (["state['a'] = 1", "def keep(s):", "    s['a'] = {1}", "keep(state)"], None),
        (["state['a'] = 1", "state.update([('a', {1})])"], None),
        (["state['a'] = []", "x = state['a']", "x.append({1})"], None),
        (["state['a'] = []", "for x in state.values():", "    x.append({1}) if x == [] else 0"], None),
        (["state['a'] = []", "state.get('a').append({1})"], None),
        (["if 'a' not in state:", "    state['b'] = len(state)", "state['a'] = {1}"], None),
        (["if 'a' not in state:", "    state['b'] = 0", "n = state['b'] + 1", "state['a'] = {n}"], 5),
        (["state['a'] = {1}", "return {'r': state['a']}"], 2),
        (["state['a'] = 1", "return {'r': {1}}"], 3),
        (["if not data:", "    return None", "return [{'r': 1}, {'r': {1}}]"], 4),
        (["if not data:", "    return {'r': 1}", "return {'r': {1}}"], None),
    ],
)
def test_the_line_is_named_if_it_is_certain(sandbox: Sandbox, lines: list[str], line: int | None) -> None:
    found = failure(sandbox, *lines)

    assert "set" in found.message
    assert found.line == line
    assert found.text == (lines[line - 2].strip() if line else "")


@pytest.mark.parametrize(
    "lines",
    [
        ["x = state.setdefault('a', [])", "x.append({1})"],
        ["x = state.get('list')", "x.append({1})"],
        ["(x := state['list'])", "x.append({1})"],
        ["x = state['deep'].setdefault('x', [])", "x.append({1})"],
        ["state['deep']['x'] = []", "for x in state['deep'].values():", "    x.append({1})"],
        ["x = []", "state['a'] = x", "x.append({1})"],
        ["x = []", "state['a'] = [x]", "x.append({1})"],
        ["x = []", "state['a'] = {'x': x}", "x.append({1})"],
        ["x = []", "state['a'] = {**{'x': x}}", "x.append({1})"],
        ["x = []", "state['a'] = [x for _ in [1]]", "x.append({1})"],
        ["x = []", "state['a'] = x if x == [] else 0", "x.append({1})"],
        ["x = [[]]", "state['a'] = [0] + x", "x[0].append({1})"],
        ["x = [[]]", "state['list'] += x", "x[0].append({1})"],
        ["x = [[]]", "state['list'][0:0] = x", "x[0].append({1})"],
        ["x = []", "state['list'].append(x)", "x.append({1})"],
        ["x = []", "state.update(a=x)", "x.append({1})"],
        ["x = []", "state.update({'a': x}, a=x)", "x.append({1})"],
        ["state['a'] = x = []", "x.append({1})"],
        ["state['a'] = (x := [])", "x.append({1})"],
        ["state['a'] = data['list']", "data['list'].append({1})"],
        ["x = {}", "state['a'] = x", "x[5] = {1}"],
        ["x = {}", "state['a'] = x", "x['\\ud800'] = 1"],
        ["x = {}", "state['a'] = x", "x['\\0'] = 1"],
        ["def store(key, by):", "    by('a', {1})", "store('a', state.setdefault)"],
        [f"state['{'k' * 40}'] = 1", f"for _ in [1]: state['{'k' * 41}'] = {{1}}"],
    ],
)
def test_no_line_is_named_that_did_not_store_the_value(sandbox: Sandbox, lines: list[str]) -> None:
    found = failure(sandbox, *lines)

    assert found.message.startswith("state[")
    assert found.line is None


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["x = {1}", "state['a'] = [x]"], 3),
        (["x = {1}", "state['a'] = {'x': [x for _ in [1]], 'n': 1}"], 3),
        (["x = {1}", "state['list'].append([x])"], 3),
        (["x = {1}", "state.update(a=[x], n=data)"], 3),
        (["state['a'] = {1}", "return state"], 2),
        (["def tell():", "    return state", "state['a'] = 1", "tell()['a'] = {1}"], None),
    ],
)
def test_a_value_with_another_name_and_a_returned_state_have_their_line(
    sandbox: Sandbox, lines: list[str], line: int | None
) -> None:
    assert failure(sandbox, *lines).line == line


def test_of_two_functions_with_the_name_process_no_line_is_named(sandbox: Sandbox) -> None:
    source = "def process(data, state):\n    state['a'] = 1\n"
    source += "if True:\n    def process(data, state):\n        state['a'] = {1}"
    assert sandbox.check(source).accepted
    [report] = sandbox.run([Job(Logic.of(source), b"{}", [b"1"])])
    assert report.outcomes[0].failure is not None
    assert report.outcomes[0].failure.line is None


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "2 ** 70", "{5: 1}", "b'x'", "'\\x00'"])
def test_each_kind_of_value_has_its_line(sandbox: Sandbox, value: str) -> None:
    found = failure(sandbox, "state['n'] = 1", f"state['last'] = [{value}]")

    assert found.message.startswith('state["last"][0]')
    assert (found.line, found.text) == (3, f"state['last'] = [{value}]")


@pytest.mark.parametrize(
    "source",
    [
        "def process(data, state, /):\n    state['a'] = {1}",
        "def process(data, state, more=None):\n    state['a'] = {1}",
        "if True:\n    def process(data, state):\n        state['a'] = {1}",
        "def process(data, state):\n    return None\ndef process(data, state):\n    state['a'] = {1}",
    ],
)
def test_no_form_of_process_ends_the_child(sandbox: Sandbox, source: str) -> None:
    if sandbox.check(source).accepted:
        [report] = sandbox.run([Job(Logic.of(source), b"{}", [b"1"])])
        assert report.outcomes[0].kind == "error"
        assert not report.outcomes[0].killed


def test_the_state_may_have_another_name(sandbox: Sandbox) -> None:
    source = "def process(reading, memory):\n    memory['a \"b\"'] = {1}"
    [report] = sandbox.run([Job(Logic.of(source), b"{}", [b"1"])])
    found = report.outcomes[0].failure
    assert found is not None
    assert found.line == 2
