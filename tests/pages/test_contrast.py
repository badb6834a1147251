"""The colours of the pages: enough contrast, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

import pytest

from tests.pages.browser import ROOT

TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);",
        (ROOT / "web" / "pages" / "src" / "style" / "tokens.css").read_text(),
    )
}

GROUNDS = ("paper", "shade")
STATES = ("good", "warn", "bad", "calm")
TEXTS = ("ink", "soft", "link", *STATES, *(name for name in TOKENS if name.startswith("code-")))
LINES = ("edge", "accent", "focus", *(name for name in TOKENS if name.startswith("series-")))

#: Pairs of a foreground and a background, with the minimum contrast.
PAIRS = [
    *((text, ground, 4.5) for text in TEXTS for ground in GROUNDS),
    *(("ink", f"{state}-tint", 4.5) for state in STATES),
    *((state, f"{state}-tint", 4.5) for state in STATES),
    ("on-accent", "accent", 4.5),
    *((line, ground, 3.0) for line in LINES for ground in GROUNDS),
]


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2, its definition)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    lesser, greater = sorted((luminance(one), luminance(other)))
    return (greater + 0.05) / (lesser + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_pair_of_colours_has_enough_contrast(scheme: int) -> None:
    assert len(TOKENS) > 25
    low = {
        f"{front} on {ground}": round(contrast(TOKENS[front][scheme], TOKENS[ground][scheme]), 2)
        for front, ground, least in PAIRS
        if contrast(TOKENS[front][scheme], TOKENS[ground][scheme]) < least
    }

    assert low == {}


def test_too_little_contrast_is_noticed() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") < 4.5
