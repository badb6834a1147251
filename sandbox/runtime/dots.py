"""The guards behind every dot in a logic: `x.name` and `x.name(...)`.

Strategy. The compiler turns `x.name(...)` into one call of the guard for that name, which checks the exact
type of `x`. Python's own attribute lookup is never used, so a name that is not in the tables does not exist.
"""

from collections.abc import Callable, Mapping
from inspect import unwrap
from types import FunctionType
from typing import Any, Final

from sandbox.allowed import METHODS
from sandbox.job import FILENAME
from sandbox.runtime.frozen import PLAIN
from sandbox.runtime.meter import DICTS, LONG_KEY, Meter
from sandbox.runtime.methods import Table
from sandbox.runtime.takes import Guards
from sandbox.runtime.texts import Method, named

#: What to write instead of a method that a value does not have, by the name of its type and the method.
_INSTEAD: Final = {
    ("bytes", "encode"): "they are bytes already",
    ("int", "decode"): "an item of bytes is a number; write chr(n), or data[0:1].decode()",
    ("int", "hex"): "write hex(n) or f'{n:04x}'",
    **{
        ("NoneType", name): "a pattern that does not match gives None, so write `if match:` first"
        for name in METHODS["Match"]
    },
    **{("ZoneInfo", name): f"write moment.{name}()" for name in ("dst", "tzname", "utcoffset")},
    ("list", "decode"): "write bytes(items).decode()",
    ("list", "hex"): "write bytes(items).hex()",
    ("str", "decode"): "it is a text already",
    ("str", "hex"): "write text.encode().hex()",
    ("str", "to_bytes"): "write bytes.fromhex(text) or text.encode()",
}
#: The same for methods on types.
_ON_TYPES: Final = {
    "from_bytes": "write int.from_bytes(data, 'big') or int.from_bytes(data, 'little')",
    "fromhex": "write bytes.fromhex(text)",
}


def dots(
    meter: Meter,
    methods: Mapping[type, Table],
    attributes: Mapping[type, Mapping[str, Callable[[Any], Any]]],
    on_types: Mapping[object, Mapping[str, Any]],
    kinds: Mapping[object, type],
) -> Guards:
    """Return the guards behind every dot: `_getattr_` for values, `_m_<name>` for calls of a method.

    `methods` and `attributes` are tables by the exact type of the value. `on_types` has the functions of an
    available type itself (`dict.fromkeys`), in addition to its methods (`str.lower`). Each dot pays a tick.
    """

    def missing(value: Any, name: str) -> AttributeError:
        kind = kinds.get(value) if callable(value) else None
        of = f"type {kind.__name__}" if kind else type(value).__name__
        instead = _INSTEAD.get((of, name)) or _ON_TYPES.get(name)
        if type(value) in DICTS:
            instead = f"to read an entry, write data[{name!r}] or data.get({name!r})"
        return AttributeError(
            f"{of} has no {name!r}{f'; {instead}' if instead else ', or it is not available'}"
        )

    def of_type(value: Any, name: str) -> Any:
        """Return an attribute of a type: a function of its own, or a method that takes the value first."""
        table = on_types.get(value)
        if table is not None and name in table:
            return table[name]
        kind = kinds.get(value)
        if kind is not None and name in methods.get(kind, {}):

            def unbound(first: Any, /, *arguments: Any, **keywords: Any) -> Any:
                of = type(first)
                if PLAIN.get(of, of) is not kind:
                    raise TypeError(f"{name!r} needs a {kind.__name__}, not a {of.__name__}")
                return methods[of][name](first, *arguments, **keywords)

            named(name, unbound)
            return unbound
        raise missing(value, name)

    def get(value: Any, name: str) -> Any:
        meter.fuel -= 1
        kind = type(value)
        table = methods.get(kind)
        if table is not None and name in table:
            return Method(table[name], value)
        values = attributes.get(kind)
        if values is not None and name in values:
            return values[name](value)
        if isinstance(value, Exception) and name == "args":
            return value.args
        if name == "__name__":
            return name_of(value)
        if callable(value) and value in kinds:
            return of_type(value, name)
        raise missing(value, name)

    def name_of(value: Any) -> str:
        """Return the `__name__` of a type or of a function of the logic; no other function has one."""
        if callable(value) and value in kinds:
            return kinds[value].__name__
        own = type(value) is FunctionType and unwrap(value).__code__.co_filename == FILENAME
        if own or (isinstance(value, type) and issubclass(value, Exception)):
            return value.__name__  # type: ignore[no-any-return]
        raise missing(value, "__name__")

    def call(name: str) -> Callable[..., Any]:
        takers = {kind: table[name] for kind, table in methods.items() if name in table}
        if len(takers) == 1:
            [(only, method)] = takers.items()

            def run_one(value: Any, /, *arguments: Any, **keywords: Any) -> Any:
                if type(value) is only:
                    meter.fuel -= 1
                    return method(value, *arguments, **keywords)
                return get(value, name)(*arguments, **keywords)

            return run_one

        def run(value: Any, /, *arguments: Any, **keywords: Any) -> Any:
            taker = takers.get(type(value))
            if taker is not None:
                meter.fuel -= 1
                return taker(value, *arguments, **keywords)
            return get(value, name)(*arguments, **keywords)

        return run

    names = {
        name for table in (*methods.values(), *attributes.values(), *on_types.values()) for name in table
    }
    guards: Guards = {f"_m_{name}": call(name) for name in sorted(names | {"args", "__name__"})}
    guards["_getattr_"] = get

    get_entry, append_item = methods[dict]["get"], methods[list]["append"]

    # Every logic calls these two, so they avoid the detour over *arguments.
    def get_of_dict(value: Any, key: Any, default: Any = None, /, *more: Any) -> Any:
        if type(value) is dict and not more:
            if type(key) is str and len(key) <= LONG_KEY:
                return value.get(key, default)
            return get_entry(value, key, default)
        return get(value, "get")(key, default, *more)

    def append_to_list(value: Any, item: Any, /, *more: Any) -> None:
        if type(value) is list and not more:
            append_item(value, item)
        else:
            get(value, "append")(item, *more)

    guards["_m_get"] = get_of_dict
    guards["_m_append"] = append_to_list
    return guards
