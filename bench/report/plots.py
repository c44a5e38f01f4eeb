"""The plots: each panel is drawn alone for the page, and all of a kind together for a file."""

import io
import math
import re

import matplotlib

matplotlib.use("Agg")
# pylint: disable=wrong-import-position
from matplotlib import pyplot  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: E402

import data  # noqa: E402
import style  # noqa: E402

PANEL = (3.8, 3.3)  # inches; with the font it makes letters of 16 pixels on a phone
pyplot.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "dashmap", "font.family": "sans-serif",
    "font.size": 13, "axes.titlesize": 13, "axes.labelsize": 13,
    "text.color": style.INK, "axes.labelcolor": style.INK, "axes.edgecolor": style.INK,
    "axes.titlecolor": style.INK, "xtick.color": style.INK, "ytick.color": style.INK,
    "axes.facecolor": "none", "grid.color": style.GRID, "grid.linewidth": 0.6, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
})


# --- Panels: functions that draw into axes


def ticks():
    return FuncFormatter(lambda value, _: style.short(round(value)) if value >= 1_000
                         else f"{value:g}")


def medians(points):
    return [it["median"] for it in points]


def spread(points):
    """How far the first and the third quartile are from the median, as matplotlib wants it."""
    return [[max(it["median"] - it["first"], 0) for it in points],
            [max(it["third"] - it["median"], 0) for it in points]]


def draw_lines(axes, lines, with_spread=False):
    for name, points in lines.items():
        colour, marker, dashes = style.of_map(name)
        own = name == data.REFERENCE
        places = sorted(points)
        values = [points[place] for place in places]
        axes.plot(places, medians(values), color=colour, marker=marker, linestyle=dashes,
                  label=name, linewidth=3 if own else 1.6, markersize=7 if own else 5,
                  zorder=3 if own else 2, gid=f"line-{name}")
        if with_spread:
            axes.errorbar(places, medians(values), yerr=spread(values), fmt="none", ecolor=colour,
                          elinewidth=2.4 if own else 1.2, capsize=4, zorder=3 if own else 2)


def log_y(axes):
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
    axes.yaxis.set_major_formatter(ticks())
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw_bars(axes, values, unit, log=False):
    names, points = list(values), list(values.values())
    most = max(it["third"] for it in points)
    axes.barh(range(len(names)), medians(points), xerr=spread(points), capsize=4,
              color=[style.of_map(name)[0] for name in names], ecolor=style.INK)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    if log:
        axes.set_xscale("log")
        axes.set_xlim(left=max(min(it["first"] for it in points) / 3, 1e-3))
    else:
        axes.set_xlim(right=most * 1.45)
        axes.locator_params(axis="x", nbins=4)
    for place, it in enumerate(points):
        axes.annotate(style.number(it["median"]), (it["third"], place), xytext=(6, 0),
                      va="center", textcoords="offset points")
    if log:
        axes.set_xlim(right=most * 15)
    axes.xaxis.set_major_formatter(ticks())
    axes.set_xlabel(unit)


def draw_throughput(axes, lines, unit):
    numbers = sorted({threads for points in lines.values() for threads in points})
    if len(numbers) < 2:
        draw_bars(axes, {name: next(iter(points.values())) for name, points in lines.items()},
                  f"{short_unit(unit)}, {numbers[0]} thread{'s' if numbers[0] != 1 else ''}")
        return
    draw_lines(axes, lines, with_spread=True)
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [str(it) for it in numbers])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=0)
    axes.set_xlabel("threads")
    axes.set_ylabel(short_unit(unit))


def short_unit(unit):
    return unit.replace("million operations a second", "million / s").partition(",")[0]


def nines(quantile, quantiles):
    """Where a quantile stands on the axis: each nine is a step, the longest one more."""
    below = [it for it in quantiles if it < 1]
    if quantile >= 1:
        return max((-math.log10(1 - it) for it in below), default=0) + 1
    return -math.log10(1 - quantile)


def quantile_name(quantile):
    return "max" if quantile >= 1 else f"p{round(quantile * 100, 6):g}"


def draw_latency(axes, lines, unit):
    quantiles = sorted({it for points in lines.values() for it in points})
    draw_lines(axes, {name: {nines(it, quantiles): value for it, value in points.items()}
                      for name, points in lines.items()})
    axes.set_xticks([nines(it, quantiles) for it in quantiles],
                    [quantile_name(it) for it in quantiles], rotation=40)
    log_y(axes)
    axes.set_ylabel(short_unit(unit))


def draw_memory(axes, lines, unit):
    draw_lines(axes, lines)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ticks())
    log_y(axes)
    axes.set_xlabel("entries")
    axes.set_ylabel(unit)


def draw_pause(axes, values, unit):
    if unit.startswith("ns"):
        values = {name: {part: value / 1e6 for part, value in it.items()}
                  for name, it in values.items()}
        unit = "milliseconds"
    draw_bars(axes, values, unit, log=True)


