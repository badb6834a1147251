"""The guard behind `match`: whether a value fits a pattern, and the parts that the pattern names.

Strategy. The compiler describes each pattern as a tuple: its kind, then its parts (see `check.patterns`). The
exact type of a value decides which patterns it fits: a list, tuple or range is a sequence, a dict or `config`
is a mapping, and nothing else is either. All parts of a pattern pay before they are compared, and a copy for
a star pays before it is made.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from sandbox.runtime.collected import Deque
from sandbox.runtime.frozen import SEQUENCES
from sandbox.runtime.meter import DICTS, Meter, room_of
from sandbox.runtime.takes import Guards

_SEQUENCES: Final = SEQUENCES | {range, Deque}


def match_guards(meter: Meter, is_instance: Callable[[Any, Any], bool]) -> Guards:
    """Return the guard of `match`."""

    def match(subject: Any, spec: Any, weight: int, slots: int, *given: Any) -> list[Any] | None:
        """Return the parts that the pattern names if the value fits, else None.

        `given` has the values in the pattern that are not literals, such as `math.pi`.
        """
        meter.spend(weight + 1)
        found = [None] * slots
        return found if fits[spec[0]](subject, spec, found, given) else None

    def fits_equal(value: Any, spec: Any, _found: Any, _given: Any) -> bool:
        return bool(value == spec[1])

    def fits_given(value: Any, spec: Any, _found: Any, given: Any) -> bool:
        return bool(value == given[spec[1]])

    def fits_is(value: Any, spec: Any, _found: Any, _given: Any) -> bool:
        return value is spec[1]

    def fits_any(value: Any, spec: Any, found: Any, _given: Any) -> bool:
        if spec[1] is not None:
            found[spec[1]] = value
        return True

    def fits_as(value: Any, spec: Any, found: Any, given: Any) -> bool:
        _, part, slot = spec
        if not fits[part[0]](value, part, found, given):
            return False
        found[slot] = value
        return True

    def fits_or(value: Any, spec: Any, found: Any, given: Any) -> bool:
        return any(fits[part[0]](value, part, found, given) for part in spec[1])

    def fits_sequence(value: Any, spec: Any, found: Any, given: Any) -> bool:
        parts = spec[1]
        if type(value) not in _SEQUENCES or len(value) != len(parts):
            return False
        return all(fits[part[0]](item, part, found, given) for item, part in zip(value, parts, strict=True))

    def fits_star(value: Any, spec: Any, found: Any, given: Any) -> bool:
        _, before, slot, after = spec
        if type(value) not in _SEQUENCES or len(value) < len(before) + len(after):
            return False
        end = len(value) - len(after)
        for place, part in (*enumerate(before), *enumerate(after, end)):
            if not fits[part[0]](value[place], part, found, given):
                return False
        if slot is not None:
            meter.items(end - len(before))
            meter.spend((len(value) if type(value) is Deque else end - len(before)) >> 3)
            found[slot] = list(
                islice(value, len(before), end) if type(value) is Deque else value[len(before) : end]
            )
        return True

    def fits_mapping(value: Any, spec: Any, found: Any, given: Any) -> bool:
        _, entries, slot = spec
        if type(value) not in DICTS:
            return False
        keys = []
        for key, _ in entries:
            wanted = key[1] if key[0] == "equal" else given[key[1]]
            keys.append(meter.key(wanted, room_of(value)))
            if keys[-1] not in value:
                return False
        for key, (_, part) in zip(keys, entries, strict=True):
            if not fits[part[0]](value[key], part, found, given):
                return False
        if slot is not None:
            meter.entries(value)
            rest = dict(value)
            for key in keys:
                del rest[key]
            found[slot] = rest
        return True

    def fits_type(value: Any, spec: Any, found: Any, given: Any) -> bool:
        _, kind, part = spec
        return is_instance(value, given[kind]) and (part is None or fits[part[0]](value, part, found, given))

    fits: Final[dict[str, Callable[[Any, Any, Any, Any], bool]]] = {
        "equal": fits_equal,
        "given": fits_given,
        "is": fits_is,
        "any": fits_any,
        "as": fits_as,
        "or": fits_or,
        "sequence": fits_sequence,
        "star": fits_star,
        "mapping": fits_mapping,
        "type": fits_type,
    }
    return {"_match_": match}
