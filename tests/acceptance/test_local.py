"""`iot-logic test`: the same sandbox, on examples or a file of readings, without a server."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support.installation import SCRIPTS


def run_command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `iot-logic test` in `folder`, with an empty environment."""
    return subprocess.run(
        [SCRIPTS / "iot-logic", "test", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={},
    )


def run_test(
    folder: Path, logic: str, readings: list[str], state: str | None = None
) -> tuple[int, list[Any], str]:
    """Run the command in `folder`. Return its exit status, the JSON lines it printed, and its errors."""
    (folder / "logic.py").write_text(logic)
    (folder / "readings.jsonl").write_text("".join(f"{reading}\n" for reading in readings))
    arguments = ["--readings", "readings.jsonl"]
    if state is not None:
        (folder / "state.json").write_text(state)
        arguments += ["--state", "state.json"]
    done = run_command(folder, "logic.py", *arguments)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_each_reading_prints_a_line_with_its_results_and_the_state_after_it(tmp_path: Path) -> None:
    status, lines, _ = run_test(
        tmp_path,
        "def process(data, state):\n    state['n'] += data['v']\n    return {'n': state['n']}\n",
        ['{"v": 1}', '{"v": 2}'],
        '{"n": 10}',
    )

    assert status == 0
    assert [line["outcome"] for line in lines] == ["ok", "ok"]
    assert [line["results"] for line in lines] == [[{"n": 11}], [{"n": 13}]]
    assert [line["state"] for line in lines] == [{"n": 11}, {"n": 13}]
    assert all(line["fuel"] == line["peaks"]["fuel"] > 0 for line in lines)
    assert [line["peaks"]["state_bytes"] for line in lines] == [len('{"n":11}')] * 2
    assert [line["peaks"]["result_bytes"] for line in lines] == [len('{"n":11}')] * 2
    assert all("error" not in line for line in lines)


def test_notes_about_a_logic_are_on_the_standard_error(tmp_path: Path) -> None:
    status, lines, error = run_test(
        tmp_path, "def process(data, state):\n    return data\nif __name__ == '__main__':\n    pass\n", ["{}"]
    )

    assert (status, len(lines)) == (0, 1)
    assert error.startswith("iot-logic: logic.py:3: note: this block is ignored")


def test_a_failed_reading_shows_its_error_and_line_and_does_not_change_the_state(tmp_path: Path) -> None:
    status, lines, _ = run_test(
        tmp_path,
        "def process(data, state):\n    state['n'] = 1\n    return {'x': data['missing']}\n",
        ['{"v": 1}', "not json"],
    )

    assert status == 1
    assert [line["outcome"] for line in lines] == ["error", "error"]
    assert "missing" in lines[0]["error"]["message"]
    assert lines[0]["error"]["line"] == 3
    assert "JSON" in lines[1]["error"]["message"]
    assert [line["state"] for line in lines] == [{}, {}]


def test_an_endless_logic_exceeds_a_limit(tmp_path: Path) -> None:
    status, lines, _ = run_test(tmp_path, "def process(data, state):\n    while True:\n        pass\n", ["1"])

    assert status == 1
    assert lines[0]["outcome"] == "limit"
    assert lines[0]["error"]["limit"] == "fuel"


def test_a_refused_logic_prints_one_line_with_all_its_errors(tmp_path: Path) -> None:
    status, lines, _ = run_test(
        tmp_path, "import os\ndef process(data, state):\n    return open('x')._y\n", ["1", "2"]
    )

    assert status == 1
    [line] = lines
    assert line["outcome"] == "refused"
    assert {problem["line"] for problem in line["errors"]} >= {1, 3}
    assert all({"column", "message", "hint", "text"} <= set(problem) for problem in line["errors"])


def test_a_source_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logic.py").write_bytes(b"def process(data, state): return '\xff'\n")
    (tmp_path / "readings.jsonl").write_text("1\n")

    done = run_command(tmp_path, "logic.py", "--readings", "readings.jsonl")

    assert done.returncode == 1
    assert json.loads(done.stdout)["outcome"] == "refused"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = run_command(tmp_path, "nowhere.py", "--readings", "nowhere.jsonl")

    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_that_is_not_an_object_is_refused_with_the_files_name(tmp_path: Path) -> None:
    status, lines, errors = run_test(tmp_path, "def process(data, state): return None", ["1"], "[1]")

    assert (status, lines) == (2, [])
    assert "state.json" in errors


ALARM = """
def process(data, state):
    if data["temperature"] > 90:
        state["hot"] = state.get("hot", 0) + 1
        return {"alarm": "too hot", "times": state["hot"]}
"""
PASSING = {"name": "warns", "readings": [{"temperature": 95}], "results": [{"alarm": "too hot", "times": 1}]}
FAILING = {"name": "is silent", "readings": [{"temperature": 91}], "results": [None]}


def write(folder: Path, name: str, logic: str, examples: Any = None) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(logic)
    if examples is not None:
        (folder / f"{name}.examples.json").write_text(json.dumps(examples))


def test_without_readings_the_examples_next_to_the_logic_run(tmp_path: Path) -> None:
    write(tmp_path, "alarm", ALARM, [PASSING])

    done = run_command(tmp_path, "alarm.py")

    assert done.returncode == 0, done.stderr
    assert "warns" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 passed"


def test_an_example_that_fails_is_shown_with_expected_and_actual_result(tmp_path: Path) -> None:
    write(tmp_path, "alarm", ALARM, [PASSING, FAILING])

    done = run_command(tmp_path, "alarm.py")
    as_json = json.loads(run_command(tmp_path, "alarm.py", "--json").stdout)

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed"
    assert "example is silent, reading 1: The number of results differs" in done.stderr
    assert "    expected  null" in done.stderr
    assert '    got       {"alarm": "too hot", "times": 1}' in done.stderr
    [tested] = as_json["logics"]
    passed, failed = tested["examples"]
    assert (tested["accepted"], passed["passed"], failed["passed"]) == (False, True, False)
    assert [each["expected"] for each in failed["mismatches"]] == [None]


def test_all_examples_of_a_folder_run(tmp_path: Path) -> None:
    write(tmp_path / "machines", "press-7", ALARM, [PASSING])
    write(tmp_path / "machines", "press-8", "import os\n")
    write(tmp_path / "profiles", "pumps", ALARM, [FAILING])

    done = run_command(tmp_path, ".")

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed, 1 refused"


def test_an_error_says_what_to_write_if_there_are_no_examples_or_readings(tmp_path: Path) -> None:
    write(tmp_path, "alarm", ALARM)

    done = run_command(tmp_path, "alarm.py")

    assert done.returncode == 2
    assert "alarm.examples.json" in done.stderr


def test_invalid_examples_are_refused_with_the_files_name(tmp_path: Path) -> None:
    write(tmp_path, "alarm", ALARM, [{**PASSING, "result": []}])

    done = run_command(tmp_path, "alarm.py")

    assert done.returncode == 2
    assert "alarm.examples.json" in done.stderr
    assert "result" in done.stderr


def test_the_page_describes_what_the_command_does(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing-a-logic.md").read_text()
    logics, examples, said = (
        re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) for language in ("python", "json", "text")
    )
    changes = {"alarm": ("> 90", ">= 95"), "silence": ("minutes=45", "minutes=50")}
    for (name, change), logic, example, message in zip(changes.items(), logics, examples, said, strict=True):
        write(tmp_path, name, logic, json.loads(example))
        write(tmp_path, f"changed-{name}", logic.replace(*change), json.loads(example))

        passing, failing = (run_command(tmp_path, f"{each}.py") for each in (name, f"changed-{name}"))

        assert (passing.returncode, passing.stderr) == (0, "")
        assert failing.stderr == f"changed-{name}.py\n{message}"


SILENCE = """
def process(data, state):
    set_timer("silence", minutes=45)
    if "report" in data:
        set_timer("report", hours=data["report"])

def on_timer(timer, state):
    return {"alarm": timer["name"], "at": timer["received"]}
"""


def test_timers_run_between_the_readings_of_a_recording(tmp_path: Path) -> None:
    write(tmp_path, "silence", SILENCE)
    times = ["08:00:00", "08:44:00", "10:00:00"]
    (tmp_path / "readings.jsonl").write_text(
        "".join(json.dumps({"at": f"2026-11-23T{time}Z", "report": 4}) + "\n\n" for time in times)
    )

    done = run_command(tmp_path, "silence.py", "--readings", "readings.jsonl", "--time", "at")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    due = "2026-11-23T09:29:00.000Z"
    assert done.returncode == 0, done.stderr
    assert [line.get("timer") for line in lines] == [None, None, {"name": "silence", "due": due}, None]
    assert lines[2]["results"] == [{"alarm": "silence", "at": due}]
    assert lines[0]["timers"] == {
        "silence": "2026-11-23T08:45:00.000Z",
        "report": "2026-11-23T12:00:00.000Z",
    }
    assert "timers" not in lines[2]
    assert done.stderr.splitlines() == [
        "iot-logic: the timer report is still set. It is due at 2026-11-23T14:00:00.000Z.",
        "iot-logic: the timer silence is still set. It is due at 2026-11-23T10:45:00.000Z.",
    ]


def test_readings_without_times_are_all_received_at_the_same_time(tmp_path: Path) -> None:
    status, lines, errors = run_test(tmp_path, SILENCE, ["{}", "{}"])

    assert status == 0
    assert [line["timers"] for line in lines] == [{"silence": "2026-01-01T00:45:00.000Z"}] * 2
    assert errors == "iot-logic: the timer silence is still set. It is due at 2026-01-01T00:45:00.000Z.\n"


def test_a_recorded_reading_without_a_time_is_named(tmp_path: Path) -> None:
    write(tmp_path, "silence", SILENCE)
    (tmp_path / "readings.jsonl").write_text('{"at": 1774742400}\n\n{"n": 1}\n')

    done = run_command(tmp_path, "silence.py", "--readings", "readings.jsonl", "--time", "at")
    alone = run_command(tmp_path, "silence.py", "--time", "at")

    assert done.returncode == alone.returncode == 2
    assert "readings.jsonl, line 3: there is no 'at', which must have the time." in done.stderr
    assert "--time needs --readings" in alone.stderr


def test_the_schedules_in_a_file_of_settings_run_between_recorded_readings(tmp_path: Path) -> None:
    write(tmp_path, "silence", SILENCE)
    (tmp_path / "readings.jsonl").write_text('{"at": "2026-03-29T00:10:00"}\n{"at": "2026-03-29T00:20:00"}\n')
    settings = tmp_path / "silence.settings.json"
    command = ("silence.py", "--readings", "readings.jsonl", "--time", "at", "--settings", settings.name)

    settings.write_text('{"schedules": [{"name": "quarter", "every_seconds": 900}]}')
    done = run_command(tmp_path, *command)
    wrong = []
    for content in ('{"schedules": [{"name": "x"}]}', '{"format": "text"}', "[]"):
        settings.write_text(content)
        wrong.append(run_command(tmp_path, *command))
    alone = run_command(tmp_path, "silence.py", "--settings", settings.name)

    assert done.returncode == 0, done.stderr
    timers = [json.loads(line).get("timer") for line in done.stdout.splitlines()]
    assert timers == [None, {"name": "quarter", "due": "2026-03-29T00:15:00.000Z", "schedule": True}, None]
    assert {each.returncode for each in [*wrong, alone]} == {2}
    for each, message in zip(
        wrong, ("'x' is invalid", "another format than JSON", "must contain"), strict=True
    ):
        assert message in each.stderr
    assert "--settings needs --readings" in alone.stderr


def test_time_passes_in_the_steps_of_an_example(tmp_path: Path) -> None:
    steps = [{"reading": {}}, {"after": "40 min"}, {"reading": {}}, {"after": "45 min"}]
    alarm = {"alarm": "silence", "at": "2026-01-01T01:25:00.000Z"}
    passing = {"name": "says when it is silent", "steps": steps, "results": [None, None, None, alarm]}
    failing = {"name": "is never silent", "steps": steps, "results": [None, None, None, None]}

    write(tmp_path, "silence", SILENCE, [passing])
    good = run_command(tmp_path, "silence.py", "--json")
    write(tmp_path, "silence", SILENCE, [failing])
    bad = run_command(tmp_path, "silence.py")
    write(tmp_path, "silence", SILENCE, [{**passing, "steps": [{"after": "5 weeks"}]}])
    wrong = run_command(tmp_path, "silence.py")

    assert good.returncode == 0, good.stderr
    [example] = json.loads(good.stdout)["logics"][0]["examples"]
    assert (example["readings"], example["passed"]) == (2, True)
    assert bad.returncode == 1
    assert (
        "example is never silent, step 4: The number of results differs: expected 0, got 1. This timer ran: "
        "silence." in " ".join((bad.stdout + bad.stderr).split())
    )
    assert wrong.returncode == 2
    assert "'5 weeks' is not a duration; write a number and s, min, h or days" in wrong.stderr
    assert "step 1: '5 weeks' is not a duration" in wrong.stderr
