"""`iot-devices` as its users run it: its process, output, exit status and signals."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pipeline.local.ports import free_port
from tests.devices.readings_queue import ReadingsQueue

COMMAND = Path(sys.executable).parent / "iot-devices"


def run(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=environ or {}, check=False
    )


@pytest.fixture
def environ(broker_url: str, mqtt_url: str) -> dict[str, str]:
    return {
        "IOT_LOGIC_AMQP_URL": broker_url,
        "IOT_LOGIC_MQTT_URL": mqtt_url,
    }


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    path.write_text("value\n" + "".join(f"{number}\n" for number in range(3000)))
    return path


@pytest.mark.parametrize("via", ["amqp", "mqtt"])
def test_a_file_is_replayed_and_counted(
    via: str, recording: Path, environ: dict[str, str], readings_queue: ReadingsQueue
) -> None:
    done = run("replay", str(recording), "--machine", "press", "--rate", "max", "--via", via, environ=environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3000 sent, 3000 confirmed\n", "")
    bodies = readings_queue.take_bodies(3000)["press"]
    assert bodies == [b'{"value":%d}' % number for number in range(3000)]


def test_simulated_machines_repeat_with_their_seed(
    environ: dict[str, str], readings_queue: ReadingsQueue
) -> None:
    arguments = ["simulate", "--machines", "3", "--rate", "500", "--step", "1", "--count", "200"]
    arguments += ["--seed", "5", "--start", "2026-01-01"]
    both = []
    for via in ("amqp", "mqtt"):
        done = run(*arguments, "--via", via, environ=environ)
        assert (done.returncode, done.stdout, done.stderr) == (0, "600 sent, 600 confirmed\n", "")
        both.append(readings_queue.take_bodies(600))
    assert both[0] == both[1]
    assert sorted(both[0]) == ["machine_A", "machine_B", "machine_C"]
    assert msgspec.json.decode(both[0]["machine_B"][0])["machine"] == "machine_B"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("end", "status"), [([], 0), (["--count", "100000"], 130)], ids=["endless", "counted"]
)
def test_it_stops_cleanly_and_prints_the_counts(
    number: signal.Signals,
    end: list[str],
    status: int,
    environ: dict[str, str],
    readings_queue: ReadingsQueue,
) -> None:
    arguments = [str(COMMAND), "simulate", "--rate", "200", "--machine-ids", "a,b", *end]
    with subprocess.Popen(
        arguments, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        # Readings arrive, so it has started and has installed its signal handlers.
        first = readings_queue.take_bodies(20, more_to_come=True)
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == status, errors
    assert errors == ""
    counts = re.fullmatch(r"(\d+) sent, (\d+) confirmed\n", output)
    assert counts is not None
    assert counts[1] == counts[2]
    rest = readings_queue.take_bodies(int(counts[1]) - sum(map(len, first.values())))
    assert sum(map(len, [*first.values(), *rest.values()])) == int(counts[1])


def test_it_gives_up_when_nothing_is_confirmed(recording: Path, environ: dict[str, str]) -> None:
    done = run(
        *("replay", str(recording), "--machine", "press", "--rate", "max", "--via", "amqp"),
        *("--patience", "1.5"),
        environ=environ,
    )
    assert done.returncode == 1
    assert re.match(r"\d+ sent, 0 confirmed", done.stdout)
    assert "gave up, because nothing was confirmed for 1.5 s. No queue is bound for readings" in done.stderr


def test_a_terminal_gets_a_progress_bar(
    recording: Path, environ: dict[str, str], readings_queue: ReadingsQueue
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "replay", str(recording), "--machine", "press", "--rate", "max"],
        env=environ | {"TERM": "xterm", "COLUMNS": "100"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # on Linux, the last writer of the terminal has closed it
            break
    os.close(ours)
    assert process.wait(30) == 0
    assert "━".encode() in shown
    assert b"3000/3000" in shown
    assert b"3000 sent, 3000 confirmed" in shown
    readings_queue.take(3000)


def test_an_unreachable_address_is_reported_without_the_password(recording: Path) -> None:
    for via in ("amqp", "mqtt", "http"):
        url = f"{via}://somebody:secret@127.0.0.1:{free_port()}"
        done = run("replay", str(recording), "--machine", "press", "--via", via, "--url", url)
        assert done.returncode == 2
        assert "is unreachable" in done.stderr
        assert "secret" not in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["replay", "none.csv", "--machine", "press"], "none.csv cannot be read: No such file"),
        (["replay", "none.csv"], "required: --machine"),
        (["replay", "none.csv", "--machine", "a.b"], "'a.b' is not a valid machine id"),
        (["replay", "none.csv", "--machine", "press", "--rate", "fast"], "'fast' is not a number above 0"),
        (["simulate", "--rate", "0"], "'0' is not a number above 0"),
        (["simulate", "--rate", "nan"], "'nan' is not a number above 0"),
        (["simulate", "--machines", "-1"], "'-1' is not an integer above 0"),
        (["simulate", "--machine-prefix", "a/"], "'a/A' is not a valid machine id"),
        (["simulate", "--machine-ids", "a,a"], "contains an id twice"),
        (["simulate", "--start", "soon"], "'soon' is not a time in ISO 8601"),
        (["simulate", "--count", "1", "--duration", "1"], "not allowed with argument"),
        (["simulate", "--via", "post"], "invalid choice"),
    ],
)
def test_invalid_arguments_are_refused_with_the_reason(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_row_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n3\n")
    done = run("replay", str(path), "--machine", "press")
    assert done.returncode == 2
    assert f"{path}, line 3: the row has 1 fields, but the header has 2" in done.stderr


def test_a_misspelt_setting_is_refused(recording: Path) -> None:
    done = run("replay", str(recording), "--machine", "press", environ={"IOT_LOGIC_MQT_URL": "x"})
    assert done.returncode == 2
    assert "IOT_LOGIC_MQT_URL is not a setting" in done.stderr


def test_both_commands_explain_themselves() -> None:
    for command in ("simulate", "replay"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert "--via" in done.stdout
    assert "per second of each machine" in run("simulate", "--help").stdout
