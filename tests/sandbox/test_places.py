"""The sandbox, started from any folder, by any user, and without some of its layers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import SandboxUnavailable
from sandbox.parent.sandbox import Sandbox
from tests.sandbox import probes
from tests.sandbox.unguarded import ROOT

NOBODY = "65534"

#: Makes root an ordinary user, who can still read the files of the user that runs the tests.
AS_USER = [
    *("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]
#: The users that the tests can run as, and the command for each.
USERS = {"root": [], "user": AS_USER} if os.geteuid() == 0 else {"user": []}


def answers(
    user: str,
    *arguments: str,
    script: Path = Path(probes.__file__),
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the answers of `probes.py`."""
    said = subprocess.run(
        [*USERS[user], sys.executable, str(script), *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd="/",
        timeout=120,
        env={"PATH": os.environ["PATH"], **(environ or {})},
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return found


@pytest.mark.parametrize("user", USERS)
def test_it_serves_and_is_confined_for_every_user(user: str) -> None:
    said = answers(user)
    assert (said["user"] == 0) == (user == "root")
    assert said["accepted"]
    assert said["results"] == ['{"a":1}']
    assert {"seccomp", "no-new-privileges", "no-capabilities", "resource-limits"} <= set(said["confinement"])
    assert ("nobody" in said["confinement"]) == (user == "root")
    assert said["attempts"] == {
        "read": "PermissionError",
        "write": "PermissionError",
        "list": "PermissionError",
        "make a folder": "PermissionError",
        "fork": "killed",
        "exec": "killed",
        "thread": "killed",
        "socket": "killed",
        "signal the parent": "PermissionError",
        "memory": "killed",
        "become root": "PermissionError",
    }


@pytest.mark.parametrize("user", USERS)
def test_without_the_filter_the_other_layers_still_hold(user: str) -> None:
    said = answers(user, "no-filter")
    assert "seccomp" not in said["confinement"]
    attempts = said["attempts"]
    of_landlock = (
        set() if "landlock" in said["confinement"] else {"exec", "make a folder", "signal the parent"}
    )
    assert [name for name in attempts if attempts[name] == "done" and name not in of_landlock] == []
    assert attempts["read"] == "OSError"  # no descriptor is available, whatever the file
    assert attempts["fork"] == "BlockingIOError"  # no process is available


def test_without_the_filter_it_does_not_start_unless_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.parent.process.filter_program", probes.no_filter)
    with pytest.raises(SandboxUnavailable, match="left out for a test"):
        Sandbox()
    with Sandbox(allow_unconfined=True) as sandbox:
        assert "seccomp" not in sandbox.confinement
        assert sandbox.check("def process(data, state): pass").accepted


def test_a_filter_that_the_kernel_refuses_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.parent.process.filter_program", lambda: b"\0" * 8)
    with pytest.raises(SandboxUnavailable, match="seccomp"):
        Sandbox()


def test_the_message_of_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.parent.process.filter_program", lambda: b"\0" * 8)
    with pytest.raises(SandboxUnavailable, match="allow_unconfined"):
        Sandbox()


def test_it_works_from_a_folder_of_installed_packages_too(tmp_path: Path) -> None:
    """As a wheel installs it: the package alone, outside any clone."""
    for package in ("sandbox", "tests"):
        shutil.copytree(Path(ROOT) / package, tmp_path / package, ignore=shutil.ignore_patterns("corpus"))
    said = answers(next(iter(USERS)), script=tmp_path / "tests" / "sandbox" / "probes.py")
    assert said["results"] == ['{"a":1}']


def test_no_environment_variable_has_an_effect(tmp_path: Path) -> None:
    for name in ("msgspec", "json", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a trap')\n")
    script = (
        "import os\n"
        "from tests.sandbox import probes\n"
        f"os.environ.update(PYTHONPATH={str(tmp_path)!r}, PYTHONSTARTUP={str(tmp_path / 'json.py')!r}, "
        "PYTHONHOME='/nowhere', LD_PRELOAD='/nowhere.so', PYTHONINSPECT='1')\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "probes.main()\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert json.loads(said.stdout)["results"] == ['{"a":1}']
