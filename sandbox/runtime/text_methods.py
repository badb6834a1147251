"""The methods of texts. Each pays for its work and keeps its result within the limits."""

from typing import Any

from sandbox.runtime.fills import Fill
from sandbox.runtime.meter import SIZED, Meter
from sandbox.runtime.methods import Table
from sandbox.runtime.takes import Takes
from sandbox.runtime.texts import Texts


def text_methods(meter: Meter, takes: Takes, texts: Texts) -> Table:
    """Return the methods of str."""

    def plain(method: Any) -> Any:
        """Wrap a method that reads each character once, and makes at most a slightly longer text."""

        def run(text: str, *arguments: Any) -> Any:
            size = len(text)
            for argument in arguments:
                size += len(argument) if type(argument) in SIZED else 0
            if size > 64:
                meter.spend(size >> 4)
            made = method(text, *arguments)
            return meter.text(made) if type(made) is str else made

        return run

    def searched(method: Any) -> Any:
        """Wrap a method that searches for a text."""

        def run(text: str, *arguments: Any) -> Any:
            if arguments and type(arguments[0]) is str:
                meter.search(len(text), len(arguments[0]))
            return method(text, *arguments)

        return run

    def ended(method: Any) -> Any:
        """Wrap a method that compares one end with one or several texts."""

        def run(text: str, wanted: Any, *bounds: Any) -> Any:
            if type(wanted) is tuple:
                meter.spend(len(wanted) >> 2)
                meter.spend(sum(1 + (len(each) >> 5) for each in wanted if type(each) is str))
            elif type(wanted) is str and len(wanted) > 256:
                meter.spend(len(wanted) >> 5)
            return method(text, wanted, *bounds)

        return run

    def crossed(method: Any) -> Any:
        """Wrap a method that may read each character as many times as its argument has characters."""

        def run(text: str, *arguments: Any) -> Any:
            if arguments and type(arguments[0]) is str:
                meter.spend((len(text) * len(arguments[0])) >> 6)
            return plained(text, *arguments)

        plained = plain(method)
        return run

    def padded(method: Any) -> Any:
        def run(text: str, width: Any, *fill: Any) -> str:
            if type(width) is int:
                meter.text_of(max(width, 0))
            return meter.text(method(text, width, *fill))

        return run

    def join(text: str, items: Any, /) -> str:
        items = takes.take(items)
        try:
            size = sum(map(len, items)) + len(text) * len(items)
        except TypeError:
            size = 0  # join itself raises the error
        meter.text_of(size)
        return text.join(items)

    def replace(text: str, old: Any, new: Any, count: Any = -1, /) -> str:
        meter.search(len(text), len(old) if type(old) is str else 0)
        if type(old) is str and type(new) is str and len(new) > len(old):
            found = text.count(old)
            found = min(found, count) if type(count) is int and count >= 0 else found
            meter.text_of(len(text) + found * (len(new) - len(old)))
        return meter.text(text.replace(old, new, count))

    def parts(method: Any) -> Any:
        def run(text: str, sep: Any = None, maxsplit: Any = -1) -> list[str]:
            if type(sep) is str:
                meter.search(len(text), len(sep))
                meter.spend((len(text) >> 3) + ((len(text) * len(sep)) >> 8 if method is str.rsplit else 0))
                if sep:
                    meter.items(text.count(sep) + 1 if maxsplit == -1 else 0)
            else:
                meter.spend(len(text) >> 2)
            made: list[str] = method(text, sep, maxsplit)
            meter.items(len(made))
            return made

        return run

    def lines(text: str, keepends: Any = False) -> list[str]:
        meter.spend(len(text) >> 2)
        made = text.splitlines(keepends)
        meter.items(len(made))
        return made

    def fill(text: str, /, *arguments: Any, **keywords: Any) -> str:
        return Fill(texts, arguments, keywords).text(text)

    return {
        **{
            name: plain(getattr(str, name))
            for name in (
                *("capitalize", "casefold", "isalnum", "isalpha"),
                *("isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper"),
                *("lower", "removeprefix", "removesuffix", "swapcase", "title"),
                "upper",
            )
        },
        **{name: searched(getattr(str, name)) for name in ("count", "find", "index", "partition")},
        **{name: ended(getattr(str, name)) for name in ("endswith", "startswith")},
        **{
            name: crossed(getattr(str, name))
            for name in ("lstrip", "rstrip", "strip", "rfind", "rindex", "rpartition")
        },
        **{name: padded(getattr(str, name)) for name in ("center", "ljust", "rjust", "zfill")},
        "format": fill,
        "join": join,
        "replace": replace,
        "rsplit": parts(str.rsplit),
        "split": parts(str.split),
        "splitlines": lines,
    }
