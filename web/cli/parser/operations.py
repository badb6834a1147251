"""The arguments of the commands for operators, which connect to RabbitMQ and Redis directly."""

from pathlib import Path
from typing import Any

from web.cli.parser.common import add_command, count


def add_doctor(commands: Any) -> None:
    """Add `doctor`."""
    doctor = add_command(
        commands,
        "doctor",
        "doctor:doctor",
        "check RabbitMQ, Redis, the workers and the sandbox",
        "Check RabbitMQ and Redis as the settings name them, the workers, and the sandbox on this host. For "
        "each problem, the command says what to do. It does not need the API and changes nothing. The exit "
        "status is 1 if there is a problem.",
        "doctor",
        "doctor --management http://rabbitmq:15672 --json",
    )
    doctor.add_argument(
        "--management",
        metavar="URL",
        help="address of RabbitMQ's management plugin (default: port 15672 of RabbitMQ's host); the user is "
        "that of IOT_LOGIC_AMQP_URL",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")


def add_export(commands: Any) -> None:
    """Add `export`."""
    export = add_command(
        commands,
        "export",
        "backup:export",
        "write logic, configs and states to a file",
        "Write all machines and profiles with their versions, examples, configs and states to a file. The "
        "system can keep running. The file does not contain readings and results in RabbitMQ, dead letters, "
        "tokens or the audit trail.",
        "export plant.backup",
    )
    export.add_argument("file", type=Path, metavar="FILE", help="the backup; an existing file is replaced")
    export.add_argument("--json", action="store_true", help="print JSON")


def add_import(commands: Any) -> None:
    """Add `import`."""
    restore = add_command(
        commands,
        "import",
        "backup:restore",
        "restore a file that export wrote",
        "Restore a file that export wrote, into an empty system or over existing machines and profiles. The "
        "exit status is 1 if this version refuses a logic in the file.",
        "import plant.backup",
        "import plant.backup --replace press-7 press-8",
        "import plant.backup --ahead 1000000",
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    which = restore.add_mutually_exclusive_group()
    which.add_argument(
        "--replace", nargs="+", metavar="MACHINE", help="restore only these machines, replacing them"
    )
    which.add_argument(
        "--force", action="store_true", help="replace existing machines and profiles that are in the file"
    )
    restore.add_argument(
        "--ahead",
        type=count,
        default=0,
        metavar="N",
        help="advance the reading numbers of each machine by N, so that numbers used after the export are "
        "not used again",
    )
    restore.add_argument("--json", action="store_true", help="print JSON")
