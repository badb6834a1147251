"""The arguments of the commands for whoever runs a system: they speak to RabbitMQ and Redis themselves."""

from typing import Any

from web.arguments.common import add_command


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
