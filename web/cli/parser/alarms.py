"""The arguments of `alarms`."""

from typing import Any

from web.cli.parser.common import add_command, add_connection, count

_SEVERITIES = ("warning", "minor", "major", "critical")


def add_alarms(commands: Any) -> None:
    """Add `alarms`."""
    parser = commands.add_parser(
        "alarms",
        help="see, acknowledge and shelve alarms",
        description="See the open alarms, acknowledge and shelve them, and read the journal.",
    )
    alarms = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = add_command(
        alarms,
        "list",
        "alarms:list_alarms",
        "list the open alarms",
        "List the open alarms that match all given options, those raised last first.",
        "alarms list",
        "alarms list --severity major --state unacknowledged",
    )
    listing.add_argument("--prefix", metavar="TEXT", help="only machines whose id starts with this")
    listing.add_argument(
        "--state",
        choices=("unacknowledged", "acknowledged", "returned", "normal"),
        help="only alarms in this state; returned: no longer active, and not acknowledged",
    )
    listing.add_argument("--shelved", action="store_true", default=None, help="only alarms that are shelved")
    listing.add_argument(
        "--not-shelved",
        action="store_false",
        default=None,
        dest="shelved",
        help="only alarms that are not shelved",
    )
    journal = add_command(
        alarms,
        "journal",
        "alarms:list_journal",
        "list the changes of alarms",
        "List the changes of alarms that match all given options, the newest first.",
        "alarms journal --machine furnace",
        "alarms journal --action raised --severity critical",
    )
    journal.add_argument("--machine", metavar="ID", help="only changes of this machine's alarms")
    journal.add_argument(
        "--action",
        choices=("raised", "lowered", "cleared", "acknowledged", "shelved", "unshelved", "ended"),
        help="only changes of this kind",
    )
    for each in (listing, journal):
        each.add_argument("--severity", choices=_SEVERITIES, help="only alarms that are at least this severe")
        each.add_argument("--profile", metavar="NAME", help="only alarms of this profile's logic")
        each.add_argument("--name", metavar="TEXT", help="only alarms whose names begin like this")
        each.add_argument(
            "--limit", type=count, default=100, metavar="N", help="maximum number (default: 100)"
        )
    done = add_command(
        alarms,
        "acknowledge",
        "alarms:acknowledge",
        "acknowledge an alarm",
        "Acknowledge an alarm: reminders end. It stays open until its cause is over.",
        "alarms acknowledge furnace/too-hot --comment 'I am on my way'",
    )
    shelved = add_command(
        alarms,
        "shelve",
        "alarms:shelve",
        "shelve an alarm for a time",
        "Shelve an alarm for a time: nobody is told of it. It stays in the list.",
        "alarms shelve furnace/too-hot --minutes 60 --comment 'The sensor is being replaced'",
    )
    shelved.add_argument(
        "--minutes", type=count, required=True, metavar="N", help="for how many minutes; a month at most"
    )
    unshelved = add_command(
        alarms,
        "unshelve",
        "alarms:unshelve",
        "end the shelving of an alarm",
        "End the shelving of an alarm before its time.",
        "alarms unshelve furnace/too-hot",
    )
    for each in (done, shelved):
        each.add_argument("--comment", default="", metavar="TEXT", help="a comment for the journal")
    for each in (done, shelved, unshelved):
        each.add_argument(
            "id", metavar="MACHINE/NAME", help="the alarm; an alarm of the plant is ~plant/NAME"
        )
    for each in (listing, journal, done, shelved, unshelved):
        add_connection(each)
