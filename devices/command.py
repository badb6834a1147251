"""`iot-devices`: sends the readings of simulated machines, or replays readings from a file.

Exit status: 0 if all sent readings were confirmed (and, if the run has an end, it was reached); 1 if some
readings were not confirmed; 2 after wrong usage, or if nothing answers at the address; 130 if the command was
stopped before the end.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from devices.arguments import new_parser
from devices.delivery import Delivered, Delivery
from devices.display import Display
from devices.errors import DeviceError
from devices.senders import SENDERS
from devices.shipment import ShipmentSource
from pipeline.errors import SettingsError
from pipeline.settings import Settings

OK: Final = 0
UNCONFIRMED: Final = 1
USAGE: Final = 2
#: The exit status that a shell reports for a program that Ctrl-C ended.
STOPPED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return the exit status."""
    arguments = new_parser().parse_args(argv)
    try:
        return _deliver(arguments)
    except (DeviceError, SettingsError) as e:
        print(f"iot-devices: {e}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        # The second Ctrl-C: do not even wait for the last confirmations.
        return STOPPED


def _deliver(arguments: argparse.Namespace) -> int:
    """Send the requested readings and print the counts. Raises `DeviceError` and `SettingsError`."""
    new_sender, default_url = SENDERS[arguments.via]
    source: ShipmentSource = arguments.source(arguments)
    settings = Settings.from_environ()
    sender = new_sender(arguments.url or default_url(settings), settings)
    with _stop_signals() as stopping, Display(arguments.what, source.total) as display:
        sender.open()
        try:
            delivered = Delivery(sender, source, arguments.patience, stopping, display.show).run()
        finally:
            sender.close()
    print(_summary(delivered), flush=True)
    if delivered.end == "stalled":
        print(
            f"iot-devices: gave up, because nothing was confirmed for {arguments.patience:g} s. "
            f"{delivered.trouble or f'{sender.address} does not answer.'}",
            file=sys.stderr,
        )
    endless = arguments.what == "simulating" and arguments.count is None and arguments.duration is None
    if delivered.end == "stopped" and not endless:
        return STOPPED
    return OK if delivered.all_confirmed and delivered.end != "stalled" else UNCONFIRMED


def _summary(delivered: Delivered) -> str:
    counts = delivered.counts
    parts = [f"{counts.sent} sent", f"{counts.confirmed} confirmed"]
    if counts.refused:
        parts.append(f"{counts.refused} refused")
    if counts.repeated:
        parts.append(f"{counts.repeated} sent again")
    return ", ".join(parts)


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C or SIGTERM came. A second one ends the process at once."""
    stopped = False

    def stop(number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
