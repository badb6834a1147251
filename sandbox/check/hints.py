"""The hints of a refusal: they say what to write instead, in the words of a plant engineer."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from sandbox.allowed import EXCEPTIONS, MODULES, NAMES

_MODULES = ", ".join(sorted(MODULES)[:-1]) + f" and {max(MODULES)}"
#: Modules whose functions are often written as methods of the bytes.
_OF_BYTES = ("base64", "binascii", "struct")
_TIME = (
    "Take the time from meta['received'], or from the reading, such as data['timestamp'], so that a replay "
    "gives the same results."
)
ZONES = "Write ZoneInfo('Europe/Berlin'), and `from zoneinfo import ZoneInfo` in the first line."
_KEEP = "Keep it in state, such as state['count']. The next reading gets the same state."
_NO_OBJECTS = "Use a function and a dict."
_NO_FILES = "Files, network and processes are not available. Work with data and state."

NODES = {
    "ClassDef": ("`class` is not available", _NO_OBJECTS),
    "Global": ("`global` is not available", _KEEP),
    "With": ("`with` is not available", _NO_FILES),
    "AsyncWith": ("`async` is not available", "Write plain functions."),
    "AsyncFor": ("`async` is not available", "Write plain functions."),
    "AsyncFunctionDef": ("`async def` is not available", "Write a plain `def`."),
    "Await": ("`await` is not available", "Write plain functions."),
    "TryStar": ("`except*` is not available", "Use `except`, such as `except ValueError:`."),
    "TypeAlias": ("`type` statements are not available", "Omit it; types are not checked."),
    "MatMult": ("`@` is not available", "Multiply the items in a loop."),
}

ATTRIBUTES = {
    **dict.fromkeys(("now", "today", "utcnow"), _TIME),
    "utcfromtimestamp": "Write datetime.fromtimestamp(seconds, timezone.utc).",
    **dict.fromkeys(("gettz", "tzlocal", "from_file", "no_cache", "available_timezones"), ZONES),
    "localize": "Write moment.replace(tzinfo=ZoneInfo('Europe/Berlin')).",
    "normalize": "Omit it. Convert a moment with moment.astimezone(ZoneInfo('Europe/Berlin')).",
    **dict.fromkeys(("clear_cache", "reset_tzpath"), "Omit it: all time zones are loaded."),
    "format_map": "Use an f-string, such as f'{value:.1f}'.",
    "translate": "Use replace().",
    "expandtabs": "Use replace().",
    "has_key": "Write `key in data`.",
    "iteritems": "Write items().",
    "itervalues": "Write values().",
    "push": "Write append().",
    "length": "Write len(...).",
    "add_note": "Put it into the text of the error.",
    "week": "The result of isocalendar() is a tuple: write t.isocalendar()[1].",
    "maketrans": "Use replace().",
    "namedtuple": "Use a dict, or a plain tuple.",
    "OrderedDict": "Use a dict, which keeps the order of its keys.",
    "ChainMap": "Write {**defaults, **own}.",
    "tee": "Make a list, and use it twice.",
    "batched": "Write [items[i:i + n] for i in range(0, len(items), n)].",
    "partial": "Write a lambda.",
    **dict.fromkeys(("lru_cache", "cache"), "Keep values in state, or in a dict inside process."),
    **dict.fromkeys(("VERBOSE", "X"), "Write the pattern without blanks and comments."),
    **dict.fromkeys(("UNICODE", "U"), "Leave it out."),
    "template": "Use compile.",
    "cmp_to_key": "Write a key function, such as `key=lambda item: (item['a'], item['b'])`.",
    **dict.fromkeys(("pack_into", "Struct"), "Write struct.pack(format, …) or struct.unpack(format, data)."),
    "decompress": "Let the device send plain data.",
}

UNKNOWN = {
    **dict.fromkeys(("true", "True_"), "Write True."),
    "false": "Write False.",
    **dict.fromkeys(("null", "nil", "undefined", "none", "NULL"), "Write None."),
    "NaN": "Write None for a value that is missing; NaN is not JSON.",
    "print": "Return the values that you want to see. Each result is published.",
    **dict.fromkeys(
        ("open", "file", "input", "exec", "eval", "compile", "__import__", "exit", "quit"), _NO_FILES
    ),
    **dict.fromkeys(
        ("getattr", "setattr", "hasattr", "delattr", "vars", "dir"), "Use a dict and `key in data`."
    ),
    **dict.fromkeys(("globals", "locals"), "Use a dict of your own."),
    **dict.fromkeys(("object", "super", "property", "classmethod", "staticmethod"), _NO_OBJECTS),
    **dict.fromkeys(("hash", "id"), "Compare the values themselves."),
    **dict.fromkeys(
        ("bytearray", "memoryview"), "Append to a list of numbers, and write bytes(items) in the end."
    ),
    "frozenset": "Use set, or a sorted tuple as a key.",
    "complex": "Complex numbers are not available.",
    "unicode": "Write str.",
    "long": "Write int.",
    "xrange": "Write range.",
    "raw_input": _NO_FILES,
    "slice": "Write items[1:3], with variables for the start and the end if they change.",
    **dict.fromkeys(
        ("BaseException", "SystemExit", "KeyboardInterrupt", "GeneratorExit"),
        "Use Exception, or a more specific error.",
    ),
    **dict.fromkeys(
        ("OSError", "IOError", "FileNotFoundError", "ConnectionError", "TimeoutError", "EOFError"),
        "Logic has no files and no network, so this error cannot occur.",
    ),
    **dict.fromkeys(
        (
            *("ImportError", "ModuleNotFoundError", "NameError", "RecursionError", "MemoryError"),
            "FloatingPointError",
        ),
        "A logic cannot handle this error. Use Exception, or a more specific error.",
    ),
    "UnicodeError": "Use UnicodeDecodeError, UnicodeEncodeError or ValueError.",
    "issubclass": "Use isinstance.",
    "time": f"{_TIME} Use the module datetime to compute with it.",
    "random": "Random numbers are not available: a replay must give the same results.",
    **dict.fromkeys(("np", "numpy", "pd", "pandas"), "Use lists, and the module statistics."),
    **dict.fromkeys(("os", "sys", "subprocess", "socket", "requests", "pathlib"), _NO_FILES),
    "operator": "Write a lambda, such as `lambda item: item[1]`.",
    "copy": "Write dict(x) or list(x) for a copy, and json.loads(json.dumps(x)) for a deep one.",
    **dict.fromkeys(("hashlib", "hmac"), "Use binascii.crc32 to find damaged data."),
    **dict.fromkeys(("gzip", "bz2", "lzma"), "Let the device send plain data."),
    **dict.fromkeys(("array", "ctypes"), "Use the module struct, or a list of numbers."),
    "codecs": "Write data.decode('latin-1') or text.encode('utf-8').",
    **dict.fromkeys(
        ("uuid", "secrets"), "Random values are not available: a replay must give the same results."
    ),
    "cmath": "Complex numbers are not available.",
    **dict.fromkeys(("enum", "dataclasses"), _NO_OBJECTS),
    "logging": "Return the values that you want to see. Each result is published.",
    **dict.fromkeys(("decimal", "fractions"), "Use float and round()."),
    **dict.fromkeys(("pytz", "tz", "tzlocal", "tzdata", "gettz", "backports"), ZONES),
    "dateutil": f"{ZONES} For texts, write datetime.fromisoformat(text).",
    **dict.fromkeys(("arrow", "pendulum"), f"Use the module datetime. {ZONES}"),
}

#: Better names for variables that have the name of an offered function.
OTHER_NAMES = {
    "sum": "total",
    "max": "highest",
    "min": "lowest",
    "len": "length",
    "list": "items",
    "dict": "table",
    "set": "unique",
    "str": "text",
    "int": "number",
    "float": "number",
    "type": "kind",
    "filter": "filtered",
    "format": "layout",
    "range": "span",
    "next": "following",
    "iter": "iterator",
    "round": "rounded",
    "abs": "size",
    "map": "mapping",
    "config": "settings",
}

_SYNTAX = (
    ("Missing parentheses in call to 'print'", "print is not available. Return the values instead."),
    ("expected ':'", "if, else, for, while, def and try end with a colon."),
    ("Maybe you meant '=='", "Compare with ==, assign with =."),
    ("cannot assign to", "Put the name to assign to on the left of the =."),
    ("unexpected indent", "Start the lines of one block in the same column."),
    ("unindent does not match", "Start the lines of one block in the same column."),
    ("expected an indented block", "Indent the lines that belong to the line above by four spaces."),
    ("inconsistent use of tabs", "Indent with spaces only, or with tabs only."),
    ("was never closed", "Close the bracket that opens here."),
    ("unmatched", "Delete this bracket, or add the opening one."),
    ("does not match opening", "Close each bracket with one of the same kind, the innermost first."),
    ("unterminated string", "End the text with the quote that it begins with, on the same line."),
    ("unterminated triple-quoted", "End the text that begins here with the same three quotes."),
    ("unterminated f-string", "End the text with the quote that it begins with, on the same line."),
    ("leading zeros", "Write the number without leading zeros."),
    ("too many nested parentheses", "Split the expression into named parts."),
    ("too many statically nested blocks", "Move inner blocks into functions."),
    ("too many levels of indentation", "Move inner blocks into functions."),
    ("integer string conversion", "Write a shorter number, such as 1e300."),
    ("perhaps you forgot a comma", "Add the missing comma, operator or dot between the two values."),
    ("'return' outside function", "Move return into a function and indent it."),
    ("invalid character", "Type straight quotes (' or \"), a plain minus and plain brackets."),
    ("invalid non-printable character", "Delete it and type a space."),
    ("outside loop", "Move break or continue into a loop."),
)


#: What people write who know other languages.
_OTHER_LANGUAGES = (
    ("&&", "Write `and` instead of &&."),
    ("||", "Write `or` instead of ||."),
    ("else if", "Write `elif` instead of else if."),
    ("++", "Write `n += 1` instead of n++."),
    ("--", "Write `n -= 1` instead of n--."),
    ("===", "Compare with ==."),
    ("!", "Write `not` instead of !."),
    ("?", "Write `a if condition else b`."),
    ("//", "Begin a comment with #."),
    ("function ", "Write `def`."),
    ("var ", "Write `n = 1`, without var."),
    ("let ", "Write `n = 1`, without let."),
    ("const ", "Write `n = 1`, without const."),
)


def for_syntax(message: str, line: str = "") -> str:
    """Return the hint for a message of Python's parser about a line."""
    known = [(part in line, hint) for part, hint in _OTHER_LANGUAGES]
    if message != "invalid syntax" and "else if" not in line:
        known = [(part in message, hint) for part, hint in _SYNTAX]
    return next((hint for fits, hint in known if fits), "")


