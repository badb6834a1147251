"""Every limit of the sandbox, once: its unit, its default and the reason for it.

Whatever is measured anywhere in this package is measured against a field of `Limits`, and a breach
names that field. `described()` gives the table that the settings and the docs page are made from.
"""

from typing import Annotated, Any, NamedTuple, get_type_hints

from msgspec import Meta, Struct

#: The least and the greatest whole number that may leave a logic: those of 64 bits, signed or unsigned.
LEAST_WHOLE = -(2**63)
GREATEST_WHOLE = 2**64 - 1


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How large, how long and how deep. Immutable; one value serves the parent and its child."""

    # The source.

    source_bytes: Annotated[
        int,
        Meta(
            ge=256,
            le=1 << 20,
            description="Length of a logic's source. The longest sources seen in plants use a tenth of it.",
            extra={"unit": "bytes of UTF-8"},
        ),
    ] = 32_768
    line_chars: Annotated[
        int,
        Meta(
            ge=80,
            description="Length of one line, so that every problem can be shown with its line.",
            extra={"unit": "characters"},
        ),
    ] = 2_000
    nodes: Annotated[
        int,
        Meta(
            ge=50,
            description="Size of the syntax tree. It limits the time of a check and a compilation.",
            extra={"unit": "nodes"},
        ),
    ] = 5_000
    depth: Annotated[
        int,
        Meta(
            ge=10,
            le=100,
            description="Nesting of the syntax tree. An elif, or another term of a sum, does not nest.",
            extra={"unit": "levels"},
        ),
    ] = 40

    code_bytes: Annotated[
        int,
        Meta(
            ge=16_384,
            le=2 << 20,
            description="Size of the compiled code. The largest ordinary sources take a third of it; some "
            "constructs, such as a finally inside a finally, are compiled several times.",
            extra={"unit": "bytes"},
        ),
    ] = 524_288

    # A run.

    fuel: Annotated[
        int,
        Meta(
            ge=100,
            description="Work of one reading: a tick for about eight small steps, and more for a large "
            "operation in a single step. 100,000 ticks take some 10 to 50 ms.",
            extra={"unit": "ticks"},
        ),
    ] = 100_000
    fuel_max: Annotated[
        int,
        Meta(
            ge=100,
            description="The most work of one reading that the settings of a machine or profile may allow. "
            "The time limits remain.",
            extra={"unit": "ticks"},
        ),
    ] = 400_000
    recursion: Annotated[
        int,
        Meta(
            ge=20,
            le=2_000,
            description="Nested function calls, and levels of a value that is compared, sorted, used as a "
            "key or converted to text. The default is far below an overflow of the C stack.",
            extra={"unit": "calls"},
        ),
    ] = 200
    int_bits: Annotated[
        int,
        Meta(
            ge=64,
            le=8_192,
            description="Size of a whole number in a computation. Arithmetic on longer numbers is slow.",
            extra={"unit": "bits"},
        ),
    ] = 1_024
    str_chars: Annotated[
        int,
        Meta(
            ge=1_024,
            description="Length of a text or of bytes in a computation. Base64 of a whole reading fits.",
            extra={"unit": "characters"},
        ),
    ] = 262_144
    format_width: Annotated[
        int,
        Meta(
            ge=20,
            le=10_000,
            description="Width and precision in a format such as {x:10.2f}: a single step pads the text.",
            extra={"unit": "characters"},
        ),
    ] = 200
    list_items: Annotated[
        int,
        Meta(
            ge=100,
            description="Length of a list or tuple that a logic builds or changes. One in a reading may be "
            "longer.",
            extra={"unit": "items"},
        ),
    ] = 20_000
    dict_items: Annotated[
        int,
        Meta(
            ge=100,
            description="Size of a dict or set that a logic builds. Keys that the source names, as in "
            "state['n'] = 1, are not counted when they are set.",
            extra={"unit": "items"},
        ),
    ] = 5_000
    generators: Annotated[
        int,
        Meta(
            ge=10,
            le=10_000,
            description="Generators that functions with yield make in one reading. To free a long chain of "
            "them takes much of the C stack.",
            extra={"unit": "generators"},
        ),
    ] = 5_000
    range_items: Annotated[
        int,
        Meta(ge=100, description="Length of a range.", extra={"unit": "items"}),
    ] = 20_000

    table_bytes: Annotated[
        int,
        Meta(
            ge=1_024,
            description="Size in memory of the values that the top level of a logic computes once. A child "
            "keeps those of all its logics.",
            extra={"unit": "bytes"},
        ),
    ] = 1 << 20

    # Timers.

    timers: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Timers of a machine that are set at once. They are part of its record, which every "
            "batch reads and writes.",
            extra={"unit": "timers"},
        ),
    ] = 16
    timer_shortest_seconds: Annotated[
        float,
        Meta(
            ge=0.1,
            description="Shortest time until a timer. Each run costs what a reading costs.",
            extra={"unit": "seconds"},
        ),
    ] = 1.0
    timer_longest_seconds: Annotated[
        float,
        Meta(
            ge=60,
            le=3_660 * 24 * 3600,
            description="Longest time until a timer: a leap year.",
            extra={"unit": "seconds"},
        ),
    ] = 366 * 24 * 3600.0

    # Alarms.

    alarms: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Alarms of a machine that are active at once. They are part of its record, which "
            "every batch reads and writes.",
            extra={"unit": "alarms"},
        ),
    ] = 16
    alarm_bytes: Annotated[
        int,
        Meta(
            ge=256,
            le=65_536,
            description="Size of the message and details of an alarm, as JSON.",
            extra={"unit": "bytes"},
        ),
    ] = 4_096

    # Readings, states and results.

    reading_bytes: Annotated[
        int,
        Meta(
            ge=1_024,
            description="Length of one reading. A typical message of a machine is well under 10 KB.",
            extra={"unit": "bytes"},
        ),
    ] = 262_144
    reading_depth: Annotated[
        int,
        Meta(
            ge=8,
            le=200,
            description="Nesting of a reading. How deep Python can read depends on its version.",
            extra={"unit": "levels"},
        ),
    ] = 64
    state_bytes: Annotated[
        int,
        Meta(
            ge=256,
            description="State of a machine as JSON. Every batch reads and writes it.",
            extra={"unit": "bytes of JSON"},
        ),
    ] = 65_536
    result_bytes: Annotated[
        int,
        Meta(
            ge=256,
            description="All results of one reading, as JSON. MQTT clients accept far more than the default.",
            extra={"unit": "bytes of JSON"},
        ),
    ] = 65_536
    results: Annotated[
        int,
        Meta(ge=1, description="Number of results of one reading.", extra={"unit": "results"}),
    ] = 100
    config_bytes: Annotated[
        int,
        Meta(
            ge=256,
            le=65_536,
            description="Config of a machine as JSON. Every batch reads it.",
            extra={"unit": "bytes of JSON"},
        ),
    ] = 4_096
    value_depth: Annotated[
        int,
        Meta(
            ge=2,
            le=64,
            description="Nesting of dicts and lists in state, results and config.",
            extra={"unit": "levels"},
        ),
    ] = 16

    # The child process.

    soft_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Time of one reading. After it, the child stops the logic.",
            extra={"unit": "seconds"},
        ),
    ] = 0.5
    hard_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Time of one reading. After it, the parent kills the child.",
            extra={"unit": "seconds"},
        ),
    ] = 1.0
    batch_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Time of one logic in one batch, over all its readings and machines. After it, the "
            "other readings of this logic in the batch are not run. A batch has up to 256 readings.",
            extra={"unit": "seconds"},
        ),
    ] = 10.0
    check_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Time to check and compile one source. After it, the parent kills the child.",
            extra={"unit": "seconds"},
        ),
    ] = 5.0
    memory_bytes: Annotated[
        int,
        Meta(
            ge=64 << 20,
            description="Address space of the child. An idle child uses about a third of it.",
            extra={"unit": "bytes"},
        ),
    ] = 256 << 20
    batches_per_child: Annotated[
        int,
        Meta(
            ge=1,
            description="Batches until a child is replaced, so that nothing accumulates in it.",
            extra={"unit": "batches"},
        ),
    ] = 10_000
    programs_bytes: Annotated[
        int,
        Meta(
            ge=4 << 20,
            description="Sources and compiled code that a child keeps; in memory they take about three times "
            "as much. It drops the least recently used logic first.",
            extra={"unit": "bytes"},
        ),
    ] = 16 << 20


class Described(NamedTuple):
    """One limit for a reader: its name, its default, its unit and the reason for it."""

    name: str
    default: float
    unit: str
    reason: str


def described() -> list[Described]:
    """All limits in the order of `Limits`, for the docs page and the help of the settings."""
    hints = get_type_hints(Limits, include_extras=True)
    defaults = Limits()
    table = []
    for name in Limits.__struct_fields__:
        meta: Any = hints[name].__metadata__[0]
        table.append(Described(name, getattr(defaults, name), meta.extra["unit"], meta.description))
    return table
