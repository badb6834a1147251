"""The tables of the settings, from `pipeline.settings` and `pipeline.telemetry.otel_settings`."""

from collections.abc import Callable, Iterable
from typing import Literal, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from docs.reference.markdown import code, table
from pipeline.settings import limit_variable, setting_fields, variable
from pipeline.telemetry.otel_settings import trace_fields, trace_variable
from sandbox.limits import Limits, described


def settings() -> str:
    """Return every setting: its variable, default, allowed values and meaning."""
    return _table(setting_fields(), variable)


def traces() -> str:
    """Return every variable of the traces, in the same form."""
    return _table(trace_fields(), trace_variable)


def limit_rows() -> list[list[object]]:
    """Return the limits of the sandbox, as rows."""
    names = {field.name: limit_variable(field) for field in msgspec.structs.fields(Limits)}
    return [[code(names[each.name]), f"{each.default:,}", each.unit, each.reason] for each in described()]


def _table(fields: Iterable[FieldInfo], variable_of: Callable[[FieldInfo], str]) -> str:
    return table(
        "variable, default, allowed values | meaning",
        (
            [
                f"{code(variable_of(field))}<br>{code(_shown(field.default)) or 'empty'}; {_range(field)}",
                _help(field),
            ]
            for field in fields
        ),
    )


def _meta(field: FieldInfo) -> Meta:
    return next((each for each in get_args(field.type) if isinstance(each, Meta)), Meta())


def _help(field: FieldInfo) -> str:
    return _meta(field).description or ""


def _range(field: FieldInfo) -> str:
    meta = _meta(field)
    kind = get_args(field.type)[0] if get_args(field.type) else field.type
    if get_origin(kind) is Literal:
        return " or ".join(code(each) for each in get_args(kind))
    name = {str: "text", int: "integer", float: "number", bool: "true or false"}.get(kind, str(kind))
    bounds = [
        f"{word} {value:,}"
        for word, value in (
            ("above", meta.gt),
            ("from", meta.ge),
            ("below", meta.lt),
            ("to", meta.le),
        )
        if value is not None
    ]
    return " ".join([name, *bounds])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
