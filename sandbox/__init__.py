"""What a logic may say and do: the policy, the compiler, the limits, and the confined child that runs it.

Knows nothing of queues, Redis or HTTP, and is usable on its own::

    from sandbox import Job, Limits, Logic, Sandbox

    with Sandbox(Limits()) as sandbox:
        checked = sandbox.check("def process(data, state): return {'twice': data['value'] * 2}")
        [report] = sandbox.run([Job(Logic.of(source), state=b"{}", readings=[b'{"value": 21}'])])
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.job import Job, Logic
    from sandbox.limits import Limits
    from sandbox.sandbox import Sandbox

__all__ = ["Job", "Limits", "Logic", "Sandbox"]

#: Where the names are. They are fetched when they are asked for: a child imports this package too, and
#: starts the faster for not having its parent's half.
_MODULES = {"Job": "job", "Limits": "limits", "Logic": "job", "Sandbox": "sandbox"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
