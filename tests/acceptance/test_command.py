"""`iot-logic` as its users run it: its process, output and exit status, with a real API and worker."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.chaos.proxy import Network
from tests.support.installation import SCRIPTS, Installation
from tests.support.waiting import wait_until
from web.cli.main import main

#: Each test has its own machines.
_numbers = count(1)

#: The start of a terminal's control sequences. No output of a command may contain one from other people's
#: data.
ESCAPE = "\x1b"


class Ran(NamedTuple):
    status: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def logic(number: object) -> str:
    """Return a different source for each number."""
    return f"def process(data, state):\n    return {{'logic': {number!r}, 'n': data['n']}}\n"


@pytest.fixture(scope="module")
def idle(module_installation: Installation) -> Installation:
    """An installation without a worker."""
    module_installation.start_api()
    return module_installation


@pytest.fixture(scope="module")
def plant(idle: Installation) -> Installation:
    idle.start_worker(threads=2)
    wait_until(lambda: all(each["held_by"] for each in idle.client.get("/partitions").json()["partitions"]))
    return idle


@pytest.fixture
def machine() -> str:
    return f"c{next(_numbers)}"


def iot_logic(plant: Installation, *arguments: object, environ: dict[str, str] | None = None) -> Ran:
    done = subprocess.run(
        [SCRIPTS / "iot-logic", *map(str, arguments)],
        env=plant.environ | (environ or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def on_a_terminal(plant: Installation, *arguments: object) -> str:
    """Return the output of the command on a terminal."""
    ours, its = pty.openpty()
    command = subprocess.Popen(
        [SCRIPTS / "iot-logic", *map(str, arguments)],
        env=plant.environ | {"TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    shown = b""
    # Linux reports EIO when the other end of the terminal is closed.
    with suppress(OSError):
        while received := os.read(ours, 65536):
            shown += received
    os.close(ours)
    command.wait(timeout=60)
    return shown.decode()


@contextmanager
def meddler(plant: Installation, machine: str, theirs: str) -> Iterator[str]:
    """Return the address of a proxy to the API that causes a conflict.

    Before it passes on the first change of the machine's logic, it uploads another logic.
    """
    meddled = Event()

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.command == "PUT" and machine in self.path and not meddled.is_set():
                meddled.set()
                plant.upload(machine, theirs)
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            answer = plant.client.request(self.command, self.path, content=body, headers=headers)
            self.send_response(answer.status_code)
            for name in ("Content-Type", "ETag"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_PUT = do_POST = pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Ran:
    """Return the same, run in this process. This is faster, for cases that need no server."""
    monkeypatch.setattr(sys, "argv", ["iot-logic", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return Ran(ended.value.code, shown.out, shown.err)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


def written(folder: Path) -> dict[str, str]:
    """Return all files of a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in paths}


def source(plant: Installation, machine: str) -> str:
    answer = plant.client.get(f"/machines/{machine}/logic")
    return str(answer.json()["logic"]) if answer.status_code == 200 else ""


def test_a_plant_without_a_worker_has_a_problem(idle: Installation) -> None:
    ran = iot_logic(idle, "status")

    assert ran.status == 1
    assert "✗ There is no worker, so no readings are processed." in ran.out


def test_a_running_plant_has_no_problem(plant: Installation) -> None:
    shown = iot_logic(plant, "status")
    in_json = iot_logic(plant, "status", "--json")

    assert shown.status == 0, shown.out
    assert shown.out.endswith("✓ No problems found.\n")
    assert "waiting       0 readings\n" in shown.out
    assert (in_json.json["well"], in_json.json["wrong"]) == (True, [])
    assert len(in_json.json["workers"]) == 1


def test_a_folder_is_pushed_as_a_whole_and_a_second_push_does_nothing(
    plant: Installation, tmp_path: Path
) -> None:
    folder = write(tmp_path, {f"machines/f{number}.py": logic(number) for number in range(3)})

    first = iot_logic(plant, "push", folder, "--comment", "from git", "--json")
    second = iot_logic(plant, "push", folder)

    assert first.status == 0, first.error
    assert [(each["target"], each["outcome"], each["version"]) for each in first.json["changes"]] == [
        (f"machines/f{number}", "deployed", 1) for number in range(3)
    ]
    assert [source(plant, f"f{number}") for number in range(3)] == [logic(number) for number in range(3)]
    assert plant.client.get("/machines/f0/logic").json()["comment"] == "from git"
    assert (second.status, second.out) == (0, "Nothing to do: 3 unchanged\n")


