"""The runtime: all global names that a compiled logic can use, and nothing else.

One `Runtime` serves all programs of a process that have the same limits. A logic can only read its globals:
the compiled code has no instruction that writes a global (see `program.vet`). Two of them,
`config` and `meta`, belong to the machine and the reading: `Program.process` sets them before each reading.
"""

import itertools
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.allowed import EXCEPTIONS, MODULES, NAMES, VALUES
from sandbox.limits import Limits
from sandbox.runtime import binary, builtin, conversions, facades, guards, iterating, methods, operators
from sandbox.runtime.alarms import AlarmCalls
from sandbox.runtime.collected import Counter, DefaultDict, Deque
from sandbox.runtime.collecting import Collecting, collected_attributes
from sandbox.runtime.dots import dots
from sandbox.runtime.frozen import FrozenList
from sandbox.runtime.generators import generator_guards
from sandbox.runtime.matching import match_guards
from sandbox.runtime.meter import Meter
from sandbox.runtime.moments import Moments, moment_attributes
from sandbox.runtime.octets import Octets
from sandbox.runtime.regex import Regex, pattern_attributes
from sandbox.runtime.sets import Set
from sandbox.runtime.tables import Freezer, table_guards
from sandbox.runtime.takes import Takes
from sandbox.runtime.text_methods import text_methods
from sandbox.runtime.texts import Texts, named
from sandbox.runtime.timers import Timers
from sandbox.runtime.values import NO_CONFIG, NO_META
from sandbox.runtime.zones import zoneinfo_facade


def global_name(path: str) -> str:
    """Return the global name for a path in a facade, such as `math.sqrt`."""
    return "_f_" + path.replace(".", "_")


def facade_paths() -> frozenset[str]:
    """Return all paths in the facades that resolve to one object, such as `math.sqrt`."""
    return frozenset(f"{module}.{name}" for module, table in MODULES.items() for name in table)


class Runtime:
    """The meter, and the globals of all logics that run on it."""

    _made: Mapping[Limits, "Runtime"] = {}

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.meter = meter = Meter(limits)
        self.freezer = Freezer(meter)
        kinds: dict[object, type] = {}
        takes = Takes(meter)
        self.timers = timers = Timers(meter)
        self.alarms = alarms = AlarmCalls(meter)
        texts = Texts(meter, MappingProxyType(kinds))
        octets = Octets(meter, takes)
        converting = {**conversions.conversions(meter, takes, texts), "bytes": octets.make}
        real = (bool, int, float, str, bytes, list, tuple, Set, dict, range)
        kinds.update({converting[kind.__name__]: kind for kind in real})
        moments = Moments(meter, texts)
        moment_types = (date, datetime, time, timedelta, timezone)
        kinds.update({moments.types[kind.__name__]: kind for kind in moment_types})
        zoneinfo = zoneinfo_facade(meter)
        kinds[zoneinfo["ZoneInfo"]] = ZoneInfo
        collecting = Collecting(meter, takes, texts)
        collections = collecting.types()
        collected = {"Counter": Counter, "defaultdict": DefaultDict, "deque": Deque}
        kinds.update({collections[name]: kind for name, kind in collected.items()})
        kinds.update(conversions.types_without_name())
        types = conversions.types_of(meter, kinds)
        lists, tuples = methods.sequence_methods(meter, takes, texts)
        dicts = methods.dict_methods(meter, takes)
        by_type: dict[type, methods.Table] = {
            str: text_methods(meter, takes, texts),
            list: lists,
            tuple: tuples,
            dict: dicts,
            FrozenList: methods.frozen_methods(lists),
            MappingProxyType: methods.frozen_methods(dicts),
            Set: methods.set_methods(meter, takes),
            bytes: octets.methods(),
            **methods.number_methods(octets.of_number),
            **moments.methods(),
        }
        by_type.update(collecting.methods(dicts))
        regex = Regex(meter)
        by_type.update(regex.methods())
        guarded = operators.operator_guards(meter, takes, texts, MappingProxyType(kinds))
        lazy = iterating.itertools_facade(meter, takes, guarded["_add_"])
        from_iterable = lazy.pop("from_iterable")
        kinds[lazy["chain"]] = itertools.chain  # so that `chain` has the function `from_iterable`
        modules = {
            "math": facades.math_facade(meter, takes),
            "statistics": facades.statistics_facade(meter, takes),
            "json": facades.json_facade(meter, texts),
            "datetime": moments.types,
            "zoneinfo": zoneinfo,
            "collections": collections,
            "itertools": lazy,
            "functools": iterating.functools_facade(meter, takes),
            "bisect": iterating.bisect_facade(meter),
            "re": regex.functions(),
            "struct": binary.struct_facade(meter),
            "base64": binary.base64_facade(meter),
            "binascii": binary.binascii_facade(meter),
            "zlib": binary.zlib_facade(meter),
        }

        def from_keys(keys: Any, value: Any = None, /) -> dict[Any, Any]:
            return takes.entries(keys, value)

        on_types = {**moments.on_types, converting["dict"]: {"fromkeys": from_keys}}
        on_types.update({converting[name]: table for name, table in octets.on_types().items()})
        on_types[lazy["chain"]] = {"from_iterable": from_iterable}
        self.globals: dict[str, Any] = {
            "__builtins__": {},
            "__name__": "logic",
            "_meter_": meter,
            "config": NO_CONFIG,
            "meta": NO_META,
            **converting,
            **builtin.functions(meter, takes, texts, guarded["_add_"]),
            **timers.functions(),
            **alarms.functions(),
            **types,
            **match_guards(meter, types["isinstance"]),
            **conversions.ERRORS,
            **guards.flow_guards(meter, takes, texts),
            **guards.item_guards(meter, takes),
            **generator_guards(meter),
            **table_guards(self.freezer),
            **guarded,
            "_text_": meter.text,
            "_joined_": texts.joined,
            "_show_": texts.show,
            "_quote_": texts.quote,
            "_ascii_": texts.ascii,
            "_format_": texts.format,
            **dots(
                meter,
                MappingProxyType(by_type),
                MappingProxyType({**moment_attributes(), **collected_attributes(), **pattern_attributes()}),
                MappingProxyType(on_types),
                MappingProxyType(kinds),
            ),
            **{
                global_name(f"{module}.{name}"): value
                for module, members in modules.items()
                for name, value in members.items()
            },
        }
        for function, kind in kinds.items():
            named(kind.__name__, function)
        for table in (*modules.values(), *by_type.values(), *on_types.values()):
            for name, member in table.items():
                named(name, member)
        for name, value in self.globals.items():
            if name.startswith("_m_") or not name.startswith("_"):
                named(name.removeprefix("_m_"), value)
        self.texts = texts
        self.modules = modules
        self.by_type = by_type
        self.on_types = on_types
        assert set(NAMES) | set(VALUES) | set(EXCEPTIONS) <= set(self.globals)

    @classmethod
    def of(cls, limits: Limits) -> "Runtime":
        """Return the runtime of this process for these limits."""
        made = cls._made.get(limits)
        if made is None:
            made = cls(limits)
            cls._made = {**cls._made, limits: made}
        return made
