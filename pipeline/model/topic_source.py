"""A source: a filter that says which MQTT topics and AMQP keys are readings, and which machine each is of.

RabbitMQ turns an MQTT topic into a routing key: `/` becomes `.`, and a `.` in the topic stays. So a dot
separates levels just as a slash does, in a topic as well as in a filter, and everything here works on the
levels of the key. `+` becomes `*`, and `#` stays.

A filter has the placeholder `{machine}` once, in place of a level. `{machine:3}` stands for three levels,
which are joined with hyphens: a device whose name has two dots. The machine's id is made from these levels:

1.  The levels are joined with hyphens.
2.  The case rule applies: `keep`, `lower` or `upper`.
3.  If `rename` has the result, its value is the id.
4.  Otherwise each character that an id cannot have becomes a hyphen, and the prefix is put before it.

So `24:0a:c4:00:01:10` becomes `24-0a-c4-00-01-10`, and `urn:dev:ops:32473` becomes `urn-dev-ops-32473`. Two
devices whose names become the same id are the same machine.

A source has a partition of its own (`pipeline.store.topic_sources`). Two sources, or a source and the topics
below `machines/`, must not match the same topic, because one reading would then be in two queues. `overlap`
decides that.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.errors import SourceConflict, SourceRefused
from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings
from pipeline.wire import BELOW_MACHINES, MACHINE_ID_PATTERN, is_machine_id

#: Maximum number of sources.
SOURCES: Final = 100

#: The first number of a source's partition. Smaller numbers belong to the partitions of `machines/<id>/data`.
FIRST_PARTITION: Final = 1000

#: Maximum bytes of a filter: a routing key has at most 255.
_FILTER_BYTES: Final = 255
#: Maximum number of entries in `rename`, and of characters of a device's name in it.
_RENAMED: Final = 1000
_DEVICE_CHARACTERS: Final = 255
#: Maximum number of levels that the placeholder stands for.
_MACHINE_LEVELS: Final = 9

_SEPARATOR = re.compile(r"[./]")
_PLACEHOLDER = re.compile(rf"\{{machine(?::([1-{_MACHINE_LEVELS}]))?\}}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,64}")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_AS_TEXT = str.maketrans("*#", "\0\0")
_NOT_IN_LEVELS = re.compile(r"[+#*{}\x00-\x1f\x7f]")

#: How the letters of an id are changed.
Case: TypeAlias = Literal["keep", "lower", "upper"]


class TopicSource(Struct, frozen=True, kw_only=True):
    """A source, as a user sets it.

    A machine that has no logic and no profile of its own follows `profile` from its first reading on.
    """

    filter: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=_FILTER_BYTES,
            description="The topics of the readings. A level is a text, + (any level), # (any number of "
            "levels, at the end) or, once, the placeholder {machine}.",
            examples=["tele/{machine}/SENSOR"],
        ),
    ]
    prefix: Annotated[
        str, Meta(pattern="^[A-Za-z0-9_-]{0,64}$", description="Put before each id that is not renamed.")
    ] = ""
    case: Annotated[Case, Meta(description="Change the letters of the ids to lower or upper case.")] = "keep"
    rename: Annotated[
        dict[
            Annotated[str, Meta(min_length=1, max_length=_DEVICE_CHARACTERS)],
            Annotated[str, Meta(pattern=f"^{MACHINE_ID_PATTERN}$")],
        ],
        Meta(max_length=_RENAMED, description="The machine's id by the device's name in the topic."),
    ] = {}
    profile: Annotated[
        str | None,
        Meta(description="The profile that machines without a logic and a profile of their own follow."),
    ] = None
    settings: Annotated[
        MachineSettings,
        Meta(
            description="The settings of the readings, for all that their machines and profiles do not set."
        ),
    ] = NO_SETTINGS


class SourceInUse(Struct, frozen=True):
    """A source as a session uses it: its name, its rules for ids, its profile, and its settings."""

    name: str
    rules: "IdRules"
    profile: str | None = None
    settings: MachineSettings = NO_SETTINGS


class IdRules(Struct, frozen=True, array_like=True):
    """The part of a source that says which machine a key names, with the place of the placeholder."""

    first: int
    count: int
    prefix: str
    case: Case
    rename: dict[str, str]

    def machine_of(self, key: str) -> str | None:
        """Return the machine of a reading with this routing key; None if it names no valid id."""
        levels = key.split(".")[self.first : self.first + self.count]
        device = _in_case("-".join(levels), self.case)
        if len(levels) < self.count or not any(levels):
            return None
        machine_id = self.rename.get(device) or self.prefix + _NOT_IN_IDS.sub("-", device)
        return machine_id if is_machine_id(machine_id) else None


def is_source(partition: int) -> bool:
    """Return whether a partition belongs to a source."""
    return partition >= FIRST_PARTITION


def same_way(one: int, other: int) -> bool:
    """Return whether readings of two partitions come in the same way: by one source, or both without any."""
    return one == other or not (is_source(one) or is_source(other))


def rules_of(source: TopicSource) -> IdRules:
    """Return the rules of a valid source."""
    return _Levels(source.filter).rules(source)


def pattern_of(source: TopicSource) -> str:
    """Return the pattern of a valid source's binding to `amq.topic`."""
    return _Levels(source.filter).pattern


def key_of(topic: str) -> str:
    """Return the routing key that RabbitMQ makes from an MQTT topic."""
    return topic.replace("/", ".")