def test_if_one_logic_of_a_folder_is_refused_none_is_deployed(plant: Installation, tmp_path: Path) -> None:
    bad = "import math\n\ndef process(data, state):\n\tstate['ä'] = open('x')\n"
    folder = write(tmp_path, {"machines/g1.py": logic(1), "machines/g2.py": bad, "machines/g3.py": logic(3)})

    ran = iot_logic(plant, "push", folder)

    assert ran.status == 1
    assert [source(plant, each) for each in ("g1", "g2", "g3")] == ["", "", ""]
    assert f"{folder}/machines/g2.py:4:" in ran.error
    assert "    4 |     state['ä'] = open('x')\n      |                  ^^^^\n" in ran.error
    assert "Nothing was changed, because 1 of 3 changes would be refused." in ran.error


def test_a_push_shows_the_notes_about_a_logic(plant: Installation, machine: str, tmp_path: Path) -> None:
    noted = logic(1) + 'if __name__ == "__main__":\n    pass\n'
    folder = write(tmp_path, {f"machines/{machine}.py": noted})

    tried = iot_logic(plant, "push", folder, "--dry-run", "--json")
    pushed = iot_logic(plant, "push", folder)

    assert [[note["line"] for note in change["notes"]] for change in tried.json["changes"]] == [[3]]
    assert pushed.status == 0
    assert f"{folder}/machines/{machine}.py:3:4: note: this block is ignored" in pushed.error
    assert source(plant, machine) == noted


def test_a_dry_run_shows_the_changes_and_changes_nothing(
    plant: Installation, machine: str, tmp_path: Path
) -> None:
    plant.upload(machine, logic(1))
    write(tmp_path, {f"machines/{machine}.py": logic(2), "machines/dry.py": logic(2)})

    ran = iot_logic(plant, "push", tmp_path, "--dry-run", "--json")
    refused = iot_logic(
        plant, "push", write(tmp_path, {"machines/dry.py": "def other(): pass\n"}), "--dry-run"
    )

    assert ran.status == 0
    assert {each["outcome"] for each in ran.json["changes"]} == {"to be deployed"}
    assert refused.status == 1
    assert (source(plant, machine), source(plant, "dry")) == (logic(1), "")


def test_examples_are_pushed_with_the_logic_which_is_refused_if_one_fails(
    plant: Installation, machine: str, tmp_path: Path
) -> None:
    example = {"name": "one", "readings": [{"n": 1}], "state": {}, "results": [{"logic": 1, "n": 1}]}
    file, beside = f"machines/{machine}.py", f"machines/{machine}.examples.json"
    write(tmp_path, {file: logic(1), beside: json.dumps([example])})

    first = iot_logic(plant, "push", tmp_path, "--json")
    again = iot_logic(plant, "push", tmp_path)
    write(tmp_path, {file: logic(2)})
    failing = iot_logic(plant, "push", tmp_path)
    write(tmp_path, {file: logic(1), beside: json.dumps([example | {"name": "new name"}])})
    changed = iot_logic(plant, "diff", tmp_path)
    renamed = iot_logic(plant, "push", tmp_path)

    assert first.json["changes"][0]["version"] == 1
    assert "Nothing to do" in again.out
    assert failing.status == 1
    assert "example one, reading 1: The result differs at $.logic: expected 1, got 2." in failing.error
    assert '    expected  {"logic": 1, "n": 1}\n    got       {"logic": 2, "n": 1}\n' in failing.error
    assert '-    "name": "one"' in changed.out
    assert renamed.status == 0
    kept = plant.client.get(f"/machines/{machine}/logic").json()
    assert (kept["version"], kept["examples"][0]["name"]) == (2, "new name")


