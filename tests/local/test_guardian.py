"""No process of a guarded command is left, however it or its owner ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.local.process import GuardedProcess, guarded
from tests.local.processes import processes_with
from tests.support.waiting import wait_until

#: Starts a daemon as Erlang's port mapper does: in its own session, and without a parent.
DAEMONS = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("daemon-is-up", "w").close()
        time.sleep(1000)
    os._exit(0)
time.sleep(1000)
"""


#: Starts the command in its arguments; the first argument is the folder.
OWNER = """
import sys, time
from pathlib import Path
from pipeline.local.process import GuardedProcess
folder = Path(sys.argv[1])
GuardedProcess(sys.argv[2:], {}, folder, folder / "log")
time.sleep(1000)
"""


def command(folder: Path) -> list[str]:
    # The folder is in the command line, so that the processes can be found.
    return [sys.executable, "-c", DAEMONS, str(folder)]


def environ() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


def daemons_up(folder: Path) -> bool:
    return (folder / "daemon-is-up").exists()


def start(folder: Path) -> GuardedProcess:
    process = GuardedProcess(command(folder), environ(), folder, folder / "log")
    wait_until(lambda: daemons_up(folder))
    return process


def test_daemons_end_when_it_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path)

    process.kill()

    assert not process.running
    assert processes_with(str(tmp_path)) == []


def test_daemons_end_when_it_is_stopped(tmp_path: Path) -> None:
    process = start(tmp_path)

    process.stop(timeout=10)

    assert not process.running
    assert processes_with(str(tmp_path)) == []


def test_a_command_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    stubborn = 'trap "" TERM; touch daemon-is-up; while true; do sleep 0.1; done'
    process = GuardedProcess(["sh", "-c", stubborn, str(tmp_path)], environ(), tmp_path, tmp_path / "log")
    wait_until(lambda: daemons_up(tmp_path))

    process.stop(timeout=0.2)

    assert not process.running
    assert processes_with(str(tmp_path)) == []


def test_daemons_end_and_the_folder_is_removed_when_the_owner_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            OWNER,
            str(folder),
            *command(folder),
        ]
    )
    wait_until(lambda: daemons_up(folder))

    owner.kill()
    owner.wait()

    wait_until(lambda: processes_with(str(folder)) == [])
    assert not folder.exists()


def test_the_command_ends_when_its_guardian_is_killed(tmp_path: Path) -> None:
    guardian = subprocess.Popen(guarded(["sh", "-c", "touch daemon-is-up; exec sleep 1000"]), cwd=tmp_path)
    wait_until(lambda: daemons_up(tmp_path))
    [child] = Path(f"/proc/{guardian.pid}/task/{guardian.pid}/children").read_text().split()

    guardian.kill()
    guardian.wait()

    wait_until(lambda: not Path(f"/proc/{child}/exe").exists())


@pytest.mark.parametrize(("ending", "status"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_status_is_that_of_the_command(ending: str, status: int) -> None:
    assert subprocess.run(guarded(["sh", "-c", ending]), check=False).returncode == status


def test_an_interrupt_from_a_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    counting = 'trap "echo asked >> asked; exit 3" TERM; touch daemon-is-up; while true; do sleep 0.05; done'
    process = subprocess.Popen(guarded(["sh", "-c", counting]), cwd=tmp_path, start_new_session=True)
    wait_until(lambda: daemons_up(tmp_path))

    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(10) == 3
    assert (tmp_path / "asked").read_text() == "asked\n"
