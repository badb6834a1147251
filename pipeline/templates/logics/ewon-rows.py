"""Rows of an Ewon

Reads a historical export of an Ewon gateway ($dtHT, $ftT: text with semicolons) and returns a
result for each new row.
"""

# If tag names have letters such as "ä" and the Ewon does not send UTF-8, set the format to binary, and begin
# `process` with `data = data.decode("latin-1")`.


def value_of(text):
    """Return a cell: a number, a text in quotes, or None if it is empty."""
    text = text.strip()
    if text.startswith('"'):
        return text.strip('"')
    return float(text) if text else None


def process(data, state):
    lines = data.strip().splitlines()
    names = [name.strip().strip('"') for name in lines[0].split(";")] if lines else []
    if "TimeInt" not in names:
        raise ValueError("the first line must have the names of the columns, one of them TimeInt")
    before = last = state.get("last", 0)
    results = []
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split(";")
        if len(cells) != len(names):
            raise ValueError(f"line {number} has {len(cells)} cells instead of {len(names)}")
        row = {name: value_of(cell) for name, cell in zip(names, cells)}
        time = row.pop("TimeInt")
        if not isinstance(time, float):
            raise ValueError(f"line {number} has no TimeInt")
        row.pop("TimeStr", None)
        # Two exports may overlap. Each row counts once, in whatever order the rows of an export are.
        if time > before:
            results.append({"time": int(time), **row})
            last = max(last, time)
    state["last"] = last
    # A reading may have at most 100 results. Let the Ewon send shorter exports, or return
    # `{"rows": results}`, which is one result.
    return results
