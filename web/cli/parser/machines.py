"""The arguments of `machines`."""

from pathlib import Path
from typing import Any

from web.cli.parser.common import add_command, add_connection


def add_machines(commands: Any) -> None:
    """Add `machines`."""
    parser = commands.add_parser(
        "machines",
        help="read and write the cards of machines: their plain names, tags and lines",
        description="Read and write the cards of machines: plain name, description, tags, line and location.",
    )
    machines = parser.add_subparsers(required=True, metavar="COMMAND")
    about = add_command(
        machines,
        "about",
        "machines:show_about",
        "show or change the card of a machine",
        "Show the card of a machine. Each option changes one field; an empty text removes it.",
        "machines about press-7",
        "machines about press-7 --name 'Big press' --tags hydraulic,old --line 'Line 3'",
    )
    about.add_argument("machine", metavar="ID", help="the machine")
    about.add_argument("--name", metavar="TEXT", help="plain name")
    about.add_argument("--description", metavar="TEXT", help="what people should know")
    about.add_argument("--tags", metavar="TAGS", help="tags, separated by commas")
    about.add_argument("--line", metavar="TEXT", help="line or area")
    about.add_argument("--location", metavar="TEXT", help="where it stands")
    read = add_command(
        machines,
        "import-about",
        "machines:import_about",
        "change the cards of the machines in a CSV file",
        "Change the cards of the machines in a CSV file. Its first line names the columns: id, and some of "
        "name, description, tags, line, location. A missing column changes nothing. If a line is wrong, "
        "nothing is changed, each wrong line is shown with its reason, and the exit status is 1.",
        "machines import-about machines.csv --dry-run",
        "machines import-about machines.csv --skip-wrong",
    )
    read.add_argument("file", type=Path, metavar="FILE.csv")
    read.add_argument("--dry-run", action="store_true", help="check only, and count what would change")
    read.add_argument("--skip-wrong", action="store_true", help="import the other lines if some are wrong")
    write = add_command(
        machines,
        "export-about",
        "machines:export_about",
        "write the cards of all machines into a CSV file",
        "Write the cards of all machines into a CSV file, which import-about and spreadsheets read.",
        "machines export-about machines.csv",
    )
    write.add_argument("file", type=Path, metavar="FILE.csv")
    write.add_argument("--force", action="store_true", help="replace the file if it exists")
    for each in (about, read, write):
        add_connection(each)