def test_a_folder_with_profiles_and_configs_is_pushed_and_pulled_back_unchanged(
    plant: Installation, machine: str, tmp_path: Path
) -> None:
    shared = "def process(data, state):\r\n    return {'most': config['most']}"
    example = {"name": "one", "readings": [1], "config": {"most": 7}, "results": [{"most": 7}]}
    files = {
        f"profiles/p{machine}.py": shared,
        f"profiles/p{machine}.examples.json": msgspec.json.format(json.dumps([example])) + "\n",
        f"profiles/p{machine}.settings.json": '{\n  "fuel": 5000\n}\n',
        f"machines/{machine}.config.json": '{\n  "most": 3\n}\n',
        f"machines/{machine}.settings.json": '{\n  "format": "json",\n  "compression": "none"\n}\n',
        f"machines/{machine}.profile": f"p{machine}\n",
    }
    folder, other = write(tmp_path / "here", files), tmp_path / "there"

    pushed = iot_logic(plant, "push", folder, "--json")
    again = iot_logic(plant, "push", folder)
    for target in (("--profile", f"p{machine}"), ("--machine", machine)):
        assert iot_logic(plant, "pull", other, *target).status == 0
    assert written(other) == files
    assert pushed.status == 0, pushed.error
    assert [(each["target"], each["part"]) for each in pushed.json["changes"]] == [
        (f"profiles/p{machine}", "settings"),
        (f"profiles/p{machine}", "logic"),
        (f"machines/{machine}", "profile"),
        (f"machines/{machine}", "settings"),
        (f"machines/{machine}", "config"),
    ]
    assert again.out == "Nothing to do: 5 unchanged\n"
    with plant.collect() as results:
        plant.send([(machine, 1)])
        wait_until(lambda: results.messages)
    assert results.events[0]["data"] == {"most": 3}

    write(other, {f"machines/{machine}.config.json": "{}\n"})
    kept = iot_logic(plant, "pull", other, "--machine", machine, "--json")
    assert kept.status == 1
    assert {each["outcome"] for each in kept.json["files"]} == {"kept", "the same"}
    everything = iot_logic(plant, "pull", other, "--force")
    assert everything.status == 0
    assert written(other).items() >= files.items()

    profiles = iot_logic(plant, "list", "--profiles")
    following = iot_logic(plant, "list", "--profile", f"p{machine}")
    assert re.search(rf"\np{machine} +version 1 +1\n", profiles.out)
    assert f"profiles/p{machine} version 1" in following.out
    unknown = iot_logic(plant, "push", write(other, {"machines/x.profile": "nowhere"}), "--machine", "x")
    assert unknown.status == 1
    assert "profiles/nowhere does not exist, neither in the files nor in the API." in unknown.error


def test_settings_are_the_same_however_they_are_written(
    plant: Installation, machine: str, tmp_path: Path
) -> None:
    settings = {
        "late": {"field": "at", "seconds": 60, "action": "mark"},
        "duplicates": {"field": "seq", "readings": 100},
        "fuel": None,
        "silent_after_seconds": 90_000,
        "schedules": [
            {"name": "shift", "cron": "0 6 * * *", "timezone": "Europe/Berlin", "every_seconds": None},
            {"name": "tick", "every_seconds": 900},
        ],
    }
    file = f"machines/{machine}.settings.json"
    write(tmp_path, {file: json.dumps(settings)})
    assert iot_logic(plant, "push", tmp_path).status == 0

    assert iot_logic(plant, "push", tmp_path).out == "Nothing to do: 1 unchanged\n"
    pulled = iot_logic(plant, "pull", tmp_path, "--machine", machine, "--json")
    assert [each["outcome"] for each in pulled.json["files"]] == ["the same"]
    turned_off = {"late": "off", "duplicates": "off", "schedules": "off"}
    write(tmp_path, {file: json.dumps(settings | turned_off)})
    assert iot_logic(plant, "push", tmp_path).status == 0
    assert plant.client.get(f"/machines/{machine}/settings").json() == turned_off | {
        "silent_after_seconds": 90_000
    }


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"machines/a.example.json": "[]"}, "a.example.json has an unknown ending"),
        ({"machines/a.py": "", "machines/a.examples.json": "{}"}, "must contain a JSON list of examples"),
        ({"machines/a.examples.json": "[]"}, "but that file is missing"),
        ({"machines/a b.py": ""}, "'a b' is not a valid name of a machine"),
        ({"profiles/a.profile": "b"}, "only a machine can have a profile"),
        ({"machines/.hidden": ""}, "contains no logic"),
        ({"machines/a.settings.json": '{"formatt": "text"}'}, "unknown field `formatt`"),
        ({"profiles/a.settings.json": '{"late": {"field": "at", "second": 1}}'}, "`second` - at `$.late`"),
        (
            {"machines/a.settings.json": '{"schedules": [{"name": "a", "cron": "61 * * * *"}]}'},
            "a.settings.json is refused. The schedule 'a' is invalid. '61 * * * *': minutes are 0 to 59",
        ),
    ],
)
def test_an_invalid_folder_is_refused_before_any_request(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: dict[str, str],
    said: str,
) -> None:
    ran = refused(capsys, monkeypatch, "push", write(tmp_path, files))

    assert ran.status == 2
    assert said in ran.error


