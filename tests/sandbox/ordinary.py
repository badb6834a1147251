"""Logics as authors in plants write them: each with readings, and the result of the last reading."""

from typing import Any, NamedTuple


class Ordinary(NamedTuple):
    name: str
    source: str
    readings: list[Any]
    result: Any
    state: dict[str, Any] | None = None


LOGICS = [
    Ordinary(
        "status from a signal, in one line",
        "def process(data, state): state['status'] = 'running' if data['signal'] == 1 else 'stopped'; "
        "return state",
        [{"signal": 1}, {"signal": 0}],
        {"status": "stopped"},
    ),
    Ordinary(
        "status from the parity of a timestamp",
        "def process(data, state): return {'status': 'even' if data['timestamp'] % 2 == 0 else 'odd'}",
        [{"timestamp": 1700000001}],
        {"status": "odd"},
    ),
    Ordinary(
        "the last timestamp kept",
        "def process(data, state): last = state.get('last'); state['last'] = data['timestamp']; "
        "return {'last': last}",
        [{"timestamp": 10}, {"timestamp": 20}],
        {"last": 10},
        {"last": 20},
    ),
    Ordinary(
        "a counter",
        """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    return {"count": state["count"]}
""",
        [{}, {}, {}],
        {"count": 3},
    ),
    Ordinary(
        "a counter with +=",
        """
def process(data, state):
    state.setdefault("count", 0)
    state["count"] += 1
    state["total"] = state.get("total", 0)
    state["total"] += data["pieces"]
    return state
""",
        [{"pieces": 5}, {"pieces": 7}],
        {"count": 2, "total": 12},
    ),
    Ordinary(
        "hysteresis",
        """
HIGH = 80.0
LOW = 70.0

def process(data, state):
    on = state.get("on", False)
    if data["temp"] >= HIGH:
        on = True
    elif data["temp"] <= LOW:
        on = False
    state["on"] = on
    return {"fan": "on" if on else "off"}
""",
        [{"temp": 60}, {"temp": 85}, {"temp": 75}],
        {"fan": "on"},
    ),
    Ordinary(
        "debouncing",
        """
NEEDED = 3

def process(data, state):
    if data["contact"] == state.get("candidate"):
        state["seen"] += 1
    else:
        state["candidate"] = data["contact"]
        state["seen"] = 1
    if state["seen"] >= NEEDED:
        state["stable"] = state["candidate"]
    return {"contact": state.get("stable")}
""",
        [{"contact": 1}, {"contact": 1}, {"contact": 1}, {"contact": 0}],
        {"contact": 1},
    ),
    Ordinary(
        "a rolling average",
        """
def process(data, state):
    window = state.get("window", [])
    window.append(data["value"])
    window = window[-3:]
    state["window"] = window
    return {"average": sum(window) / len(window)}
""",
        [{"value": v} for v in (1, 2, 3, 4, 5)],
        {"average": 4.0},
        {"window": [3, 4, 5]},
    ),
    Ordinary(
        "a rolling deviation with statistics",
        """
from statistics import mean, pstdev

def process(data, state):
    xs = (state.get("xs") or []) + [float(data["v"])]
    state["xs"] = xs[-50:]
    return {"mean": round(mean(xs), 3), "deviation": round(pstdev(xs), 3)}
""",
        [{"v": v} for v in (2, 4, 4, 4, 5, 5, 7, 9)],
        {"mean": 5.0, "deviation": 2.0},
    ),
    Ordinary(
        "Welford's running deviation",
        """
import math

def process(data, state):
    n = state.get("n", 0) + 1
    mean = state.get("mean", 0.0)
    delta = data["v"] - mean
    mean += delta / n
    m2 = state.get("m2", 0.0) + delta * (data["v"] - mean)
    state.update(n=n, mean=mean, m2=m2)
    return {"std": round(math.sqrt(m2 / n), 6)}
""",
        [{"v": v} for v in (2, 4, 4, 4, 5, 5, 7, 9)],
        {"std": 2.0},
    ),
    Ordinary(
        "OEE",
        """
def process(data, state):
    availability = data["run_min"] / data["planned_min"]
    performance = data["ideal_s"] * data["pieces"] / (data["run_min"] * 60)
    quality = (data["pieces"] - data["scrap"]) / data["pieces"] if data["pieces"] else 0.0
    oee = availability * performance * quality
    return {"oee": round(oee * 100, 1), "grade": "good" if oee > 0.6 else "poor"}
""",
        [{"run_min": 400, "planned_min": 480, "ideal_s": 30, "pieces": 700, "scrap": 14}],
        {"oee": 71.5, "grade": "good"},
    ),
    Ordinary(
        "rising edge",
        """
def process(data, state):
    rising = bool(data["bit"]) and not state.get("bit", False)
    state["bit"] = bool(data["bit"])
    if rising:
        state["edges"] = state.get("edges", 0) + 1
    return {"rising": rising, "edges": state.get("edges", 0)}
""",
        [{"bit": 0}, {"bit": 1}, {"bit": 1}, {"bit": 0}, {"bit": 1}],
        {"rising": True, "edges": 2},
    ),
    Ordinary(
        "Fahrenheit to Celsius",
        "def process(data, state):\n    return {'celsius': round((data['f'] - 32) * 5 / 9, 2)}\n",
        [{"f": 212}],
        {"celsius": 100.0},
    ),
    Ordinary(
        "unit table",
        """
FACTORS = {"bar": 100.0, "kPa": 1.0, "psi": 6.894757}

def to_kpa(value, unit):
    if unit not in FACTORS:
        raise ValueError(f"unknown unit {unit}")
    return value * FACTORS[unit]

def process(data, state):
    try:
        return {"kpa": round(to_kpa(data["p"], data["unit"]), 1)}
    except ValueError as error:
        return {"error": str(error)}
""",
        [{"p": 2, "unit": "bar"}, {"p": 2, "unit": "mmHg"}],
        {"error": "unknown unit mmHg"},
    ),
    Ordinary(
        "state machine",
        """
TRANSITIONS = {
    ("idle", "start"): "running",
    ("running", "pause"): "paused",
    ("paused", "start"): "running",
    ("running", "stop"): "idle",
}

def process(data, state):
    now = state.get("now", "idle")
    then = TRANSITIONS.get((now, data["event"]), now)
    state["now"] = then
    return {"from": now, "to": then, "changed": now != then}
""",
        [{"event": "start"}, {"event": "pause"}, {"event": "nonsense"}, {"event": "start"}],
        {"from": "paused", "to": "running", "changed": True},
    ),
    Ordinary(
        "alarm with dead band",
        """
def process(data, state):
    limit, band = 100, 5
    active = state.get("alarm", False)
    value = data["value"]
    if not active and value > limit:
        active = True
    elif active and value < limit - band:
        active = False
    changed = active != state.get("alarm", False)
    state["alarm"] = active
    if not changed:
        return None
    return {"alarm": active, "value": value}
""",
        [{"value": 99}, {"value": 101}, {"value": 97}, {"value": 94}],
        {"alarm": False, "value": 94},
    ),
    Ordinary(
        "JSON in a reading",
        """
import json

def process(data, state):
    try:
        inner = json.loads(data["payload"])
    except (ValueError, KeyError):
        return {"error": "bad payload"}
    return {"sensors": sorted(inner), "text": json.dumps(inner, sort_keys=True)}
""",
        [{"payload": "oops"}, {"payload": '{"t": 21.5, "h": [40, 41]}'}],
        {"sensors": ["h", "t"], "text": '{"h": [40, 41], "t": 21.5}'},
    ),
    Ordinary(
        "broken JSON caught by its own error",
        """
import json

def process(data, state):
    try:
        return {"v": json.loads(data["payload"])["v"]}
    except json.JSONDecodeError:
        return {"v": None}
""",
        [{"payload": "{"}],
        {"v": None},
    ),
    Ordinary(
        "time between readings",
        """
from datetime import datetime

def process(data, state):
    now = datetime.fromisoformat(data["time"])
    seconds = None
    if "last" in state:
        seconds = (now - datetime.fromisoformat(state["last"])).total_seconds()
    state["last"] = now.isoformat()
    return {"seconds": seconds, "shift": "night" if now.hour < 6 else "day"}
""",
        [{"time": "2026-03-12T05:59:30+00:00"}, {"time": "2026-03-12T06:01:00+00:00"}],
        {"seconds": 90.0, "shift": "day"},
    ),
    Ordinary(
        "timestamp to date",
        """
from datetime import datetime, timezone, timedelta

def process(data, state):
    t = datetime.fromtimestamp(data["ts"], timezone.utc)
    local = t.astimezone(timezone(timedelta(hours=1)))
    return {"day": t.strftime("%Y-%m-%d"), "local": local.isoformat(), "week": t.isocalendar()[1]}
""",
        [{"ts": 1700000000}],
        {"day": "2023-11-14", "local": "2023-11-14T23:13:20+01:00", "week": 46},
    ),
    Ordinary(
        "module datetime by its full name",
        """
import datetime

SHIFT = datetime.timedelta(hours=8)

def process(data, state):
    t = datetime.datetime.strptime(data["t"], "%d.%m.%Y %H:%M")
    end = t + SHIFT
    return {"end": f"{end:%d.%m.%Y %H:%M}", "weekday": t.weekday(), "day": str(t.date())}
""",
        [{"t": "12.03.2026 22:30"}],
        {"end": "13.03.2026 06:30", "weekday": 3, "day": "2026-03-12"},
    ),
    Ordinary(
        "several results",
        """
def process(data, state):
    return [{"channel": name, "value": value} for name, value in sorted(data["channels"].items())]
""",
        [{"channels": {"b": 2, "a": 1}}],
        [{"channel": "a", "value": 1}, {"channel": "b", "value": 2}],
    ),
    Ordinary(
        "nothing to say",
        "def process(data, state):\n    if data.get('ok', True):\n        return\n    return {'bad': True}\n",
        [{"ok": False}, {}],
        [],
    ),
    Ordinary(
        "rate of change",
        """
def process(data, state):
    previous = state.get("previous")
    state["previous"] = {"t": data["t"], "v": data["v"]}
    if previous is None or data["t"] == previous["t"]:
        return {"rate": None}
    return {"rate": (data["v"] - previous["v"]) / (data["t"] - previous["t"])}
""",
        [{"t": 0, "v": 10.0}, {"t": 5, "v": 20.0}],
        {"rate": 2.0},
    ),
    Ordinary(
        "exponential smoothing with annotations",
        """
ALPHA: float = 0.25

def smooth(old: float | None, new: float) -> float:
    return new if old is None else ALPHA * new + (1 - ALPHA) * old

def process(data: dict, state: dict) -> dict:
    level: float = smooth(state.get("level"), data["v"])
    state["level"] = level
    return {"level": level}
""",
        [{"v": 4.0}, {"v": 8.0}],
        {"level": 5.0},
    ),
    Ordinary(
        "minimum and maximum of the day",
        """
def process(data, state):
    day = data["time"][:10]
    if state.get("day") != day:
        state.clear()
        state["day"] = day
    state["low"] = min(state.get("low", data["v"]), data["v"])
    state["high"] = max(state.get("high", data["v"]), data["v"])
    return {"day": day, "span": state["high"] - state["low"]}
""",
        [{"time": "2026-03-12T10:00", "v": 5}, {"time": "2026-03-12T11:00", "v": 9}],
        {"day": "2026-03-12", "span": 4},
    ),
    Ordinary(
        "error codes to texts",
        """
CODES = {0: "ok", 17: "door open", 23: "no material"}

def process(data, state):
    texts = [CODES.get(code, f"code {code}") for code in data["codes"]]
    return {"text": ", ".join(texts) or "ok", "count": len(texts)}
""",
        [{"codes": [17, 99]}],
        {"text": "door open, code 99", "count": 2},
    ),
    Ordinary(
        "bits of a status word",
        """
NAMES = ["running", "fault", "warning", "remote"]

def process(data, state):
    word = data["word"]
    flags = {name: bool(word >> bit & 1) for bit, name in enumerate(NAMES)}
    flags["high"] = (word & 0xF0) >> 4
    flags["other"] = word ^ 0b1001 | 1 << 8
    return flags
""",
        [{"word": 0b10101001}],
        {"running": True, "fault": False, "warning": False, "remote": True, "high": 10, "other": 416},
    ),
    Ordinary(
        "hexadecimal registers",
        """
def process(data, state):
    registers = [int(part, 16) for part in data["frame"].split()]
    value = registers[0] << 8 | registers[1]
    if value >= 0x8000:
        value -= 0x10000
    return {"value": value, "hex": f"{value & 0xFFFF:04X}", "sum": sum(registers) % 256}
""",
        [{"frame": "FF 38"}],
        {"value": -200, "hex": "FF38", "sum": 55},
    ),
    Ordinary(
        "a telegram in text",
        """
def process(data, state):
    line = data["line"].strip()
    if not line.startswith("$"):
        raise ValueError("no telegram: " + line[:10])
    head, *fields = line[1:].split(";")
    pairs = dict(field.split("=", 1) for field in fields if "=" in field)
    return {"head": head.upper(), "temp": float(pairs["T"]), "rest": sorted(pairs)}
""",
        [{"line": " $m7;T=21.5;P=3 \\n".replace("\\n", "")}],
        {"head": "M7", "temp": 21.5, "rest": ["P", "T"]},
    ),
    Ordinary(
        "median filter",
        """
from statistics import median

def process(data, state):
    last = (state.get("last", []) + [data["v"]])[-5:]
    state["last"] = last
    return {"v": median(last)}
""",
        [{"v": v} for v in (1, 100, 2, 3, 2)],
        {"v": 2},
    ),
    Ordinary(
        "outliers by z-score",
        """
from statistics import mean, stdev, StatisticsError

def process(data, state):
    history = state.setdefault("history", [])
    try:
        m, s = mean(history), stdev(history)
        z = (data["v"] - m) / s if s else 0.0
    except StatisticsError:
        z = 0.0
    history.append(data["v"])
    del history[:-20]
    return {"z": round(z, 2), "outlier": abs(z) > 3}
""",
        [{"v": v} for v in (10, 11, 9, 10, 30)],
        {"z": 24.49, "outlier": True},
    ),
    Ordinary(
        "default values with or and get",
        """
def process(data, state):
    name = data.get("name") or "unknown"
    unit = (data.get("meta") or {}).get("unit", "-")
    return {"label": "%s [%s]" % (name, unit), "value": "%.2f" % data.get("v", 0)}
""",
        [{"name": "", "v": 1.239}],
        {"label": "unknown [-]", "value": "1.24"},
    ),
    Ordinary(
        "only what changed",
        """
def process(data, state):
    changed = {k: v for k, v in data.items() if state.get(k) != v}
    state.update(data)
    return changed if changed else None
""",
        [{"a": 1, "b": 2}, {"a": 1, "b": 3}],
        {"b": 3},
    ),
    Ordinary(
        "the slowest stations",
        """
def process(data, state):
    stations = data["stations"]
    slowest = sorted(stations, key=lambda s: (-s["cycle"], s["name"]))[:2]
    worst = max(stations, key=lambda s: s["cycle"])
    return {"slowest": [s["name"] for s in slowest], "worst": worst["name"]}
""",
        [{"stations": [{"name": "a", "cycle": 3}, {"name": "b", "cycle": 5}, {"name": "c", "cycle": 5}]}],
        {"slowest": ["b", "c"], "worst": "b"},
    ),
    Ordinary(
        "energy from power",
        """
def process(data, state):
    if "t" in state:
        hours = (data["t"] - state["t"]) / 3600
        state["kwh"] += (data["kw"] + state["kw"]) / 2 * hours
    else:
        state["kwh"] = 0.0
    state["t"], state["kw"] = data["t"], data["kw"]
    return {"kwh": round(state["kwh"], 4)}
""",
        [{"t": 0, "kw": 10}, {"t": 1800, "kw": 20}],
        {"kwh": 7.5},
    ),
    Ordinary(
        "a queue of the last events",
        """
def process(data, state):
    events = state.get("events", [])
    events.insert(0, {"at": data["at"], "what": data["what"]})
    while len(events) > 3:
        events.pop()
    state["events"] = events
    return {"last": [e["what"] for e in events]}
""",
        [{"at": n, "what": w} for n, w in enumerate("abcde")],
        {"last": ["e", "d", "c"]},
    ),
    Ordinary(
        "counting by kind",
        """
def process(data, state):
    counts = state.setdefault("counts", {})
    for part in data["parts"]:
        counts[part] = counts.get(part, 0) + 1
    top, n = max(counts.items(), key=lambda pair: pair[1])
    return {"top": top, "n": n, "kinds": len(set(data["parts"]))}
""",
        [{"parts": ["x", "y", "x"]}, {"parts": ["y", "y"]}],
        {"top": "y", "n": 3, "kinds": 1},
    ),
    Ordinary(
        "nested counters with +=",
        """
def process(data, state):
    per = state.setdefault("per", {})
    line = per.setdefault(data["line"], {"ok": 0, "bad": 0})
    line["ok" if data["ok"] else "bad"] += 1
    per[data["line"]]["ok"] += 0
    total = 0
    for each in per.values():
        total += each["ok"] + each["bad"]
    return {"total": total, "lines": list(per)}
""",
        [{"line": "A", "ok": True}, {"line": "B", "ok": False}, {"line": "A", "ok": True}],
        {"total": 3, "lines": ["A", "B"]},
    ),
    Ordinary(
        "a calibration curve",
        """
POINTS = [(0, 0.0), (10, 12.5), (20, 30.0)]

def interpolate(x):
    for (x0, y0), (x1, y1) in zip(POINTS, POINTS[1:]):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None

def process(data, state):
    return {"y": interpolate(data["x"])}
""",
        [{"x": 15}],
        {"y": 21.25},
    ),
    Ordinary(
        "a polynomial",
        """
COEFFICIENTS = (1.0, -2.0, 0.5)

def process(data, state):
    y = 0.0
    for c in reversed(COEFFICIENTS):
        y = y * data["x"] + c
    return {"y": y, "direct": sum(c * data["x"] ** i for i, c in enumerate(COEFFICIENTS))}
""",
        [{"x": 4}],
        {"y": 1.0, "direct": 1.0},
    ),
    Ordinary(
        "vibration: root mean square and crest factor",
        """
import math

def process(data, state):
    xs = data["samples"]
    rms = math.sqrt(sum(x * x for x in xs) / len(xs))
    peak = max(abs(x) for x in xs)
    return {"rms": round(rms, 4), "crest": round(peak / rms, 4) if rms > 0 else None}
""",
        [{"samples": [3, -4, 3, -4]}],
        {"rms": 3.5355, "crest": 1.1314},
    ),
    Ordinary(
        "angle of a resolver",
        """
from math import atan2, degrees, pi

def process(data, state):
    angle = degrees(atan2(data["sin"], data["cos"])) % 360
    return {"angle": round(angle, 1), "half": angle > 180, "pi": round(pi, 4)}
""",
        [{"sin": -1, "cos": 0}],
        {"angle": 270.0, "half": True, "pi": 3.1416},
    ),
    Ordinary(
        "a matrix in lists",
        """
def process(data, state):
    rows = data["grid"]
    columns = [[row[i] for row in rows] for i in range(len(rows[0]))]
    return {"row_sums": [sum(row) for row in rows], "column_max": [max(c) for c in columns]}
""",
        [{"grid": [[1, 5], [7, 2]]}],
        {"row_sums": [6, 9], "column_max": [7, 5]},
    ),
    Ordinary(
        "try, else and finally",
        """
def process(data, state):
    try:
        ratio = data["a"] / data["b"]
    except ZeroDivisionError:
        ratio = None
    except (TypeError, KeyError) as e:
        return {"error": type(e) is TypeError, "seen": state["seen"] + 1}
    else:
        ratio = round(ratio, 2)
    finally:
        state["seen"] = state.get("seen", 0) + 1
    return {"ratio": ratio, "seen": state["seen"]}
""",
        [{"a": 1, "b": 3}, {"a": 1, "b": 0}],
        {"ratio": None, "seen": 2},
    ),
    Ordinary(
        "a check by assert that raises",
        """
def process(data, state):
    try:
        assert 0 <= data["v"] <= 100, "out of range"
    except AssertionError as e:
        return {"error": str(e)}
    return {"v": data["v"]}
""",
        [{"v": 101}],
        {"error": "out of range"},
    ),
    Ordinary(
        "types of values",
        """
def kind(v):
    if v is None:
        return "none"
    if isinstance(v, bool):
        return "bool"
    if isinstance(v, (int, float)):
        return "number"
    if isinstance(v, str):
        return "text"
    return "list" if type(v) == list else "dict"

def process(data, state):
    return {k: kind(v) for k, v in data.items()}
""",
        [{"a": 1, "b": 1.5, "c": "x", "d": None, "e": True, "f": [], "g": {}}],
        {"a": "number", "b": "number", "c": "text", "d": "none", "e": "bool", "f": "list", "g": "dict"},
    ),
    Ordinary(
        "walrus and any and all",
        """
def process(data, state):
    if (n := len(data["xs"])) < 2:
        return {"n": n}
    first = next((x for x in data["xs"] if x > 2), None)
    return {"n": n, "any": any(x > 3 for x in data["xs"]), "all": all(data["xs"]), "first": first}
""",
        [{"xs": [1, 2, 3, 4]}],
        {"n": 4, "any": True, "all": True, "first": 3},
    ),
    Ordinary(
        "helpers in helpers",
        """
def process(data, state):
    scale = data["scale"]

    def scaled(x, offset=0):
        return x * scale + offset

    limit = lambda x: min(max(x, 0), 100)
    return {"out": [limit(scaled(x, offset=1)) for x in data["xs"]]}
""",
        [{"scale": 10, "xs": [-5, 3, 50]}],
        {"out": [0, 31, 100]},
    ),
    Ordinary(
        "merging dicts and lists",
        """
def process(data, state):
    base = {"a": 1, "b": 2}
    merged = {**base, **data["more"], "z": 0}
    union = base | {"c": 3}
    items = [*data["xs"], 9]
    items[min([*data["xs"], 0])] += 1
    return {"merged": merged, "union": union, "items": items, "sets": sorted({1, 2} | {2, 3})}
""",
        [{"more": {"b": 5}, "xs": [7, 8]}],
        {
            "merged": {"a": 1, "b": 5, "z": 0},
            "union": {"a": 1, "b": 2, "c": 3},
            "items": [8, 8, 9],
            "sets": [1, 2, 3],
        },
    ),
    Ordinary(
        "f-strings with formats",
        """
def process(data, state):
    width = 8
    return {
        "a": f"{data['v']:.1f} °C",
        "b": f"{data['v']:>{width}.2f}|{data['n']:05d}|{data['n']:,}",
        "c": f"{data['name']!r:<10}|{data['part'] / data['n']:.1%}",
        "d": "{:>6} {name}".format(data["n"], name=data["name"]),
        "e": f"{data['n']=}",
    }
""",
        [{"v": 21.456, "n": 1234, "name": "M1", "part": 617}],
        {
            "a": "21.5 °C",
            "b": "   21.46|01234|1,234",
            "c": "'M1'      |50.0%",
            "d": "  1234 M1",
            "e": "data['n']=1234",
        },
    ),
    Ordinary(
        "while with break, continue and else",
        """
def process(data, state):
    n, steps = data["n"], 0
    while n != 1:
        steps += 1
        if steps > 1000:
            break
        if n % 2:
            n = 3 * n + 1
            continue
        n //= 2
    else:
        return {"steps": steps}
    return {"steps": None}
""",
        [{"n": 27}],
        {"steps": 111},
    ),
    Ordinary(
        "a stack of open orders",
        """
def process(data, state):
    stack = state.setdefault("stack", [])
    if data["op"] == "push":
        stack.append(data["order"])
    elif stack:
        done = stack.pop()
        return {"done": done, "open": len(stack)}
    return {"open": len(stack), "top": stack[-1] if stack else None}
""",
        [{"op": "push", "order": 1}, {"op": "push", "order": 2}, {"op": "pop"}],
        {"done": 2, "open": 1},
    ),
    Ordinary(
        "cleaning a text",
        """
def process(data, state):
    words = [w.strip(".,").lower() for w in data["text"].split() if not w.isdigit()]
    return {"words": words, "title": " ".join(words).title(), "code": data["text"][::-1][:3].zfill(5)}
""",
        [{"text": "Motor 12 HOT, stop."}],
        {"words": ["motor", "hot", "stop"], "title": "Motor Hot Stop", "code": "00.po"},
    ),
    Ordinary(
        "slices and deletions",
        """
def process(data, state):
    xs = list(data["xs"])
    xs[1:3] = [0]
    del xs[0]
    xs[0], xs[-1] = xs[-1], xs[0]
    first, *rest = xs
    pairs = list(zip(xs[::2], xs[1::2]))
    return {"xs": xs, "first": first, "rest": rest, "pairs": [list(p) for p in pairs]}
""",
        [{"xs": [1, 2, 3, 4, 5]}],
        {"xs": [5, 4, 0], "first": 5, "rest": [4, 0], "pairs": [[5, 4]]},
    ),
    Ordinary(
        "map, filter and functions as values",
        """
def square(x):
    return x * x

def process(data, state):
    actions = {"square": square, "half": lambda x: x / 2}
    chosen = actions[data["action"]]
    out = list(map(chosen, filter(lambda x: x > 0, data["xs"])))
    lowered = sorted(data["names"], key=str.lower)
    return {"out": out, "names": lowered, "text": ",".join(map(str, out))}
""",
        [{"action": "square", "xs": [-1, 2, 3], "names": ["b", "A", "c"]}],
        {"out": [4, 9], "names": ["A", "b", "c"], "text": "4,9"},
    ),
    Ordinary(
        "a reading that is a number",
        "def process(data, state):\n    state['sum'] = state.get('sum', 0) + data\n"
        "    return {'sum': state['sum']}\n",
        [1, 2.5],
        {"sum": 3.5},
    ),
    Ordinary(
        "a reading that is a list",
        "def process(data, state):\n    low, high = min(data), max(data)\n    return {'span': high - low}\n",
        [[3, 9, 4]],
        {"span": 6},
    ),
    Ordinary(
        "linear trend",
        """
from statistics import linear_regression

def process(data, state):
    slope, intercept = linear_regression(data["x"], data["y"])
    return {"slope": round(slope, 6), "at": round(intercept + slope * 10, 6)}
""",
        [{"x": [0, 1, 2], "y": [1.0, 3.0, 5.0]}],
        {"slope": 2.0, "at": 21.0},
    ),
]
