"""A figure with its aim and the figure it is compared with: the result of every part of the bench."""

from typing import Protocol

from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """One line of the report.

    `value` is in `unit`. The aim is a minimum or a maximum, or there is none. `against` describes the
    comparison from the same run, with its own figure.
    """

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    against: str = ""

    @property
    def met(self) -> bool | None:
        """Return whether the aim is met; None if there is no aim."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None

    @property
    def aim(self) -> str:
        """The aim in words, empty if there is none."""
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
    """The measurements of a part of the bench: a Struct that returns its lines of the report."""

    def figures(self) -> list[Figure]:
        """Return the lines of the report."""


def number(value: float) -> str:
    """Format a figure for people: three significant digits, and separated thousands."""
    if abs(value) >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def rate(value: float) -> str:
    """Format a rate for `against`."""
    return f"{number(value)}/s"