@pytest.mark.parametrize("there_before", [True, False])
def test_a_push_that_conflicts_is_reported_and_overwrites_nothing(
    plant: Installation, machine: str, tmp_path: Path, there_before: bool
) -> None:
    if there_before:
        plant.upload(machine, logic("before"))
    path = write(tmp_path, {f"machines/{machine}.py": logic("mine"), "machines/zz.py": logic(machine)})

    with meddler(plant, machine, logic("theirs")) as url:
        ran = iot_logic(plant, "push", path, "--api", url, "--json")

    assert ran.status == 1
    assert [each["outcome"] for each in ran.json["changes"]] == ["conflict", "deployed"]
    assert "someone else changed the logic meanwhile" in ran.error
    assert source(plant, machine) == logic("theirs")
    assert source(plant, "zz") == logic(machine)


def test_machines_are_listed_with_their_health(plant: Installation, machine: str) -> None:
    plant.upload(machine, logic(1))
    plant.upload(f"{machine}b", logic(1))
    plant.send([(machine, {"n": 1}), (machine, {"no": 1})])
    health = {"prefix": machine, "health": "failing"}
    wait_until(lambda: plant.client.get("/machines", params=health).json()["machines"])

    listed = iot_logic(plant, "list", "--prefix", machine)
    one = iot_logic(plant, "list", "--prefix", machine, "--limit", "1", "--json")
    failing = iot_logic(plant, "list", "--prefix", machine, "--health", "failing", "--json")

    heading, first, second = (re.split(" {2,}", line.strip()) for line in listed.out.splitlines())
    assert heading == ["machine", "health", "logic", "readings", "results", "errors", "last seen"]
    assert first[:6] == [machine, "failing", "version 1", "2", "1", "1"]
    assert second == [f"{machine}b", "new", "version 1", "0", "0", "0", "never"]
    assert (len(one.json["machines"]), one.json["more"]) == (1, True)
    assert [each["id"] for each in failing.json["machines"]] == [machine]
    status = iot_logic(plant, "status")
    assert status.status == 0, status.out
    assert status.out.endswith(
        "✓ The system has no problems, but some machines do. See: iot-logic list --health failing\n"
    )


def test_differences_are_shown_and_set_the_exit_status(
    plant: Installation, machine: str, tmp_path: Path
) -> None:
    plant.upload(machine, logic(1))
    path = tmp_path / "mine.py"
    path.write_text(logic(1))
    same = iot_logic(plant, "diff", path, "--machine", machine)
    path.write_text(logic(2))
    differs = iot_logic(plant, "diff", path, "--machine", machine)
    plant.upload(machine, logic(3))
    versions = iot_logic(plant, "diff", "--machine", machine, "--versions", "1", "2", "--json")

    assert (same.status, same.out) == (0, "")
    assert differs.status == 1
    assert (
        "-    return {'logic': 1, 'n': data['n']}\n+    return {'logic': 2, 'n': data['n']}\n" in differs.out
    )
    assert versions.status == 1
    assert "+    return {'logic': 3" in versions.json["differences"][0]["diff"]


def test_a_rollback_deploys_the_previous_version_or_a_named_one(plant: Installation, machine: str) -> None:
    for number in (1, 2, 3, 2):
        plant.upload(machine, logic(number))

    before = iot_logic(plant, "rollback", machine, "--json")
    named = iot_logic(plant, "rollback", f"machines/{machine}.py", "1")
    none = iot_logic(plant, "rollback", machine, "9")

    assert (before.status, before.json["version"]) == (0, 3)
    assert f"machines/{machine}: version 3 → 1" in named.out
    assert source(plant, machine) == logic(1)
    assert (none.status, none.out) == (2, "")
    assert "no version 9" in none.error


