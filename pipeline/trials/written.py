"""How readings are written in a trial or an example: as a JSON value for each format.

A reading in JSON is written as it is, one in text as a text, and one in any other format as its bytes in hex,
such as "01 67 00 fa".
"""

from typing import Any

import msgspec

from pipeline.errors import ReadingUnfit
from pipeline.model.machine_settings import MachineSettings


def sent_reading(written: Any, settings: MachineSettings) -> bytes:
    """Return a reading as a device sends it. Raises `ReadingUnfit`.

    A compressed reading is written in hex, whatever its format.
    """
    if settings.is_plain_json:
        return msgspec.json.encode(written)
    if settings.is_plain_text:
        if not isinstance(written, str):
            raise ReadingUnfit("a reading with the format text is written as a text")
        return written.encode(errors="surrogatepass")
    if isinstance(written, str):
        try:
            return bytes.fromhex(written)
        except ValueError as e:
            raise ReadingUnfit(f"a reading with the format {_name(settings)} is written in hex: {e}") from e
    raise ReadingUnfit(
        f'a reading with the format {_name(settings)} is written in hex, such as "01 67 00 fa"'
    )


def shown_reading(body: bytes, settings: MachineSettings) -> str:
    """Return a reading as people can read it: as text, or in hex."""
    if settings.is_plain_json or settings.is_plain_text:
        return body.decode(errors="replace")
    return body.hex(" ")


def written_reading(body: bytes, settings: MachineSettings) -> str | None:
    """Return a reading as a trial takes it, if that is not its own JSON: a text, or its bytes in hex."""
    if settings.is_plain_json:
        return None
    if not settings.is_plain_text:
        return body.hex(" ")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _name(settings: MachineSettings) -> str:
    compression = settings.compression or "none"
    return f"{settings.format or 'json'}" + (f" and {compression}" if compression != "none" else "")
