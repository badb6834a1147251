"""The command-line parser of `iot-logic`. It imports nothing that is slow to import."""

import argparse
from textwrap import fill
from typing import Final

from web.cli.parser.alarms import add_alarms
from web.cli.parser.common import WIDTH
from web.cli.parser.config import add_config
from web.cli.parser.logic import (
    add_diff,
    add_pull,
    add_push,
    add_rollback,
    add_schedule,
    add_templates,
    add_test,
)
from web.cli.parser.machines import add_machines
from web.cli.parser.operations import add_doctor, add_export, add_import
from web.cli.parser.plant import (
    add_dead_letters,
    add_list,
    add_notify,
    add_sources,
    add_status,
    add_tail,
)
from web.cli.parser.token import add_token

_EXIT_STATUS: Final = (
    "Exit status: 0 success; 1 a check failed: a logic was refused, an example or a reading failed, someone "
    "else made a conflicting change, or there are differences; 2 the command could not run: wrong usage, the "
    "API does not answer, or the token's role is not sufficient."
)


def new_parser() -> argparse.ArgumentParser:
    """Return the parser. Its result has `run`, the function of a command as `<module>:<name>`."""
    parser = argparse.ArgumentParser(
        prog="iot-logic",
        description="Write, test and manage the logic of machines.",
        epilog=fill(_EXIT_STATUS, WIDTH),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_push(commands)
    add_pull(commands)
    add_list(commands)
    add_machines(commands)
    add_templates(commands)
    add_test(commands)
    add_schedule(commands)
    add_diff(commands)
    add_rollback(commands)
    add_config(commands)
    add_tail(commands)
    add_dead_letters(commands)
    add_alarms(commands)
    add_sources(commands)
    add_notify(commands)
    add_status(commands)
    add_token(commands)
    add_doctor(commands)
    add_export(commands)
    add_import(commands)
    return parser