def test_an_earlier_config_is_restored_and_a_second_rollback_undoes_that(
    plant: Installation, machine: str, tmp_path: Path
) -> None:
    path = f"/machines/{machine}/config"
    alone = iot_logic(plant, "config", "rollback", machine)
    plant.client.put(path, json={"limit": 80}).raise_for_status()
    too_early = iot_logic(plant, "config", "rollback", machine)
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines" / f"{machine}.config.json").write_text('{"limit": 90}')
    iot_logic(plant, "push", tmp_path, "--comment", "Hot weather")

    history = iot_logic(plant, "config", "history", machine)
    listed = iot_logic(plant, "config", "history", machine, "--limit", "1", "--json")
    difference = iot_logic(plant, "config", "diff", machine)
    back = iot_logic(plant, "config", "rollback", machine, "--comment", "Cold again")
    restored = plant.client.get(path).json()
    forth = iot_logic(plant, "config", "rollback", machine, "--json")
    same = iot_logic(plant, "config", "diff", machine, "2", "4")

    assert (alone.status, too_early.status) == (2, 2)
    assert "has no earlier version to restore" in too_early.error
    assert "Hot weather" in history.out
    assert [(each["version"], each["comment"]) for each in listed.json["versions"]] == [(2, "Hot weather")]
    assert difference.status == 1
    assert {'-  "limit": 80', '+  "limit": 90'} <= set(difference.out.splitlines())
    assert f"machines/{machine}: the config is that of version 1 again, as version 3" in back.out
    assert restored == {"limit": 80}
    assert forth.json == {"restored": 2, "version": 4, "config": {"limit": 90}}
    assert (same.status, same.out) == (0, "")
    comments = [each["comment"] for each in plant.client.get(f"{path}/versions").json()["versions"]]
    assert comments == ["Restored version 2", "Cold again", "Hot weather", None]


def test_events_are_shown_live_and_a_cut_connection_loses_none(plant: Installation, machine: str) -> None:
    plant.upload(machine, logic(1))
    with closing(Network()) as network:
        proxy = network.proxy(int(plant.environ["IOT_LOGIC_API_PORT"]))
        tail = plant.start("iot-logic", "tail", machine, "--json", "--api", f"http://127.0.0.1:{proxy.port}")

        def numbers() -> list[int]:
            lines = [json.loads(line) for line in tail.log.splitlines() if line.startswith("{")]
            return [line["data"]["number"] for line in lines if "number" in line["data"]]

        sent = count(1)

        def heard() -> list[int]:
            plant.send([(machine, {"n": next(sent)})])
            return numbers()

        wait_until(heard)
        proxy.cut()
        plant.send([(machine, {"n": next(sent)}), (machine, {"no": next(sent)})])
        last = next(sent) - 1
        wait_until(lambda: last in numbers())
        ended = tail.stop(signal.SIGINT)

    shown = numbers()
    assert shown == list(range(shown[0], last + 1))
    assert [json.loads(line)["event"] for line in tail.log.splitlines()[-1:]] == ["dead-letter"]
    assert ended == 0


