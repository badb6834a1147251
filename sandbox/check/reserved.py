"""Which names belong to the sandbox: a logic may not use them for variables, functions or keywords.

A logic may begin a name with one underscore, and yet never name a guard. This is certain from the shapes:

- Every guard, and every name that the transformer makes, begins with an underscore and either also ends with
  one (`_meter_`, `_make_`, `_tmp0_`) or begins with `_m_` or `_f_` (`_m_get`, `_f_math_sqrt`).
- A name of a logic that begins with an underscore has neither of these shapes, and no second underscore at
  the beginning. The one exception is `_`, which no guard has.

So no parameter, variable or function of a logic can hide a guard. A test checks that all guards have their
shape, and the child checks the compiled code again: a local variable with the name of a guard is refused.
"""


def is_reserved(name: str) -> bool:
    """Return whether a logic may not use this name at all."""
    if name.endswith("__roles__"):
        return True
    if not name.startswith("_") or name == "_":
        return False
    return name.startswith(("__", "_m_", "_f_")) or name.endswith("_")
