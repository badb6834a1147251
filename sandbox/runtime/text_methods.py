"""The methods of texts, and those that bytes have too. Each pays for its work and bounds its result."""

from typing import Any, Final

from sandbox.allowed import METHODS
from sandbox.runtime.encodings import encoded
from sandbox.runtime.fills import Fill
from sandbox.runtime.meter import SIZED, Meter
from sandbox.runtime.methods import Table
from sandbox.runtime.takes import Takes
from sandbox.runtime.texts import Texts

#: The methods that read each character or byte once.
_READ_ONCE: Final = (
    *("capitalize", "casefold", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "islower"),
    *("isnumeric", "isspace", "istitle", "isupper", "lower", "removeprefix", "removesuffix", "swapcase"),
    *("title", "upper"),
)


def text_methods(meter: Meter, takes: Takes, texts: Texts) -> Table:
    """Return the methods of str."""

    def padded(method: Any) -> Any:
        def run(text: str, width: Any, *fill: Any) -> str:
            if type(width) is int:
                meter.text_of(max(width, 0))
            made: str = method(text, width, *fill)
            return meter.text(made)

        return run

    def fill(text: str, /, *arguments: Any, **keywords: Any) -> str:
        return Fill(texts, arguments, keywords).text(text)

    def encode(text: str, encoding: Any = "utf-8", errors: Any = "strict") -> bytes:
        return encoded(meter, text, encoding, errors)

    return {
        **common_methods(str, meter, takes),
        **{name: padded(getattr(str, name)) for name in ("center", "ljust", "rjust", "zfill")},
        "encode": encode,
        "format": fill,
    }


def common_methods(of: Any, meter: Meter, takes: Takes) -> Table:
    """Return the methods that both str and bytes have: those of `of`."""

    def plain(method: Any) -> Any:
        """Wrap a method that reads each character once, and makes at most a slightly longer text."""

        def run(text: Any, *arguments: Any) -> Any:
            size = len(text)
            for argument in arguments:
                size += len(argument) if type(argument) in SIZED else 0
            if size > 64:
                meter.spend(size >> 4)
            made = method(text, *arguments)
            return meter.text(made) if type(made) is of else made

        return run

    def searched(method: Any) -> Any:
        """Wrap a method that searches for a text."""

        def run(text: Any, *arguments: Any) -> Any:
            if arguments and type(arguments[0]) is of:
                meter.search(len(text), len(arguments[0]))
            elif arguments and of is bytes:  # a number, which is a byte
                meter.search(len(text), 1)
            return method(text, *arguments)

        return run

    def ended(method: Any) -> Any:
        """Wrap a method that compares one end with one or several texts."""

        def run(text: Any, wanted: Any, *bounds: Any) -> Any:
            if type(wanted) is tuple:
                meter.spend(len(wanted) >> 2)
                meter.spend(sum(1 + (len(each) >> 5) for each in wanted if type(each) is of))
            elif type(wanted) is of and len(wanted) > 256:
                meter.spend(len(wanted) >> 5)
            return method(text, wanted, *bounds)

        return run

    def crossed(method: Any) -> Any:
        """Wrap a method that may read each character as many times as its argument has characters."""

        def run(text: Any, *arguments: Any) -> Any:
            if arguments and type(arguments[0]) is of:
                meter.spend((len(text) * len(arguments[0])) >> 6)
            return plained(text, *arguments)

        plained = plain(method)
        return run

    def join(text: Any, items: Any, /) -> Any:
        items = takes.take(items)
        try:
            size = sum(map(len, items)) + len(text) * len(items)
        except TypeError:
            size = 0  # join itself raises the error
        meter.text_of(size)
        return text.join(items)

    def replace(text: Any, old: Any, new: Any, count: Any = -1, /) -> Any:
        meter.search(len(text), len(old) if type(old) is of else 0)
        if type(old) is of and type(new) is of and len(new) > len(old):
            found = text.count(old)
            found = min(found, count) if type(count) is int and count >= 0 else found
            meter.text_of(len(text) + found * (len(new) - len(old)))
        return meter.text(text.replace(old, new, count))

    def parts(method: Any) -> Any:
        def run(text: Any, sep: Any = None, maxsplit: Any = -1) -> list[Any]:
            if type(sep) is of:
                meter.search(len(text), len(sep))
                meter.spend((len(text) >> 3) + ((len(text) * len(sep)) >> 8 if method is of.rsplit else 0))
                if sep:
                    meter.items(text.count(sep) + 1 if maxsplit == -1 else 0)
            else:
                meter.spend(len(text) >> 2)
            made: list[Any] = method(text, sep, maxsplit)
            meter.items(len(made))
            return made

        return run

    def lines(text: Any, keepends: Any = False) -> list[Any]:
        meter.spend(len(text) >> 2)
        made: list[Any] = text.splitlines(keepends)
        meter.items(len(made))
        return made

    offered = METHODS[of.__name__]
    return {
        **{name: plain(getattr(of, name)) for name in _READ_ONCE if name in offered},
        **{name: searched(getattr(of, name)) for name in ("count", "find", "index", "partition")},
        **{name: ended(getattr(of, name)) for name in ("endswith", "startswith")},
        **{
            name: crossed(getattr(of, name))
            for name in ("lstrip", "rstrip", "strip", "rfind", "rindex", "rpartition")
        },
        "join": join,
        "replace": replace,
        "rsplit": parts(of.rsplit),
        "split": parts(of.split),
        "splitlines": lines,
    }