def test_dead_letters_are_found_shown_sent_again_and_discarded_only_on_request(
    plant: Installation, machine: str
) -> None:
    plant.upload(machine, logic(1))
    plant.send([(machine, {"no": each}) for each in range(3)])
    wait_until(
        lambda: (
            len(plant.client.get("/dead-letters", params={"machine": machine}).json()["dead_letters"]) == 3
        )
    )

    listed = iot_logic(plant, "dead-letters", "list", "--machine", machine, "--since", "1h")
    shown = iot_logic(plant, "dead-letters", "show", f"{machine}/2", "--json")
    unasked = iot_logic(plant, "dead-letters", "discard", "--machine", machine)
    one = iot_logic(plant, "dead-letters", "discard", f"{machine}/1", "--yes")
    plant.upload(machine, "def process(data, state):\n    return data\n")
    again = iot_logic(plant, "dead-letters", "send-again", "--machine", machine, "--yes", "--json")

    assert [line.split()[0] for line in listed.out.splitlines()] == [
        "id",
        *(f"{machine}/{n}" for n in (1, 2, 3)),
    ]
    assert shown.json["reading"] == {"no": 1}
    assert unasked.status == 2
    assert "Discard 3 dead letters (3 error) permanently? There is no terminal to ask on" in unasked.error
    assert one.out == "Discarded 1.\n"
    assert again.json == {"sent": 2}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "COMMAND"),
        ("push", "FILE|FOLDER"),
        ("push no-such-file.py --machine m", "no-such-file.py cannot be read"),
        ("push x.py", "does not say what it is for"),
        ("rollback ../../health", "is not a valid name"),
        ("dead-letters show x", "MACHINE/NUMBER"),
        ("dead-letters send-again --yes", "Nothing selected"),
        ("dead-letters list --since yesterday", "is not a time"),
        ("rollback m --api http://127.0.0.1:9", "Start iot-api, or set its address with --api"),
        ("rollback m --api ftp://x", "Use http://"),
        ("rollback m --token-file /no/such/file", "The token cannot be read"),
    ],
)
def test_a_failure_is_one_line_with_its_exit_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: str, said: str
) -> None:
    ran = refused(capsys, monkeypatch, *arguments.split())

    assert ran.status == 2
    assert said in ran.error
    assert ran.out == ""


HOSTILE = "[red]\x1b]0;owned\x07\x1b[31m\x9b31m\u202e[/nothing]"


def test_data_from_others_cannot_control_a_terminal(plant: Installation, machine: str) -> None:
    plant.client.put(f"/machines/{machine}/logic", json={"logic": logic(1), "comment": HOSTILE})
    plant.upload(machine, logic(2))
    plant.send([(machine, {"no": HOSTILE})])
    wait_until(lambda: plant.client.get(f"/dead-letters/{machine}/1").status_code == 200)

    back = iot_logic(plant, "rollback", machine)
    shown = iot_logic(plant, "dead-letters", "show", f"{machine}/1")
    in_json = iot_logic(plant, "dead-letters", "show", f"{machine}/1", "--json")

    escaped = r"[red]\x1b]0;owned\x07\x1b[31m\x9b31m\u202e[/nothing]"
    assert f": {escaped}\n" in back.out
    for each in (back, shown, in_json):
        assert not set(each.out) & set("\x1b\x07\x9b\u202e")
    assert in_json.json["reading"] == {"no": HOSTILE}


def test_the_reader_of_the_output_may_stop_reading(plant: Installation, machine: str) -> None:
    plant.upload(machine, logic(1))
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [SCRIPTS / "iot-logic", "list"], env=plant.environ, stdout=writes, stderr=subprocess.PIPE, check=False
    )
    os.close(writes)

    assert (done.returncode, done.stderr) == (130, b"")


def test_a_token_is_read_from_a_file_or_the_environment_and_never_shown(
    plant: Installation, machine: str, tmp_path: Path
) -> None:
    plant.upload(machine, logic(1))
    token = iot_logic(plant, "token", "create", "watcher", "--role", "viewer").out.strip()
    try:
        path = tmp_path / "token"
        path.write_text(f"{token}\n")
        none = iot_logic(plant, "rollback", machine)
        wrong = iot_logic(plant, "rollback", machine, environ={"IOT_LOGIC_API_TOKEN": f"{token}x"})
        in_file = iot_logic(plant, "dead-letters", "list", "--token-file", path)
        too_little = iot_logic(plant, "rollback", machine, "1", environ={"IOT_LOGIC_API_TOKEN": token})
        broken = iot_logic(plant, "rollback", machine, environ={"IOT_LOGIC_API_TOKEN": f"{token}\nX-Y: z"})
    finally:
        iot_logic(plant, "token", "revoke", "watcher")

    assert in_file.status == 0
    for ran, said in (
        (none, "The API needs a token. Set one in IOT_LOGIC_API_TOKEN"),
        (wrong, "The token is invalid, expired or revoked"),
        (too_little, "role author"),
        (broken, "The token is malformed"),
    ):
        assert (ran.status, ran.out) == (2, "")
        assert said in ran.error
        assert token not in ran.error


