"""The command line of `iot-logic`: its help is fast, and its page in the docs matches it."""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from web.cli.commands import OK, STOPPED, UNABLE, WRONG
from web.cli.parser import new_parser

PAGE = (Path(__file__).parents[2] / "docs" / "command.md").read_text()

#: Modules that are slow to import and that the help does not need.
SLOW = {"litestar", "pika", "RestrictedPython", "redis", "msgspec", "rich", "http.client"}

HELP = """
import sys
from web.cli.main import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_help_imports_no_slow_module() -> None:
    done = subprocess.run([sys.executable, "-c", HELP, "--help"], capture_output=True, text=True, check=True)

    assert "push" in done.stdout
    assert not SLOW & set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("sources", "try", b"tele/\xff/SENSOR"),
        ("sources", "show", b"\xff"),
        ("list", b"--prefix=\xff"),
    ],
)
def test_an_argument_that_is_not_utf_8_is_refused(arguments: tuple[str | bytes, ...]) -> None:
    main = "from web.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", main, *arguments], capture_output=True)

    assert done.returncode == UNABLE
    assert b"is not valid UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr


def test_no_command_imports_a_module_that_only_servers_need() -> None:
    modules = {command.get_default("run").partition(":")[0] for command in COMMANDS}
    imports = ", ".join(f"web.cli.commands.{module}" for module in modules)
    code = f"import sys; import {imports}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"litestar", "uvicorn", "dramatiq", "RestrictedPython"} & set(loaded.split())


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Return the parsers of the commands and of their subcommands."""
    within = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not within:
        yield parser
    for action in within:
        for command in action.choices.values():
            yield from commands(command)


COMMANDS = list(commands(new_parser()))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.prog)
def test_the_page_has_the_examples_and_the_options_of_each_command(command: argparse.ArgumentParser) -> None:
    examples = [line for line in (command.epilog or "").splitlines() if line.startswith("    ")]
    options = {option for action in command._actions for option in action.option_strings}

    assert examples
    assert [each for each in examples if f"{each}\n" not in PAGE] == []
    assert [each for each in options - {"-h", "--help"} if f"{each}" not in PAGE] == []


def test_the_parser_accepts_every_command_on_the_page() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("    iot-logic")]

    for line in "&&".join(lines).split("&&"):
        program, *arguments = shlex.split(line)
        assert program == "iot-logic"
        assert new_parser().parse_args(arguments).run


def test_every_command_of_the_parser_has_a_function() -> None:
    for command in COMMANDS:
        module, _, function = command.get_default("run").partition(":")
        assert callable(getattr(import_module(f"web.cli.commands.{module}"), function))


def test_the_page_explains_each_exit_status() -> None:
    for status in (OK, WRONG, UNABLE, STOPPED):
        assert f"\n| {status} |" in PAGE
