"""Local times in a logic are those of plain Python with the data of the package tzdata, in each child."""

import json
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tzdata

from sandbox.allowed import METHODS, MODULES
from sandbox.check.compiler import check
from sandbox.child.program import Program
from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.runtime import zones
from sandbox.runtime.runtime import Runtime
from tests.sandbox.running import fresh, process, run

HEAD = "from datetime import date, datetime, time, timedelta, timezone\nfrom zoneinfo import ZoneInfo\n"
#: Time zones with unusual rules: half an hour of summer time, summer time that is subtracted, a day left out.
UNUSUAL = [
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Nuuk",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Kathmandu",
    "Asia/Gaza",
    "Europe/Dublin",
    "Pacific/Apia",
    "Etc/GMT-14",
    "UTC",
]
#: Time zones with changes of the clock at different hours; None is the fixed offset UTC.
ZONES = ["Europe/Berlin", "Europe/London", "UTC", None]
#: Local times: in a gap, in an overlap, before the first and after the last change in the data, at both ends.
LOCAL = [
    *("2026-03-29T02:30:00", "2026-10-25T02:30:00", "2026-10-25T03:00:00", "2026-03-08T02:15:00"),
    *("2026-04-05T01:45:00", "2011-12-30T12:00:00", "1890-01-01T00:00:00", "1945-05-24T02:00:00"),
    *("2500-07-01T12:00:00", "9999-12-31T23:59:59.999999", "0001-01-01T00:00:00", "2026-02-18T03:00:00"),
]


@pytest.fixture
def plain() -> Iterator[None]:
    """Let plain Python read the time zones of the package too, not those of the host."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=before)
    ZoneInfo.clear_cache()


def in_python(source: str, reading: Any) -> Any:
    """Return the result of a logic in plain Python."""
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - our own sources
    return fresh(names["process"](fresh(reading), {}))


def both(body: str, reading: Any, head: str = HEAD) -> None:
    """Check that the sandbox and plain Python give the same result."""
    source = head + process(body)
    ran = run(source, reading, limits=Limits(fuel=10_000_000, fuel_max=10_000_000, result_bytes=1 << 20))
    assert ran.kind == "ok", ran.failure or ran.problems
    assert ran.results == [in_python(source, reading)]


@pytest.mark.usefixtures("plain")
def test_every_time_zone_of_the_package_has_the_same_local_times_as_in_python() -> None:
    both(
        "moments = [datetime.fromtimestamp(m, timezone.utc) for m in data['moments']]\n"
        "return {name: [[t.isoformat(), t.tzname(), str(t.dst()), t.fold, t.hour] for t in\n"
        "               [m.astimezone(ZoneInfo(name)) for m in moments]] for name in data['names']}",
        {
            "names": sorted(zones.load()),
            "moments": [-6_000_000_000, -1_000_000_000.5, 1_774_746_000, 1_792_890_000, 16_000_000_000],
        },
    )
    assert len(zones.load()) > 590


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", UNUSUAL)
def test_a_local_time_in_a_gap_or_an_overlap_is_that_of_python(name: str) -> None:
    both(
        """
def told(f):
    try:
        return str(f())
    except Exception as e:
        return str(e)
zone = ZoneInfo(data['name'])
found = []
for text in data['local']:
    for fold in (0, 1):
        t = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
        u = datetime(t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond, zone, fold=fold)
        found.append([
            str(t), repr(t), t.isoformat(), t.tzname(), str(t.dst()), str(t.utcoffset()), t.fold, t == u,
            told(lambda: t.astimezone(timezone.utc).astimezone(zone)), told(lambda: t.timestamp()),
            told(lambda: t.astimezone(ZoneInfo('Asia/Tokyo'))), told(lambda: t + timedelta(hours=1)),
            told(lambda: t - timedelta(hours=1)), f'{t:%Y-%m-%d %H:%M %Z %z}', t.strftime('%Z%z'),
            str(t.time()), str(t.date()), t.ctime(), t.isoformat(timespec='hours'),
            str(datetime.combine(t.date(), time(2, 30, tzinfo=zone, fold=fold))),
            str(t.replace(tzinfo=None)), t.tzinfo is zone, t.tzinfo.key, str(t.tzinfo), repr(t.tzinfo),
        ])