def draw_heat(axes, table, maps):
    axes.grid(visible=False)
    operations = list(table)
    for y, operation in enumerate(operations):
        for x, name in enumerate(maps):
            row = next((it for it in table[operation].rows if it.map == name), None)
            ratio = row.ratio["median"] if row and row.ratio else None
            paper, ink = style.heat(ratio) if ratio else ("#ffffff", style.INK)
            lost = row is not None and row.verdict == "worse"
            axes.add_patch(pyplot.Rectangle((x, y), 1, 1, facecolor=paper, edgecolor="#ffffff"))
            axes.text(x + 0.5, y + 0.5, ("▼ " if lost else "") + (style.ratio(ratio) if ratio
                                                                  else "–"), color=ink,
                      ha="center", va="center", fontsize=10, weight="bold" if lost else "normal")
    axes.set_xlim(0, len(maps))
    axes.set_ylim(len(operations), 0)
    axes.set_xticks([x + 0.5 for x in range(len(maps))], maps, rotation=30, ha="right")
    axes.set_yticks([y + 0.5 for y in range(len(operations))],
                    [f"{name}, {style.short(entries)}" for name, entries in operations])


# --- Pictures


def svg_of(figure, name):
    """The figure as an element of a page: no prologue, names of its own, the page's colours."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True,
                   metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    pyplot.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#)', rf"\g<1>{name}-", text)
    text = text.replace("url(#", f"url(#{name}-")
    text = re.sub(r'<svg\b[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" VIEW>', text, 1)
    for colour, own in ((style.INK, "currentColor"), (style.GRID, "var(--grid)"),
                        (style.PAPER, "var(--paper)")):
        text = text.replace(colour, own)
    return re.sub(r"(font(?:-family)?: [^;\"]*?)'[^;\"]*", r"\1sans-serif", text)


def panel(name, draw, *arguments):
    figure, axes = pyplot.subplots(figsize=PANEL, layout="constrained")
    draw(axes, *arguments)
    return svg_of(figure, name)


def save(figure, folder, name):
    for kind in ("svg", "png"):
        figure.savefig(folder / f"{name}.{kind}", dpi=110, bbox_inches="tight", facecolor="white",
                       metadata={"Date": None} if kind == "svg" else None)
    pyplot.close(figure)
    svg = folder / f"{name}.svg"  # which may be committed: matplotlib ends some lines with a blank
    lines = svg.read_text(encoding="utf-8").splitlines()
    svg.write_text("".join(f"{line.rstrip()}\n" for line in lines), encoding="utf-8")
    return [f"{name}.svg", f"{name}.png"]


def wrapped(text, width=38):
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines)


def together(folder, name, panels):
    """One file of panels, each (title, function that draws it)."""
    if not panels:
        return []
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, grid = pyplot.subplots(rows, columns, figsize=(5 * columns, 4.2 * rows + 1),
                                   squeeze=False)
    handles = {}
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.axis("off")
            continue
        title, draw = panels[place]
        draw(axes)
        axes.set_title(wrapped(title), fontsize=12)
        handles.update({label: handle for handle, label in
                        zip(*axes.get_legend_handles_labels())})
    figure.tight_layout()
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="upper center", ncol=4,
                      bbox_to_anchor=(0.5, 0), frameon=False)
    return save(figure, folder, name)


def save_heat(folder, run):
    files = []
    maps = [name for name in run.maps if name != data.REFERENCE]
    for kind, table in data.heat_maps(run):
        table = data.by_operation(table)
        figure, axes = pyplot.subplots(figsize=(1.15 * len(maps) + 2.5, 0.42 * len(table) + 1.5))
        draw_heat(axes, table, maps)
        axes.set_title(f"DashMap against each map: {kind}; above 1: DashMap is better")
        files += save(figure, folder, f"ratios_{kind.replace(' ', '_')}")
    return files


def save_all(run, folder):
    """Writes the main plots as files; gives their names."""
    def titled(draw, panels):
        return [(title, lambda axes, rest=rest: draw(axes, *rest)) for title, *rest in panels]
    files = together(folder, "throughput", titled(draw_throughput, [
        (f"{workload}: {setting}".strip(": "), lines, unit)
        for workload, setting, lines, unit in data.throughput(run)
        if len({threads for points in lines.values() for threads in points}) > 1]))
    files += together(folder, "latency", titled(draw_latency, [
        (f"{workload}: {setting}".strip(": "), lines, unit)
        for workload, setting, lines, unit in data.latency(run)]))
    files += together(folder, "memory", titled(draw_memory, data.memory(run)))
    files += together(folder, "pauses", titled(draw_pause, [
        (f"{metric}: {setting}", values, unit)
        for metric, setting, values, unit in data.pauses(run) if values]))
    return files + save_heat(folder, run)