def for_unknown(name: str, bound: Iterable[str], members: Collection[str] = ()) -> str:
    """Return the hint for a name that is neither available nor set by the logic.

    `members` follow it after a dot.
    """
    if name in MODULES:
        if members and all(member in ATTRIBUTES for member in members):
            return ATTRIBUTES[min(members)]
        if name in MODULES[name] and members and not any(member in MODULES[name] for member in members):
            return f"Write `from {name} import {name}` in the first line."
        return f"Write `import {name}` in the first line."
    if name in UNKNOWN:
        return UNKNOWN[name]
    own = get_close_matches(name, names := list(bound), n=1, cutoff=0.75)
    module = next((module for module, members in MODULES.items() if name in members), None)
    if module is not None and not own and (len(name) > 1 or module == "math"):
        return f"Write `from {module} import {name}` in the first line."
    near = get_close_matches(name, [*NAMES, *EXCEPTIONS, *names], n=1, cutoff=0.75)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Give {name} a value first, or put it in quotes if it is a text."


def other_name(name: str) -> str:
    """Return another name for a variable that has the name of an offered function."""
    return OTHER_NAMES.get(name, f"{name}_1")


def for_import(module: str) -> str:
    """Return the hint for a module that is not available."""
    return UNKNOWN.get(module.partition(".")[0], "")


def for_attribute(name: str) -> str:
    """Return the hint for an attribute or method that no value has."""
    if name in ATTRIBUTES:
        return ATTRIBUTES[name]
    module = next((module for module in _OF_BYTES if name in MODULES[module]), None)
    if module is not None:
        return f"Write {module}.{name}(...), and `import {module}` in the first line."
    return f"To read an entry of a dict, write data['{name}'] or data.get('{name}')."


def modules() -> str:
    """Return the names of the available modules, joined for use in a sentence."""
    return _MODULES
