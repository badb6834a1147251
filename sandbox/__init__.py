"""What a logic may say and do: the policy, the compiler, the limits, and the confined child that runs it.

Knows nothing of queues, Redis or HTTP, and is usable on its own::

    from sandbox import Job, Limits, Logic, Sandbox

    with Sandbox(Limits()) as sandbox:
        source = "def process(data, state): return {'twice': data['value'] * 2}"
        checked = sandbox.check(source)
        [report] = sandbox.run([Job(Logic.of(source), state=b"{}", readings=[b'{"value": 21}'])])

Where to look, in the order in which a reading meets them:

- what goes in and out: `job`, `limits`, `errors`
- `parent`: the `sandbox` takes a `batch` through its `children`, each a `process` (`spawn`, `deadline`), and
  believes nothing unchecked that one says (`answers`)
- `protocol`: the `frames` between parent and child, the child's `progress`, and the system calls that it may
  make (`seccomp`)
- `child`: the `child` confines itself (`confinement`); its `runner` takes each reading through a `program`,
  under a `watch`
- `check`, at upload, in a child too: the `compiler` reads a `source`, has the `policy` judge it (`scope`,
  `findings`, `naming`, `wording`, `hints`), and rewrites it (`transformer`, `expressions`, `costs`)
- `runtime`, what a logic finds: the list is in `allowed`; each use is counted by the `meter`, in the `guards`
  (`operators`, `dots`, `takes`), the functions (`builtin`, `conversions`, `sorting`), the `methods`
  (`text_methods`, `texts`) and the modules (`facades`, `moments`); `values` are JSON in and JSON out
- `reference` makes the docs page of it
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.job import Job, Logic
    from sandbox.limits import Limits
    from sandbox.parent.sandbox import Sandbox

__all__ = ["Job", "Limits", "Logic", "Sandbox"]

#: Where the names are. They are fetched when they are asked for: a child imports this package too, and
#: starts the faster for not having its parent's half.
_MODULES = {"Job": "job", "Limits": "limits", "Logic": "job", "Sandbox": "parent.sandbox"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
