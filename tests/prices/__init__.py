"""What each step of a logic costs, in microseconds of CPU for a unit of fuel, with the worst inputs found.

`operations` names every step that the allow list offers, `values` makes hostile inputs, `measure` runs one
input, and `search` looks for worse ones. `python -m tests.prices` searches for as long as wanted, and prints
the table.
"""
