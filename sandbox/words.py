"""Cleans texts from untrusted sources for a log line, a header or a page."""


def cleaned(text: str, most: int) -> str:
    """Return the text on one line of at most `most` characters, without any control characters.

    Characters that are not printable, which a terminal, a log or a browser could act on (control characters,
    marks that change the direction of writing, lone surrogates, private ones), become a question mark. Runs
    of white space become one space.
    """
    line = " ".join(text[: 4 * most].split())
    shown = line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