def test_colours_are_used_only_on_a_terminal(plant: Installation, machine: str) -> None:
    for number in (1, 2):
        plant.upload(machine, logic(number))
    arguments = ("diff", "--machine", machine, "--versions", "1", "2")

    piped = iot_logic(plant, *arguments, environ={"TERM": "xterm-256color"})
    shown = on_a_terminal(plant, *arguments)

    assert ESCAPE not in piped.out
    assert f"{ESCAPE}[32m+    return" in shown


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (
            ("30 2 * * *", "--timezone", "Europe/Berlin", "--after", "2026-10-24T12:00Z", "--limit", "2"),
            0,
            (
                "Sun 2026-10-25T02:30:00+02:00  2026-10-25T00:30:00.000Z\n"
                "Mon 2026-10-26T02:30:00+01:00  2026-10-26T01:30:00.000Z\n"
            ),
        ),
        (
            ("--every-seconds", "900", "--after", "2026-10-24T12:00Z", "--limit", "1"),
            0,
            "Sat 2026-10-24T12:15:00+00:00  2026-10-24T12:15:00.000Z\n",
        ),
        (("61 * * * *",), 1, "'61 * * * *': minutes are 0 to 59, and not 61."),
        (("0 6 * * *", "--timezone", "Europe/Berln"), 1, "Did you mean 'Europe/Berlin'?"),
        ((), 2, "Give a cron expression in quotes, or --every-seconds."),
    ],
)
def test_the_next_times_of_a_schedule_are_shown_without_a_server(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    ran = refused(capsys, monkeypatch, "schedule", *arguments)

    assert (ran.status, said in ran.out + ran.error) == (status, True), ran


def test_sources_are_created_from_presets_changed_tried_and_deleted(
    plant: Installation, tmp_path: Path
) -> None:
    made = iot_logic(
        plant, "sources", "put", "hall", "--preset", "tasmota", "--rename", "a:b=furnace", "--json"
    )
    assert (made.json["filter"], made.json["rename"]) == ("tele/{machine}/SENSOR", {"a:b": "furnace"})
    changed = iot_logic(plant, "sources", "put", "hall", "--prefix", "hall-", "--rename", "c=press", "--json")
    assert changed.json["rename"] == {"a:b": "furnace", "c": "press"}
    tried = iot_logic(plant, "sources", "try", "tele/x/SENSOR")
    assert tried.out.strip() == "It is a reading of the machine hall-x, by the source hall."
    assert iot_logic(plant, "sources", "try", "other/x").status == 1
    assert "hall-" in iot_logic(plant, "sources", "show", "hall").out
    assert "tele/{machine}/SENSOR" in iot_logic(plant, "sources", "list").out
    assert "chirpstack" in iot_logic(plant, "sources", "presets").out

    file = tmp_path / "source.json"
    file.write_text('{"filter": "tele/+/{machine}"}')
    refused = iot_logic(plant, "sources", "put", "other", "--file", str(file))
    assert refused.status == 2
    assert "the source 'hall' can match the same topic" in refused.error
    assert "needs --filter" in iot_logic(plant, "sources", "put", "other").error
    for field, value in (("settings", "[1]"), ("rename", '"x"'), ("rename", '{"x": 1}')):
        file.write_text(f'{{"filter": "x/{{machine}}", "{field}": {value}}}')
        wrong = iot_logic(
            plant, "sources", "put", "other", "--file", file, "--format", "text", "--rename", "a=b"
        )
        assert wrong.status == 2
        assert (
            f"is not a source as JSON: Expected `{'str' if '{' in value else 'object | null'}`" in wrong.error
        )
        assert f"at `$.{field}" in wrong.error or "`$.rename[" in wrong.error
    file.write_text('{"filter": "x/{machine}", "prefixx": "x-"}')
    assert "prefixx" in iot_logic(plant, "sources", "put", "other", "--file", str(file)).error
    file.write_text(iot_logic(plant, "sources", "show", "hall", "--json").out)
    assert iot_logic(plant, "sources", "put", "hall", "--file", str(file)).status == 0
    assert iot_logic(plant, "sources", "delete", "hall", "--yes").out.strip() == "Deleted the source hall."
    assert iot_logic(plant, "sources", "show", "hall").status == 2
