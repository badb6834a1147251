"""`iot-devices`: machines to try a plant with, simulated or replayed from a file.

Exit status: 0 everything sent was confirmed (and, where there is an end, the end was reached); 1 something
was not; 2 it was used wrongly or nothing answers at the address; 130 stopped before the end.
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
#: What a shell reports of a program that Ctrl-C ended.
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
        # The second Ctrl-C: not even the last confirmations are waited for.
        return STOPPED


def _deliver(arguments: argparse.Namespace) -> int:
    """Send what the arguments ask for and print the counts. Raises `DeviceError` and `SettingsError`."""
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
    """Whether Ctrl-C or SIGTERM has come. The second one ends the process at once."""
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
