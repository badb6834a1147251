"""Read-only lists and dicts: the values of `config`, of `meta` and of tables.

Strategy. A read-only value behaves as the plain one: it is equal to it, looks like it and leaves as it. Only
what would change it is refused. The guards go by the exact type of a value, so they know a `FrozenList` from
a list; C code reads it as the list that it is. A logic cannot reach the methods of `list` that would change
it, and items are set and deleted by its own. The type has the name of a list, because Python's messages show
that name.
"""

from types import MappingProxyType
from typing import Any, Final, NoReturn

#: The message for a logic that tries to change `config`, `meta`, a table, or a list or dict in one of them.
READ_ONLY: Final = "config, meta and tables are read-only; list(...) or dict(...) makes a copy"


class FrozenList(list[Any]):
    """A list that no logic can change."""

    __slots__ = ()

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(READ_ONLY)

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse


FrozenList.__name__ = FrozenList.__qualname__ = "list"

#: The read-only types, with the type that a logic takes each for.
PLAIN: Final[dict[type, type]] = {MappingProxyType: dict, FrozenList: list}
#: Types with items in an order, which leave as a list.
SEQUENCES: Final = frozenset((list, tuple, FrozenList))


def frozen(value: Any) -> Any:
    """Return a read-only copy of a value of JSON."""
    if type(value) is dict:
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    return FrozenList([frozen(item) for item in value]) if type(value) is list else value
