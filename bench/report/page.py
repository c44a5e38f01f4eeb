"""The page: one HTML file that holds all and fetches nothing."""

import json
import pathlib

import jinja2
import markupsafe

import data
import plots
import style

WORST = 40  # losses that are shown at once, the others when asked for
HERE = pathlib.Path(__file__).parent
THROUGHPUT = ("All threads together: the median of the rounds; the bar around it goes from the "
              "first to the third quartile. Higher is better.")
LATENCY = ("How long single operations take, with the clock's own time: so many of them are not "
           "slower than that. Both axes are logarithmic; lower is better. Each point is the median "
           "of the rounds; its quartiles are in the tables.")
MEMORY = "What the process takes for an entry of 16 bytes. Lower is better."
PAUSES = ("The longest single insert while a map grows, on a logarithmic axis. By the clock it has "
          "in it what the scheduler takes; by processor time it has not. The median of the rounds; "
          "the thin line goes from the first to the third quartile. Lower is better.")
# The markers of style.py around (21, 8).
MARKERS = {
    "o": "M16 8a5 5 0 1 0 10 0a5 5 0 1 0-10 0", "s": "M16 3h10v10h-10z", "^": "M21 3l6 10h-12z",
    "v": "M21 13l6-10h-12z", "<": "M15 8l10-6v12z", ">": "M27 8l-10-6v12z",
    "D": "M21 2l6 6-6 6-6-6z", "P": "M19 2h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
    "*": "M21 1l2 5h5l-4 3 2 6-5-4-5 4 2-6-4-3h5z",
    "X": "M17 2l4 3 4-3 3 3-4 3 4 3-3 3-4-3-4 3-3-3 4-3-4-3z",
}
DASHES = {"-": "", "--": "6 3", ":": "2 3", "-.": "6 3 2 3"}


def swatch(name):
    """A line of the legend."""
    colour, marker, line = style.of_map(name)
    width = 4 if name == data.REFERENCE else 2
    return markupsafe.Markup(
        f'<path d="M0 8H42" stroke="{colour}" stroke-width="{width}" '
        f'stroke-dasharray="{DASHES[line]}"/>'
        f'<path d="{MARKERS.get(marker, MARKERS["o"])}" fill="{colour}"/>')


def alternative(title, lines):
    """The plot in words: the first and last point of each map."""
    parts = []
    for name, points in lines.items():
        if "median" in points:
            told = style.number(points["median"])
        else:
            ends = sorted(points)
            ends = ends[:1] + ends[1:][-1:]
            told = ", ".join(f"{style.number(points[end]['median'])} at {end:g}" for end in ends)
        parts.append(f"{name} {told}")
    return f"{title}: " + "; ".join(parts) + ". All values are in the tables."


def figure(kind, place, title, below, draw, lines, unit):
    name = f"{kind}{place}"
    words = markupsafe.escape(alternative(f"{title}, {unit}", lines))
    svg = plots.panel(name, draw, lines, unit)
    svg = svg.replace("VIEW>", f'role="img" aria-labelledby="{name}-title">'
                               f'<title id="{name}-title">{words}</title>', 1)
    return {"kind": kind, "title": title, "below": below, "svg": markupsafe.Markup(svg)}


def figures(kind, draw, panels):
    """panels: [(title, line below, lines, unit)]"""
    return [figure(kind, place, title, below, draw, lines, unit)
            for place, (title, below, lines, unit) in enumerate(panels) if lines]


def plots_of(run):
    memory = [("Memory by size", setting, lines, unit)
              for setting, lines, unit in data.memory(run)]
    return [
        {"anchor": "throughput", "title": "Throughput", "about": THROUGHPUT,
         "figures": figures("throughput", plots.draw_throughput, data.throughput(run))},
        {"anchor": "latency", "title": "Latency", "about": LATENCY,
         "figures": figures("latency", plots.draw_latency, data.latency(run))},
        {"anchor": "pauses", "title": "Pause at growth", "about": PAUSES,
         "figures": figures("pause", plots.draw_pause, data.pauses(run))},
        {"anchor": "memory", "title": "Memory", "about": MEMORY,
         "figures": figures("memory", plots.draw_memory, memory)}]


def heat_rows(run, peers):
    tables = []
    for kind, results in data.heat_maps(run):
        rows = []
        for result in data.by_operation(results).values():
            by_map = {row.map: row for row in result.rows}
            rows.append((result, [by_map.get(name) for name in peers]))
        tables.append((kind, rows))
    return tables


def heat_style(ratio):
    paper, ink = style.heat(ratio)
    return f"background: {paper}; color: {ink}"


def sections_of(run, shown_plots):
    titles = [("conditions", "Conditions"), ("losses", "Where we lose")]
    if data.heat_maps(run):
        titles.append(("operations", "Single operations"))
    titles += [(plot["anchor"], plot["title"]) for plot in shown_plots if plot["figures"]]
    if run.instructions:
        titles.append(("instructions", "Instructions"))
    if run.compile_cost.get("maps"):
        titles.append(("compile", "Cost of compiling"))
    return titles + [("figures", "All figures")]


def render(run):
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True,
                                     undefined=jinja2.StrictUndefined)
    environment.filters.update(ratio=style.ratio, number=style.number, short=style.short,
                               exact=json.dumps)
    peers = [name for name in run.maps if name != data.REFERENCE]
    shown = plots_of(run)

    def losses(counted):
        return [pair for pair in run.losses(counted) if pair[1].map not in data.NOT_CONCURRENT]
    return environment.get_template("page.html").render(
        css=markupsafe.Markup((HERE / "page.css").read_text(encoding="utf-8")),
        maps=run.maps, peers=peers, swatches={name: swatch(name) for name in run.maps},
        sections=sections_of(run, shown), conditions=run.conditions(), absent=run.absent,
        failures=run.failures, losses=losses(True), uncounted_losses=losses(False), worst=WORST,
        tally=run.tally(), enough_rounds=data.ENOUGH_ROUNDS,
        reference_maps=[name for name in peers if name in data.NOT_CONCURRENT],
        heat_maps=heat_rows(run, peers), heat=heat_style, ratio=style.ratio, number=style.number,
        plots=shown, instructions=run.instructions, data_misses=run.data_misses,
        mispredictions=run.mispredictions, compile_cost=run.compile_cost,
        tables=data.grouped(run.results, lambda it: it.workload))
