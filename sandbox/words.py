"""Words that come from where they may be hostile, made fit for a log line, a header or a page."""


def cleaned(text: str, most: int) -> str:
    """The text on one line, without what a terminal, a log or a browser would act on, in `most` characters.

    Characters that are not printable (control characters, marks that turn the direction of writing, lone
    surrogates, private ones) become a question mark, runs of white space one space.
    """
    line = " ".join(text[: 4 * most].split())
    shown = line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
