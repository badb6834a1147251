"""A logic reads the machine's `config`, and nothing that it does changes the config for the next reading."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from sandbox.child.program import Program
from sandbox.errors import LimitExceeded, LogicError, LogicRefused
from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.runtime.frozen import READ_ONLY
from sandbox.runtime.values import decode_config, encode_config
from tests.sandbox.running import process, run

CONFIG: dict[str, Any] = {"limit": 80, "name": "press", "steps": [1, [2], {"at": 3}], "deep": {"a": {"b": 1}}}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("config['limit'] + 1", 81),
        ("config.get('limit')", 80),
        ("config.get('nothing', 5)", 5),
        ("config['deep']['a']['b']", 1),
        ("config['steps'][2]['at']", 3),
        ("'limit' in config, 'x' in config, data['k'] in config", (True, False, True)),
        ("len(config), len(config['deep']), bool(config)", (4, 1, True)),
        ("list(config), sorted(config)", (list(CONFIG), sorted(CONFIG))),
        ("[key for key in config]", list(CONFIG)),
        ("[key for key, value in config.items() if value == 80]", ["limit"]),
        ("list(config.keys()), list(config['deep'].values())[0]['b']", (list(CONFIG), 1)),
        ("sorted(config.keys() | {'z'})", sorted([*CONFIG, "z"])),
        ("config == config, config == {}, config['deep'] == {'a': {'b': 1}}", (True, False, True)),
        ("{'a': {'b': 1}} == config['deep'], config['deep'] != {'a': 1}", (True, True)),
        ("isinstance(config, dict), type(config) is dict, type(config['deep']) == dict", (True, True, True)),
        ("isinstance(config['steps'], list), isinstance(config, (list, str))", (True, False)),
        ("dict(config)['limit'], config.copy()['limit'], {**config}['limit']", (80, 80, 80)),
        ("(config | {'limit': 1})['limit'], ({'limit': 1} | config)['limit']", (1, 80)),
        ("json.loads(json.dumps(config))", CONFIG),
        ("str(config['deep']), f'{config[\"deep\"]}', repr(config['deep'])", (str(CONFIG["deep"]),) * 3),
        ("'%(limit)s of %(name)s' % config", "80 of press"),
        ("max(config['deep']['a'], key=config['deep']['a'].get)", "b"),
        ("BOUND, TWICE", (80, 160)),
        ("helper()", 80),
    ],
)
def test_config_is_read_like_any_dict(expression: str, value: object) -> None:
    source = (
        "import json\nBOUND = config['limit']\nTWICE = config.get('limit') * 2\n"
        "def helper():\n    return config['limit']\n"
        + process(f"r = {expression}\nreturn {{'r': json.loads(json.dumps(r))}}")
    )

    ran = run(source, {"k": "limit"}, config=CONFIG)

    assert ran.kind == "ok", (ran.failure, ran.problems)
    assert ran.results == [{"r": json.loads(json.dumps(value))}]


@pytest.mark.parametrize(
    "expression",
    [
        "LIST == config['list']",
        "config['list'] == LIST",
        "not LIST != config['list']",
        "config == {'list': LIST, 'long': LONG}",
        "str(config['list']) == str(LIST)",
        "f'{config}' == f'{ {\"list\": LIST, \"long\": LONG} }'",
        "'%s' % config['list'] == '%s' % LIST",
        "json.dumps(config['list']) == json.dumps(LIST)",
        "json.dumps(config, indent=2) == json.dumps({'list': LIST, 'long': LONG}, indent=2)",
        "json.dumps(config, default=str) == json.dumps({'list': LIST, 'long': LONG})",
        "isinstance(config['list'], list) and not isinstance(config['list'], tuple)",
        "type(config['list']) is list and type(config['list']).__name__ == 'list'",
        "config['list'] + [4] == LIST + [4] and [4] + config['list'] == [4] + LIST",
        "config['list'] * 2 == LIST * 2 and 2 * config['list'] == 2 * LIST",
        "config['list'][1:] == LIST[1:] and config['list'][-1] == LIST[-1]",
        "config['list'].index([2, 3]) == 1 and config['list'].count(1) == 1",
        "list.index(config['list'], 1) == 0 and dict.get(config, 'list') == LIST",
        "config['list'].copy() == LIST and list(config['list']) == LIST",
        "[2, 3] in config['list'] and 7 in config['long'] and 99 not in config['long']",
        "config['list'] in [1, LIST]",
        "config['long'] < [99] and config['long'] > [-1] and [99] > config['long']",
        "sum(config['long']) == sum(LONG) and max(config['long']) == max(LONG)",
        "sorted(config['long'], reverse=True) == LONG[::-1]",
        "statistics.mean(config['long']) == statistics.mean(LONG)",
        "sum([config['long'], [1]], []) == LONG + [1]",
        "set(config['long']) == set(LONG) and tuple(config['long']) == tuple(LONG)",
        "dict(zip(config['long'], LONG)) == dict(zip(LONG, LONG))",
        "'{0[0]}'.format(config['list']) == '1' and '{c[list][1]}'.format(c=config) == '[2, 3]'",
        "list(map(str, config['list'])) == list(map(str, LIST))",
        "[*config['list'], 4] == [*LIST, 4] and max(*config['long']) == 9",
        "', '.join(config['list'][2]['names']) == 'a, b'",
    ],
)
def test_a_list_in_it_is_like_any_other_list(expression: str) -> None:
    values = {"list": [1, [2, 3], {"names": ["a", "b"]}], "long": list(range(10))}
    top = f"import json, statistics\nLIST = {values['list']}\nLONG = {values['long']}\n"

    assert run(top + process(f"return {{'r': {expression}}}"), config=values).results == [{"r": True}]


def test_it_is_an_empty_dict_if_the_machine_has_no_config() -> None:
    assert run(process("return {'r': len(config), 'x': config.get('x', 7)}")).results == [{"r": 0, "x": 7}]


def test_a_dict_can_be_updated_from_it() -> None:
    ran = run(
        process("d = {'limit': 1}\nd |= config\nd.update(config)\nreturn {'r': d['limit']}"), config=CONFIG
    )

    assert ran.results == [{"r": 80}]


@pytest.mark.parametrize(
    "statement",
    [
        "config['steps'].insert(0, 5)",
        "config['steps'].clear()",
        "config['steps'].sort(key=str)",
        "config['steps'].reverse()",
        "config['steps'][1].extend([5])",
        "c = config['steps']\nc += [5]",
        "c = config['steps'][1]\nc *= 100",
        "c = config['steps']\nc[0:2] = [5]",
        "c = config['steps']\nc[::2], d = [5, 6], 1",
        "c = config['steps']\ndel c[0:2]",
        "c = config['steps']\nc[0] += 1",
        "c = config['steps']\nfor c[0] in [5]:\n    pass",
        "c = config['steps']\na, *c[1] = 1, 2",
        "list.pop(config['steps'])",
        "list(map(list.pop, [config['steps']]))",
        "state['c'] = config['steps']\nstate['c'].append(5)",
        "c = list(config['steps'])\nc[1].append(5)",
        "c = config['steps'].copy()\nc[1].append(5)",
        "c = config['steps'][:]\nc[1].append(5)",
        "c = config['steps'] + []\nc[1].append(5)",
        "a, b, c = config['steps']\nb.append(5)",
        "match config['steps']:\n    case [a, b, c]:\n        b.append(5)",
        "config['limit'] = 1",
        "config['limit'] += 1",
        "del config['limit']",
        "config['deep']['a'] = 1",
        "config['deep']['a']['b'] += 1",
        "del config['deep']['a']['b']",
        "config['steps'][0] = 5",
        "config['steps'][2]['at'] = 5",
        "config['steps'].append(5)",
        "config['steps'][1].append(5)",
        "config['new'], b = 1, 2",
        "for config['limit'] in [1]:\n    pass",
        "config.clear()",
        "config.pop('limit')",
        "config.popitem()",
        "config.setdefault('x', [])",
        "config.update({'limit': 1})",
        "config['deep'].update(a=1)",
        "config.update",
        "dict.update(config, {'limit': 1})",
        "dict.clear(config['deep'])",
        "c = config\nc['limit'] = 1",
        "list(config.values())[3].clear()",
        "list(config.items())[3][1]['a'] = 1",
        "(lambda c: c.pop('limit'))(config)",
        "list(map(dict.popitem, [config]))",
        "c = config.copy()\nc['limit'] = 1\nc['deep']['a'] = 1",
        "c = dict(config)\nc['steps'].append(1)",
        "c = {**config}\nc['deep'].clear()",
        "c = config | {}\nc['deep']['x'] = 1",
        "c = {}\nc |= config\nc['deep'].clear()",
        "c = config\nc |= {'limit': 1}",
        "c = config['steps']\nc += (5,)\nc *= 100",
        "next(iter(config.values())).clear()",
        "sorted(config.values(), key=lambda v: v.clear())",
        "state['c'] = config['steps'][2]\nstate['c']['at'] = 5",
        "def f(c):\n    c['limit'] = 1\nf(config)",
        "[config for config['limit'] in [1]]",
        "config = {}",
        "config |= {}",
        "config: dict = {}",
        "global config",
        "(config := {})",
        "for config in [1]:\n    pass",
        "[config for config in [1]]",
        "def config():\n    pass",
        "def f(config):\n    pass",
        "lambda config: 1",
        "lambda *config: 1",
        "import json as config",
        "from json import loads as config",
        "try:\n    1 / 0\nexcept ValueError as config:\n    pass",
        "del config",
        "match data:\n    case config:\n        pass",
        "match data:\n    case {**config}:\n        pass",
        "config.limit = 5",
        "config.__class__",
        "config.mapping",
        "config.keys().mapping.clear()",
        "config.items().mapping['limit'] = 1",
    ],
)
def test_nothing_changes_it(statement: str) -> None:
    limits = Limits()
    config = decode_config(encode_config(CONFIG, limits))
    with suppress(LogicRefused, LogicError):
        Program.load(Logic.of(process(statement)), limits).process({}, {}, config)

    assert config == decode_config(encode_config(CONFIG, limits))
    assert str(config["steps"]) == "[1, [2], mappingproxy({'at': 3})]"


@pytest.mark.parametrize(
    ("statement", "results", "state"),
    [
        ("return config", [CONFIG], {}),
        ("return config['steps'][2:]", [{"at": 3}], {}),
        ("return [config['deep'], {'c': config}]", [CONFIG["deep"], {"c": CONFIG}], {}),
        ("state['c'] = config\nstate['s'] = (config['steps'],)", [], {"c": CONFIG, "s": [CONFIG["steps"]]}),
    ],
)
def test_it_leaves_a_logic_as_json(statement: str, results: Any, state: Any) -> None:
    ran = run(process(statement), config=CONFIG)

    assert (ran.kind, ran.results, ran.state) == ("ok", results, state)


def test_if_it_were_a_plain_dict_a_logic_would_change_it() -> None:
    config: Any = dict(CONFIG)

    Program.load(Logic.of(process("config.clear()")), Limits()).process({}, {}, config)

    assert config == {}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "c, k = config, 'limit'\nc[k] = 1",
            f"TypeError: {READ_ONLY}",
        ),
        ("c = config\ndel c['limit']", f"TypeError: {READ_ONLY}"),
        ("config.clear()", f"TypeError: clear(): {READ_ONLY}"),
        ("c = config\nc['limit'] = 1", f"TypeError: {READ_ONLY}"),
        ("c = config['steps']\nc.append(1)", f"TypeError: append(): {READ_ONLY}"),
        ("c = config['steps']\nc += [5]", f"TypeError: {READ_ONLY}"),
        ("c = config['steps']\nc *= 2", f"TypeError: {READ_ONLY}"),
        ("c = config['steps']\nc[0] = 5", f"TypeError: {READ_ONLY}"),
        ("c = config['steps']\nc[0:1] = [5]", f"TypeError: {READ_ONLY}"),
        ("c = config['steps']\ndel c[0]", f"TypeError: {READ_ONLY}"),
        ("c = config['steps']\nc.sort()", f"TypeError: sort(): {READ_ONLY}"),
        ("c = config['steps']\nlist.append(c, 5)", f"TypeError: append(): {READ_ONLY}"),
        ("c = config['steps']\nc.get(5)", "AttributeError: list has no 'get'"),
        ("c = config['steps']\nc['a']", "TypeError: list indices must be integers or slices, not str"),
        ("c = config['steps']\nc + 1", 'TypeError: can only concatenate list (not "int") to list'),
    ],
)
def test_a_logic_that_tries_to_change_it_gets_an_error(statement: str, said: str) -> None:
    ran = run(process(statement), config=CONFIG)

    assert ran.kind == "runtime-error"
    assert ran.failure is not None
    assert said in ran.failure.message


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("config = {}", "`config` belongs to the machine and cannot be set"),
        ("config['a'] = 1", "`config` is read-only and cannot be changed"),
        ("config['a']['b'] += 1", "`config` is read-only and cannot be changed"),
        ("del config['a'][0]", "`config` is read-only and cannot be changed"),
    ],
)
def test_an_obvious_change_of_it_is_refused_when_the_logic_is_uploaded(statement: str, message: str) -> None:
    ran = run(process(statement))

    assert ran.kind == "refused-at-upload"
    assert [problem.message for problem in ran.problems] == [message]


@pytest.mark.parametrize(
    "body",
    [
        "c = config['d'] if 0 else data['d']\nwhile True:\n    c = {**{}, 'k': [c, c]}\n    str(c)",
        "c = data['d']\nfor i in range(100000):\n    c = {'k': c, 'm': c}\n    c == config",
        "c = config\nwhile True:\n    c = [c, c]\n    c == [config, config]",
        "c = config\nwhile True:\n    c = [c, c]\n    json.dumps(c)",
        "c = (config,)\nwhile True:\n    c = (c, c)\n    c in [c]",
        "d = {}\nfor i in range(1000000):\n    d |= config | {str(i): config}",
    ],
)
def test_growing_it_into_a_large_value_exceeds_a_limit(body: str) -> None:
    config: dict[str, Any] = {f"key-{number}": "x" * 20 for number in range(100)} | {"d": {}}

    assert run("import json\n" + process(body), {"d": {}}, config=config).kind == "limit"


@pytest.mark.parametrize(
    "body",
    [
        "for key in C:\n    pass",
        "for i in range(50):\n    dict(C)",
        "for i in range(50):\n    {**C}",
        "for i in range(50):\n    C.copy()",
        "for i in range(50):\n    list(C.items())",
        "for i in range(50):\n    str(C)",
        "for i in range(50):\n    C == {'a': 1}",
        "for i in range(50):\n    json.dumps(C)",
        "for i in range(50):\n    sorted(C)",
        "for i in range(50):\n    'key-1' in C",
        "for i in range(50):\n    {} | C",
    ],
)
def test_it_costs_at_least_as_much_fuel_as_an_equal_dict(body: str) -> None:
    config = {f"key-{number}": number for number in range(100)}
    used = []
    for name in ("config", "data"):
        program = Program.load(Logic.of("import json\n" + process(body.replace("C", name))), Limits())
        program.process(dict(config), {}, decode_config(encode_config(config, Limits())))
        used.append(program.peaks["fuel"])

    assert used[0] >= used[1] > 0


def test_each_machine_of_a_batch_has_its_own_config(sandbox: Sandbox) -> None:
    logic = Logic.of(process("return {'limit': config.get('limit', 'none')}"))
    configs = [b'{"limit":1}', b"{}", b'{"limit":2}', b'{"other":3}']

    reports = sandbox.run([Job(logic, b"{}", [b"1", b"2"], config) for config in configs])

    said = [
        [msgspec.json.decode(outcome.results[0])["limit"] for outcome in each.outcomes] for each in reports
    ]
    assert said == [[1, 1], ["none", "none"], [2, 2], ["none", "none"]]


@pytest.mark.parametrize("config", [b"", b"[]", b"{", b"\xff", b'{"a":' * 5_000])
def test_a_config_that_is_not_a_json_object_fails_the_readings_with_an_error(
    sandbox: Sandbox, config: bytes
) -> None:
    [report, other] = sandbox.run(
        [
            Job(Logic.of(process("return {}")), b'{"kept":1}', [b"1", b"2"], config),
            Job(Logic.of(process("return {}")), b"{}", [b"1"]),
        ]
    )

    assert [outcome.kind for outcome in report.outcomes] == ["error", "error"]
    assert report.state == b'{"kept":1}'
    failure = report.outcomes[0].failure
    assert failure is not None
    assert failure.message.startswith("the machine's config is not a JSON object")
    assert [outcome.kind for outcome in other.outcomes] == ["ok"]


def test_a_config_must_respect_its_limits() -> None:
    limits = Limits(config_bytes=256, value_depth=2)

    assert encode_config({"x": "y" * 248}, limits) == b'{"x":"' + b"y" * 248 + b'"}'
    for config, limit in (({"x": "y" * 249}, "config_bytes"), ({"x": {"y": {"z": 1}}}, "value_depth")):
        with pytest.raises(LimitExceeded) as raised:
            encode_config(config, limits)
        assert raised.value.limit == limit
    for bad in ({"x": float("nan")}, {"x": 2**70}, {"x": "a\0b"}, {"x": "\ud800"}):
        with pytest.raises(LogicError):
            encode_config(bad, limits)
