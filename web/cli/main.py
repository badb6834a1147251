"""`iot-logic`: the command for developers of logic and for their CI.

Each command imports its dependencies when it runs (`web.cli.commands`), so that `--help` is fast.
"""

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module

from web.cli.commands import STOPPED, UNABLE
from web.cli.parser import new_parser


def main() -> None:
    """Run the command line and end the process with its exit status."""
    sys.exit(run(new_parser().parse_args()))


def run(arguments: argparse.Namespace) -> int:
    """Run the command that the arguments name. Return the exit status."""
    from pipeline.errors import IotLogicError
    from sandbox.errors import SandboxError

    module, _, function = arguments.run.partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(
        import_module(f"web.cli.commands.{module}"), function
    )
    try:
        return command(arguments)
    except BrokenPipeError:
        # The reader of the output closed the pipe. Otherwise, Python would report an error when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED
    except (OSError, IotLogicError, SandboxError) as e:
        from web.cli.commands.screen import complain

        complain(e)
        return UNABLE
    except UnicodeEncodeError:
        wrong = [each for each in sys.argv[1:] if not _is_text(each)]
        if not wrong:
            raise
        print(f"iot-logic: The argument {wrong[0]!r} is not valid UTF-8.", file=sys.stderr)
        return UNABLE
    except KeyboardInterrupt:
        return STOPPED


def _is_text(argument: str) -> bool:
    """Return whether an argument is text. Python stands surrogates for bytes that are not valid UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)