def topic_of(key: str) -> str:
    """Return the MQTT topic of a routing key. A topic with dots is shown with slashes."""
    return key.replace(".", "/")


def checked(source: TopicSource) -> TopicSource:
    """Return the source with its `rename` in the source's case. Raises `SourceRefused` if it is invalid."""
    _Levels(source.filter).check()
    if _PREFIX.fullmatch(source.prefix) is None:
        raise SourceRefused("The prefix has at most 64 letters, digits, underscores or hyphens.")
    if len(source.rename) > _RENAMED:
        raise SourceRefused(f"A source renames at most {_RENAMED} devices.")
    renamed = dict[str, str]()
    for name, machine_id in source.rename.items():
        device = _in_case(re.sub(_SEPARATOR, "-", name), source.case)
        if not 0 < len(name) <= _DEVICE_CHARACTERS or not is_machine_id(machine_id):
            raise SourceRefused(
                f"The device {name!r} cannot be renamed to {machine_id!r}: a machine id has 1 to 128 "
                "letters, digits, underscores or hyphens."
            )
        if renamed.setdefault(device, machine_id) != machine_id:
            raise SourceRefused(
                f"The device {device!r} has two ids: {renamed[device]!r} and {machine_id!r}. With the case "
                f"{source.case!r} the names are equal."
            )
    return replace(source, rename=renamed)


class _Levels:
    """A filter, split into levels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._levels = _SEPARATOR.split(text)

    @cached_property
    def _machine(self) -> tuple[int, int]:
        """The place of the placeholder, and the number of levels that it stands for."""
        found = [
            (place, int(match[1] or 1))
            for place, level in enumerate(self._levels)
            if (match := _PLACEHOLDER.fullmatch(level))
        ]
        if len(found) != 1:
            raise SourceRefused(
                f"The filter {self.text!r} must have the placeholder {{machine}} exactly once, as a whole "
                "level."
            )
        return found[0]

    @property
    def pattern(self) -> str:
        """The pattern of the binding."""
        place, count = self._machine
        levels = ["*" if level == "+" else level for level in self._levels]
        return ".".join([*levels[:place], *["*"] * count, *levels[place + 1 :]])

    def rules(self, source: TopicSource) -> IdRules:
        """Return the rules of the source that has this filter."""
        return IdRules(*self._machine, source.prefix, source.case, source.rename)

    def check(self) -> None:
        """Raise `SourceRefused` if the filter is invalid."""
        place, _ = self._machine
        for at, level in enumerate(self._levels):
            if level == "#" and at != len(self._levels) - 1:
                raise SourceRefused(f"In the filter {self.text!r}, # must be the last level.")
            if at != place and level not in ("+", "#") and _NOT_IN_LEVELS.search(level):
                raise SourceRefused(
                    f"The level {level!r} of the filter {self.text!r} is invalid: + and # stand for a whole "
                    "level, and a level has no *, braces or control characters."
                )
            if not level and at > 0:
                raise SourceRefused(f"The filter {self.text!r} has an empty level.")
        if self._levels[0].startswith("$"):
            raise SourceRefused(f"RabbitMQ does not route topics that begin with $, as {self.text!r} does.")
        if len(self.pattern.encode()) > _FILTER_BYTES:
            raise SourceRefused(f"A filter has at most {_FILTER_BYTES} bytes.")
        if any(overlap(self.pattern, each) for each in BELOW_MACHINES):
            raise SourceRefused(
                f"The filter {self.text!r} can match topics below machines/, which have their own meaning: "
                "readings, results and others. Let its first level be a text other than machines."
            )


def _in_case(text: str, case: Case) -> str:
    return text.lower() if case == "lower" else text.upper() if case == "upper" else text


def check_overlaps(name: str, source: TopicSource, others: Mapping[str, Sequence[str]]) -> None:
    """Raise `SourceConflict` if a key can match this source's pattern and one of another source."""
    pattern = pattern_of(source)
    for other, patterns in others.items():
        if other != name and any(overlap(pattern, each) for each in patterns):
            raise SourceConflict(
                f"The filter {source.filter!r} and the source {other!r} can match the same topic. A reading "
                "must come in by one source. Change one of the filters so that a level tells them apart."
            )


def matches(pattern: str, key: str) -> bool:
    """Return whether a binding with this pattern routes a routing key. In a key, * and # are texts."""
    # A word that stands for itself in a pattern has no control characters.
    # The empty key has no words, and every other key has at least one.
    return overlap(pattern, key.translate(_AS_TEXT)) if key else set(pattern.split(".")) == {"#"}


def overlap(one: str, other: str) -> bool:
    """Return whether a routing key exists that both binding patterns match."""
    a, b = one.split("."), other.split(".")
    # `fits` has for each place in `b` whether the rest of `a` and the rest of `b` can match the same words.
    fits = [True] * (len(b) + 1)
    for place in range(len(b) - 1, -1, -1):
        fits[place] = b[place] == "#" and fits[place + 1]
    for word in reversed(a):
        after, fits = fits, [False] * (len(b) + 1)
        fits[len(b)] = word == "#" and after[len(b)]
        for place in range(len(b) - 1, -1, -1):
            if word == "#" or b[place] == "#":
                fits[place] = after[place] or fits[place + 1]
            else:
                fits[place] = after[place + 1] and (word == b[place] or "*" in (word, b[place]))
    return fits[0]
