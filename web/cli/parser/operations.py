"""The arguments of the commands for whoever runs a system: they speak to RabbitMQ and Redis themselves."""

from pathlib import Path
from typing import Any

from web.cli.parser.common import add_command, count


def add_doctor(commands: Any) -> None:
    """Add `doctor`."""
    doctor = add_command(
        commands,
        "doctor",
        "doctor:doctor",
        "check what the system stands on",
        "Check RabbitMQ and Redis, which the settings name, the workers, and what confines logic on this "
        "host; with what to do about each thing that is not as it must be. It needs no API, and changes "
        "nothing. The exit status is 1 where anything is wrong.",
        "doctor",
        "doctor --management http://rabbitmq:15672 --json",
    )
    doctor.add_argument(
        "--management",
        metavar="URL",
        help="RabbitMQ's management (default: port 15672 of its host), with the user of IOT_LOGIC_AMQP_URL",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_export(commands: Any) -> None:
    """Add `export`."""
    export = add_command(
        commands,
        "export",
        "backup:export",
        "write logic, configs and states to a file",
        "Write all machines and profiles with their versions, examples, configs and states to a file, also "
        "while they run. Readings and results that are on their way, dead letters, tokens and the audit "
        "trail are not in it.",
        "export plant.backup",
    )
    export.add_argument("file", type=Path, metavar="FILE", help="is replaced where it is there")
    export.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_import(commands: Any) -> None:
    """Add `import`."""
    restore = add_command(
        commands,
        "import",
        "backup:restore",
        "put back what export has written",
        "Put back what export has written, into an empty system, or over what is there. The exit status is 1 "
        "where this version refuses a logic that is in it.",
        "import plant.backup",
        "import plant.backup --replace press-7 press-8",
        "import plant.backup --ahead 1000000",
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    which = restore.add_mutually_exclusive_group()
    which.add_argument("--replace", nargs="+", metavar="MACHINE", help="take these machines alone")
    which.add_argument("--force", action="store_true", help="replace whatever of it is here already")
    restore.add_argument(
        "--ahead",
        type=count,
        default=0,
        metavar="N",
        help="skip so many numbers of each machine: those that it may have used after the export",
    )
    restore.add_argument("--json", action="store_true", help="print JSON, for programs")
