"""The guards of a logic's generators: `yield` and `yield from`.

Strategy. Each resume pays one tick, at each level of a chain of generators. C code frees a chain of suspended
generators by recursion, without a check of its stack, so the number of generators in one reading is limited.
A generator cannot survive a reading: the state cannot hold one, and no code of it runs when it is freed,
because the policy refuses `yield` in a `try` with `finally`.
"""

from collections.abc import Callable, Generator, Iterator
from functools import wraps
from typing import Any

from sandbox.runtime.meter import Meter
from sandbox.runtime.takes import Guards


def generator_guards(meter: Meter) -> Guards:
    """Return the guards of generators."""
    spend = meter.spend

    def generating(function: Callable[..., Any]) -> Callable[..., Any]:
        """Count the generators that a function of a logic makes."""

        @wraps(function)
        def make(*arguments: Any, **keywords: Any) -> Any:
            meter.generator()
            return function(*arguments, **keywords)

        return make

    def resumed(sent: None) -> None:
        """Pay for a resume. `yield` always returns None, because a logic has no `send`."""
        spend(1)
        return sent

    def passing(items: Any) -> Iterator[Any]:
        """Guard the source of `yield from`, which else would pass all items on in C."""
        meter.generator()
        return passed(iter(items))

    def passed(items: Iterator[Any]) -> Generator[Any, None, Any]:
        while True:
            try:
                item = next(items)
            except StopIteration as end:
                return end.value
            spend(1)
            yield item

    return {"_generating_": generating, "_resumed_": resumed, "_passing_": passing}
