"""A figure beside its aim and what it is measured against: what every part of the bench yields."""

from typing import Protocol

from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """One line of the report.

    `value` in `unit`; an aim is a least or a greatest value, or there is none. `against` says what was
    measured beside it in the same run, with its own figure.
    """

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    against: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None

    @property
    def aim(self) -> str:
        """The aim in words, empty where there is none."""
        if self.at_least is not None:
            return f"at least {number(self.at_least)} {self.unit}".strip()
        if self.at_most is not None:
            return f"at most {number(self.at_most)} {self.unit}".strip()
        return ""

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing."""
        return {True: "met", False: "missed", None: ""}[self.met]

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return f"{number(self.value)} {self.unit}".strip()


class Part(Protocol):
    """What a part of the bench measured: a Struct that knows its lines of the report."""

    def figures(self) -> list[Figure]:
        """The lines of the report."""


def number(value: float) -> str:
    """A figure as people read it: three digits that count, and thousands apart."""
    if abs(value) >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def rate(value: float) -> str:
    """A rate, as `against` says it."""
    return f"{number(value)}/s"