return {'found': found}
""".strip(),
        {"name": name, "local": LOCAL},
    )


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(("one", "other"), [*combinations(ZONES, 2)])
def test_times_of_two_time_zones_are_compared_and_subtracted_as_in_python(
    one: str, other: str | None
) -> None:
    both(
        """
def zone_of(name):
    return timezone.utc if name is None else ZoneInfo(name)
zones = [zone_of(data['one']), zone_of(data['other']), zone_of(data['one'])]
local = ['2026-03-29T01:30:00', '2026-03-29T02:30:00', '2026-10-25T01:30:00', '2026-10-25T02:30:00']
moments = []
for text in local:
    for zone in zones:
        for fold in (0, 1):
            moments.append(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold))
rows = [[a == b, a != b, a < b, a <= b, str(a - b), (a - b).total_seconds(), a in [b], a in {b: 1}]
        for a in moments for b in moments]
return {'rows': rows, 'sorted': [str(t) for t in sorted(moments)], 'least': str(min(moments)),
        'zones': zones[0] is zones[2], 'equal': [zones[0] == zones[1], zones[0] == zones[2]],
        'keys': len({t: 1 for t in moments}), 'count': moments.count(moments[3])}
""".strip(),
        {"one": one, "other": other},
    )


@pytest.mark.usefixtures("plain")
def test_a_time_of_day_has_a_time_zone_only_with_a_date() -> None:
    both(
        "t = time(2, 30, tzinfo=ZoneInfo('Europe/Berlin'), fold=1)\n"
        "u = time(2, 30, tzinfo=ZoneInfo('Etc/GMT+5'))\n"
        "return {'t': [str(t), t.utcoffset(), t.dst(), t.tzname(), t.fold, f'{t:%H %Z}', t == time(2, 30)],\n"
        "        'u': [str(u), str(u.utcoffset()), u.tzname(), u == time(7, 30, tzinfo=timezone.utc)]}",
        {},
    )


@pytest.mark.usefixtures("plain")
def test_the_module_itself_and_other_names_for_it_can_be_imported() -> None:
    both("return {'r': zoneinfo.ZoneInfo('Asia/Tokyo').key}", {}, "import zoneinfo\n")
    both("return {'r': z.ZoneInfo(key='Asia/Tokyo').key}", {}, "import zoneinfo as z\n")
    both("return {'r': Z('Asia/Tokyo').key}", {}, "from zoneinfo import ZoneInfo as Z\n")
    both(
        "try:\n    zone = ZoneInfo(data)\nexcept ZoneInfoNotFoundError as e:\n"
        "    zone = ZoneInfo('UTC')\nreturn {'r': str(zone)}",
        "Mars/Olympus",
        "from zoneinfo import ZoneInfo, ZoneInfoNotFoundError\n",
    )


# Unknown names.


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "did you mean 'Europe/Berlin'?"),
        ("Berlin", "did you mean 'Europe/Berlin'?"),
        ("brelin", "did you mean 'Europe/Berlin'?"),
        ("America/New York", "did you mean 'America/New_York'?"),
        ("new york", "did you mean 'America/New_York'?"),
        (" UTC", "did you mean 'UTC'?"),
        ("CEST", "write a name such as 'Europe/Berlin' or 'America/New_York'"),
        ("UTC+1", "for a fixed offset, write timezone(timedelta(hours=1))"),
        ("+01:00", "for a fixed offset, write timezone(timedelta(hours=1))"),
        ("", "write a name such as 'Europe/Berlin' or 'America/New_York'"),
        ("localtime", "write a name such as 'Europe/Berlin' or 'America/New_York'"),
        ("../../../../etc/passwd", "write a name such as 'Europe/Berlin' or 'America/New_York'"),
        ("/usr/share/zoneinfo/Europe/Berlin", None),
        ("Europe/../Europe/Berlin", None),
        ("Europe//Berlin", "did you mean 'Europe/Berlin'?"),
        ("Europe/Berlin\0", "did you mean 'Europe/Berlin'?"),
        ("Europe", None),
        ("zone.tab", None),
        ("__init__.py", None),
    ],
)
def test_an_unknown_time_zone_is_an_error_with_its_line_and_a_similar_name(
    name: str, instead: str | None
) -> None:
    ran = run(HEAD + process("zone = ZoneInfo(data)\nreturn {'r': zone.key}"), name)
    at_upload = run(HEAD + process(f"zone = ZoneInfo({name!r})\nreturn {{'r': zone.key}}"), name)

    assert ran.kind == "runtime-error"
    assert ran.failure is not None
    assert ran.failure.line == 4
    said = f"there is no time zone {name!r}"
    assert ran.failure.message.startswith("ZoneInfoNotFoundError: ")
    assert said.replace("\\", "\\\\") in ran.failure.message
    [problem] = at_upload.problems
    assert (problem.line, problem.message) == (4, said)
    assert problem.hint
    if instead is not None:
        assert instead in ran.failure.message
        assert problem.hint.lower().rstrip(".") == instead.lower().rstrip(".")


def test_a_very_long_name_is_not_searched_and_not_shown() -> None:
    ran = run(HEAD + process("return {'r': ZoneInfo(data).key}"), "Europe/Berlin" * 10_000)

    assert ran.failure is not None
    assert "a text of 130000 characters is no time zone" in ran.failure.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("ZoneInfo(5)", "key must be a text such as 'Europe/Berlin', not int"),
        ("ZoneInfo(None)", "key must be a text"),
        ("ZoneInfo(b'Europe/Berlin')", "key must be a text"),
        ("ZoneInfo(['Europe/Berlin'])", "key must be a text"),
        ("ZoneInfo(ZoneInfo('UTC'))", "key must be a text such as 'Europe/Berlin', not ZoneInfo"),
        ("ZoneInfo()", "missing 1 required positional argument: 'key'"),
        ("ZoneInfo('UTC', 'UTC')", "takes 1 positional argument but 2 were given"),
        ("timezone(data)", "offset must be a timedelta, not str; for a time zone by name, write ZoneInfo"),
        ("datetime(2026, 1, 1, tzinfo=data)", "tzinfo must be a ZoneInfo, a timezone or None, not str; for"),
        ("datetime.fromtimestamp(0, data)", "tz must be a ZoneInfo, a timezone or None, not str; for a time"),
        ("time(1, tzinfo=ZoneInfo)", "tzinfo must be a ZoneInfo, a timezone or None, not function"),
        ("datetime(2026, 1, 1).astimezone(ZoneInfo('UTC'))", "needs a moment with a time zone"),
        ("datetime(2026, 1, 1, tzinfo=ZoneInfo('UTC')).astimezone()", "and the time zone to go to"),
        ("datetime(1, 1, 1, tzinfo=ZoneInfo('Asia/Tokyo')).astimezone(timezone.utc)", "out of range"),
        (
            "datetime(9999, 12, 31, 23, tzinfo=timezone.utc).astimezone(ZoneInfo('Asia/Tokyo'))",
            "out of range",
        ),
        ("datetime.fromtimestamp(253402300799, ZoneInfo('Asia/Tokyo'))", "out of range"),
        ("ZoneInfo('UTC') < ZoneInfo('UTC')", "not supported between instances of 'zoneinfo.ZoneInfo'"),
        ("ZoneInfo('UTC').utcoffset(None)", "ZoneInfo has no 'utcoffset'; write moment.utcoffset()"),
        ("ZoneInfo('UTC').hour", "ZoneInfo has no 'hour', or it is not available"),
        ("ZoneInfo.key", "type ZoneInfo has no 'key', or it is not available"),
        ("f'{ZoneInfo(\"UTC\"):%H}'", "unsupported format for a ZoneInfo"),
        ("'{0.key}'.format(ZoneInfo('UTC'))", ""),
    ],
)
def test_a_wrong_use_is_an_error_of_the_logic_with_its_line(body: str, message: str) -> None:
    ran = run(HEAD + process(f"x = {body}\nreturn {{'r': 1}}"), "Europe/Berlin")

    assert ran.kind == "runtime-error", ran.problems or ran.results
    assert ran.failure is not None
    assert ran.failure.line == 4
    assert message in ran.failure.message


# What a logic cannot do.


@pytest.mark.parametrize(
    ("head", "body", "hint"),
    [
        ("import pytz", "", "ZoneInfo('Europe/Berlin')"),
        ("from pytz import timezone", "", "ZoneInfo('Europe/Berlin')"),
        ("import dateutil.tz", "", "ZoneInfo('Europe/Berlin')"),
        ("from dateutil import tz", "", "ZoneInfo('Europe/Berlin')"),
        ("from backports.zoneinfo import ZoneInfo", "", "from zoneinfo import ZoneInfo"),
        ("import tzlocal", "", "ZoneInfo('Europe/Berlin')"),
        ("", "x = pytz.timezone('Europe/Berlin')", "ZoneInfo('Europe/Berlin')"),
        ("", "x = ZoneInfo('Europe/Berlin')", "from zoneinfo import ZoneInfo"),
        ("", "x = zoneinfo.ZoneInfo('Europe/Berlin')", "import zoneinfo"),
        ("import datetime", "x = datetime.timezone('Europe/Berlin')", "ZoneInfo('Europe/Berlin')"),
        ("from datetime import timezone", "x = timezone('Europe/Berlin')", "ZoneInfo('Europe/Berlin')"),
        ("", "x = data['t'].localize(1)", ".replace(tzinfo=ZoneInfo('Europe/Berlin'))"),
        ("import zoneinfo", "x = zoneinfo.available_timezones()", "ZoneInfo('Europe/Berlin')"),
        ("import zoneinfo", "x = zoneinfo.reset_tzpath(['/tmp'])", "loaded"),
        ("import zoneinfo", "x = zoneinfo.TZPATH", "ZoneInfo, ZoneInfoNotFoundError"),
        ("from zoneinfo import _common", "", ""),
        ("from zoneinfo import *", "", ""),
        ("from zoneinfo import ZoneInfo", "x = ZoneInfo.from_file(data)", "ZoneInfo('Europe/Berlin')"),
        ("from zoneinfo import ZoneInfo", "x = ZoneInfo.no_cache('UTC')", "ZoneInfo('Europe/Berlin')"),
        ("from zoneinfo import ZoneInfo", "ZoneInfo.clear_cache()", "loaded"),
        ("from zoneinfo import ZoneInfo", "ZoneInfo('UTC').key = 'CET'", ""),
        ("from zoneinfo import ZoneInfo", "x = ZoneInfo('UTC').__reduce__()", ""),
        ("from zoneinfo import ZoneInfo", "x = ZoneInfo('UTC').fromutc(data)", ""),
        ("from zoneinfo import ZoneInfo", "class Zone(ZoneInfo):\n    pass", ""),
        ("from zoneinfo import ZoneInfo", "x = type('Zone', (ZoneInfo,), {})", None),
        (HEAD, "x = datetime.now(ZoneInfo('UTC'))", "Take the time from meta"),
    ],
)  # fmt: skip
def test_other_ways_to_a_time_zone_are_refused_with_what_to_write(
    head: str, body: str, hint: str | None
) -> None:
    ran = run(f"{head}\n{process(body or 'pass')}")

    if hint is None:
        assert ran.kind == "runtime-error"
        return
    assert ran.kind == "refused-at-upload"
    assert hint in " ".join(problem.hint for problem in ran.problems)


def test_a_logic_can_reach_only_the_name_of_a_time_zone() -> None:
    runtime = Runtime.of(Limits())

    assert set(METHODS["ZoneInfo"]) == {"key"}
    assert set(MODULES["zoneinfo"]) == {"ZoneInfo", "ZoneInfoNotFoundError"}
    assert runtime.by_type[ZoneInfo] == {}
    assert runtime.globals["_f_zoneinfo_ZoneInfo"] is not ZoneInfo
    reach = runtime.globals["_getattr_"]
    reached = []
    for name in dir(ZoneInfo):
        runtime.meter.reset()
        try:
            reached.append((name, reach(zones.load()["UTC"], name)))
        except AttributeError:
            continue
    assert reached == [("key", "UTC")]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("state['zone'] = ZoneInfo('UTC')\nreturn {}", 'state["zone"] is a ZoneInfo'),
        ("return {'zone': ZoneInfo('UTC')}", 'result["zone"] is a ZoneInfo'),
        ("return {'zones': [{'a': ZoneInfo('UTC')}]}", 'result["zones"][0]["a"] is a ZoneInfo'),
    ],
)
def test_a_time_zone_in_the_state_or_a_result_is_an_error(body: str, place: str) -> None:
    ran = run(HEAD + process(body))

    assert ran.failure is not None
    assert ran.failure.message == f"{place}, which is not JSON; .key makes a text of it"


def test_the_same_name_is_the_same_object_everywhere() -> None:
    source = HEAD + (
        "TABLE = {name: ZoneInfo(name) for name in ('Europe/Berlin', 'UTC')}\n"
        "CONSTANT = ZoneInfo('Europe/Berlin')\n"
    ) + process(
        "zone = TABLE['Europe/Berlin']\n"
        "a = datetime(2026, 10, 25, 1, tzinfo=zone)\n"
        "b = datetime(2026, 10, 25, 5, tzinfo=ZoneInfo('Europe/' + data))\n"
        "return {'same': zone is CONSTANT is ZoneInfo('Europe/Berlin'), 'hours': str(b - a)}"
    )  # fmt: skip

    ran = run(source, "Berlin", "Berlin")

    assert ran.results == [{"same": True, "hours": "4:00:00"}], ran


def test_the_host_cannot_change_a_time_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path(tzdata.__file__).parent / "zoneinfo"
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes((data / "Asia" / "Tokyo").read_bytes())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    ZoneInfo.clear_cache()
    try:
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        assert moment.astimezone(ZoneInfo("Europe/Berlin")).hour == 9
        assert moment.astimezone(zones.load.__wrapped__()["Europe/Berlin"]).hour == 1
    finally:
        zoneinfo.reset_tzpath(to=before)
        ZoneInfo.clear_cache()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert run(
        HEAD + process("t = datetime(2026, 1, 1, tzinfo=timezone.utc).astimezone(ZoneInfo('Europe/Berlin'))\n"
                       "return {'r': t.hour}")
    ).results == [{"r": 1}]  # fmt: skip


# Fuel.


def fuel(body: str, *readings: Any) -> list[int]:
    """Return the fuel of each reading."""
    checked = check(HEAD + process(body), Limits())
    program = Program.load(Logic("", "", checked.code), Limits())
    used = []
    for reading in readings:
        program.process(reading, {})
        used.append(program.peaks["fuel"])
    return used


def test_a_time_zone_costs_the_same_each_time() -> None:
    body = "try:\n    ZoneInfo(data)\nexcept KeyError:\n    pass\nreturn {}"
    zones.unknown.cache_clear()

    first, again, other = fuel(body, "Europe/Berlin", "Europe/Berlin", "Africa/Casablanca")
    unknown, unknown_again, unknown_other = fuel(body, "Europe/Berln", "Europe/Berln", "x")

    assert first == again == other < 10
    assert unknown == unknown_again == unknown_other > zones.UNKNOWN_TICKS


def test_many_unknown_names_exceed_the_fuel() -> None:
    ran = run(
        HEAD + process("for i in range(100):\n    try:\n        ZoneInfo(f'am//eerucaoritna{i}')\n"
                       "    except Exception:\n        pass\nreturn {}")
    )  # fmt: skip

    assert ran.failure is not None
    assert ran.failure.limit == "fuel"


# In the confined child.


def outcomes(source: str, *readings: Any) -> list[Any]:
    """Run readings in a confined child, and return the results or the failure of each."""
    limits = Limits(fuel=1_000_000, fuel_max=1_000_000)
    with Sandbox(limits) as sandbox:
        assert {"seccomp", "no-new-privileges"} <= sandbox.confinement
        checked = sandbox.check(source)
        assert checked.accepted, checked.problems
        job = Job(
            Logic(Logic.of(source).digest, source, checked.code),
            b"{}",
            [json.dumps(reading).encode() for reading in readings],
        )
        [report] = sandbox.run([job])
        assert sandbox.restarts == 0
    return [json.loads(each.results[0]) if each.results else each.failure for each in report.outcomes]


def test_a_confined_child_has_every_time_zone() -> None:
    names = sorted(zones.load())
    moment = datetime(2026, 7, 1, 10, tzinfo=UTC)

    [found] = outcomes(
        HEAD + process(
            "t = datetime.fromisoformat(data['at'])\n"
            "return {name: t.astimezone(ZoneInfo(name)).isoformat() for name in data['names']}"
        ),
        {"at": moment.isoformat(), "names": names},
    )  # fmt: skip

    assert found == {name: moment.astimezone(zones.load()[name]).isoformat() for name in names}


def test_a_confined_child_names_an_unknown_time_zone_and_goes_on() -> None:
    wrong, right = outcomes(
        HEAD + process("t = datetime.fromisoformat(data['at'])\n"
                       "return {'hour': t.astimezone(ZoneInfo(data['zone'])).hour}"),
        {"at": "2026-07-01T10:00:00Z", "zone": "Europe/Berln"},
        {"at": "2026-07-01T10:00:00Z", "zone": "Europe/Berlin"},
    )  # fmt: skip

    assert wrong.line == 5
    assert wrong.message == (
        "ZoneInfoNotFoundError: \"there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?\""
    )
    assert right == {"hour": 12}


def test_an_unknown_name_in_the_deepest_call_does_not_harm_the_time_zones() -> None:
    first, again = outcomes(
        HEAD + process(
            "def every(n):\n    try:\n        return every(n + 1)\n    finally:\n"
            "        ZoneInfo(data['zone'])\n"
            "if data['deep']:\n    every(0)\nreturn {'zone': str(ZoneInfo(data['zone']))}"
        ),
        {"zone": "Europe/Berln", "deep": True},
        {"zone": "Europe/Berlin", "deep": False},
    )  # fmt: skip

    assert first.limit == "recursion"
    assert again == {"zone": "Europe/Berlin"}


def test_the_example_of_the_docs_gives_the_shift_in_local_time() -> None:
    page = Path(__file__).parents[2] / "docs" / "write-logic.md"
    [source] = [
        part for part in page.read_text().split("```") if "ZoneInfo" in part and "def process" in part
    ]

    ran = run(source.removeprefix("python\n"), {"time": "2026-10-25T01:30:00Z"})

    assert ran.results == [{"shift": "night", "day": "2026-10-25", "text": "02:30 CET"}]


def test_a_span_of_time_is_that_of_the_clock_unless_it_is_computed_in_utc() -> None:
    ran = run(
        HEAD + process(
            "zone = ZoneInfo('Europe/Berlin')\n"
            "start = datetime(2026, 10, 24, 22, tzinfo=zone)\nend = datetime(2026, 10, 25, 6, tzinfo=zone)\n"
            "passed = end.astimezone(timezone.utc) - start.astimezone(timezone.utc)\n"
            "return {'clock': str(end - start), 'passed': str(passed)}"
        )
    )  # fmt: skip

    assert ran.results == [{"clock": str(timedelta(hours=8)), "passed": str(timedelta(hours=9))}]
