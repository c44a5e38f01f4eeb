"""Colours, lines and numbers: the same in each plot and table."""

import math

# Those of Okabe and Ito, which differ for the colour-blind too, as far as they show on both light
# and dark; maps with the same colour differ in marker and line.
KNOWN = {
    "dashmap": ("#d55e00", "o", "-"),
    "boost": ("#0072b2", "s", "--"),
    "boost-node": ("#56b4e9", "s", ":"),
    "boost-serial": ("#8a8a8a", "s", "-."),
    "gtl": ("#009e73", "^", "--"),
    "libcuckoo": ("#cc79a7", "v", "--"),
    "libcds": ("#b8860b", "P", ":"),
    "tbb": ("#e69f00", "D", "-."),
    "rust-dashmap": ("#7f5fc0", "X", "--"),
    "rust-dashmap-256": ("#7f5fc0", "*", ":"),
    "std-mutex": ("#8a8a8a", "<", ":"),
    "std-shared-mutex": ("#8a8a8a", ">", "--"),
}
OTHER = [("#56b4e9", "p", "--"), ("#009e73", "h", ":"), ("#cc79a7", "d", "-.")]

# What the page replaces by colours of its own scheme. In a file they are as they are.
INK = "#1a1b1c"
GRID = "#c0c1c2"
PAPER = "#fefdfc"

LOSS = (0xB3, 0x4A, 0x00)  # orange
EVEN = (0xF7, 0xF7, 0xF5)
GAIN = (0x05, 0x5A, 0x9C)  # blue
WIDEST = 3  # doublings at which a ratio's colour is full


def of_map(name):
    """(colour, marker, line)"""
    if name in KNOWN:
        return KNOWN[name]
    return OTHER[sum(name.encode()) % len(OTHER)]


def heat(ratio):
    """(background, text) for a ratio: the farther from 1, the stronger."""
    distance = max(-1.0, min(1.0, math.log2(max(ratio, 1e-9)) / WIDEST))
    end = GAIN if distance > 0 else LOSS
    share = abs(distance) ** 0.7
    mixed = [round(a + (b - a) * share) for a, b in zip(EVEN, end)]
    return "#%02x%02x%02x" % tuple(mixed), "#ffffff" if dark(mixed) else "#141414"


def dark(colour):
    """Whether white is the better ink on it."""
    def linear(part):
        part /= 255
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
    red, green, blue = (linear(part) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.18


def number(value):
    """Three digits that count, with commas."""
    if value is None:
        return "–"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1 or size == 0:
        return f"{value:.2f}"
    return f"{value:.3g}"


def ratio(value):
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}" if value < 10_000 else "> 10,000"


def short(count):
    """20000: 20 k"""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return str(count)
