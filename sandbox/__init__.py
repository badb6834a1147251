"""The sandbox for logic: the policy, the compiler, the limits, and the confined child process that runs it.

The package does not depend on queues, Redis or HTTP, and works on its own::

    from sandbox import Job, Limits, Logic, Sandbox

    with Sandbox(Limits()) as sandbox:
        source = "def process(data, state): return {'twice': data['value'] * 2}"
        checked = sandbox.check(source)
        [report] = sandbox.run([Job(Logic.of(source), state=b"{}", readings=[b'{"value": 21}'])])

The modules, in the order in which a reading passes them:

- input and output: `job`, `limits`, `errors`
- `parent`: the `sandbox` runs a `batch` in its `children`, each of them a `process` (`spawn`, `deadline`),
  and checks everything that a child answers (`answers`)
- `protocol`: the `frames` between parent and child, the child's `progress`, and its allowed system calls
  (`seccomp`)
- `child`: the `child` confines itself (`confinement`); its `runner` runs a `program` on each reading, under a
  `watch`
- `check`, at upload, also in a child: the `compiler` reads a `source`, checks it with the `policy` (`scope`,
  `findings`, `naming`, `matches`, `generators`, `wording`, `hints`), and rewrites it (`transformer`,
  `patterns`, `expressions`, `costs`)
- `runtime`: the names that a logic can use, listed in `allowed`. The `meter` counts each use, in the `guards`
  (`operators`, `dots`, `matching`, `generators`, `takes`), the functions (`builtin`, `conversions`,
  `sorting`), the `methods` (`text_methods`, `texts`, `fills`), bytes (`octets`, `encodings`) and the modules
  (`facades`, `moments`, `binary`, `collecting` with the types of `collected`, `iterating`, `regex`).
  Its `sets` have an order, its `views` are compared at a price, and the lists and dicts of `config` and of
  `tables` are `frozen`. `values` decodes and encodes JSON, and `not_json` says why a reading is none
- `reference` makes the docs page about it
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.job import Job, Logic
    from sandbox.limits import Limits
    from sandbox.parent.sandbox import Sandbox

__all__ = ["Job", "Limits", "Logic", "Sandbox"]

#: The module of each name. A module is imported when its name is first used: a child imports this package
#: too, and starts faster without the parent's modules.
_MODULES = {"Job": "job", "Limits": "limits", "Logic": "job", "Sandbox": "parent.sandbox"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
