#!/usr/bin/python3
"""test.py: makes a report from invented figures, opens it in headless Chromium, and compares what
is on the page with the JSON file. If `compare` was built by ./dev bench, or BENCH_COMPARE names it,
the same with what it writes."""

import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402

import data  # noqa: E402
import sample  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
COMPARE = pathlib.Path(os.environ.get("BENCH_COMPARE") or
                       HERE.parents[1] / "build/bench/bench/compare")
PHONE, DESK = 375, 1280
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--disable-extensions", "--disable-background-networking", "--no-first-run"]
TALLY = re.compile(r"^  (\S+) +(\d+) +(\d+) +(\d+)$", re.MULTILINE)
KEYS = ("workload", "setting", "metric", "map")

ELEMENTS = """
return [...document.querySelectorAll(arguments[0])].map(it => ({...it.dataset, text: it.innerText,
    style: it.getAttribute('style'), class: it.className}));
"""
SMALL_TEXT = """
const sizes = [...document.querySelectorAll('body *')]
    .filter(it => !it.closest('svg') && it.innerText && it.checkVisibility())
    .map(it => parseFloat(getComputedStyle(it).fontSize));
return Math.min(...sizes);
"""
SMALL_PLOT_TEXT = """
const sizes = [...document.querySelectorAll('figure svg')].flatMap(svg => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return [...svg.querySelectorAll('text')]
        .map(it => parseFloat(getComputedStyle(it).fontSize) * scale);
});
return Math.min(...sizes);
"""
NAMELESS_PLOTS = """
return [...document.querySelectorAll('figure')].filter(it => {
    const svg = it.querySelector('svg[role=img]');
    const title = svg && document.getElementById(svg.getAttribute('aria-labelledby'));
    return !title || title.textContent.length < 20 || !it.querySelector('figcaption');
}).length;
"""
BARE_HEADERS = """
return document.querySelectorAll('th:not([scope])').length
    + [...document.querySelectorAll('table')].filter(it => !it.caption).length
    + [...document.querySelectorAll('table')].filter(it => !it.closest('.scroll')).length;
"""
REPEATED_IDS = """
const all = [...document.querySelectorAll('[id]')].map(it => it.id);
return all.length - new Set(all).size;
"""
# The points of a map's line in the first plot, and where the axes end at the bottom.
PLOTTED = """
const svg = document.querySelector('figure[data-plot=throughput] svg');
const path = svg.querySelector(`g[id$="line-${arguments[0]}"] path`).getAttribute('d');
const bottom = svg.querySelector('g[id$="-patch_2"] path').getBBox();
return {points: [...path.matchAll(/[ML] *([-\\d.]+)[ ,]([-\\d.]+)/g)].map(it => [+it[1], +it[2]]),
    bottom: bottom.y + bottom.height};
"""
CUT_OFF = """
const limit = document.documentElement.clientWidth + 1;
return [...document.querySelectorAll('table, figure')]
    .filter(it => it.getBoundingClientRect().right > limit)
    .map(it => (it.caption || it).innerText.slice(0, 60));
"""


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def key_of(result, row):
    return (result["workload"], result["setting"], result["metric"], row["map"])


def run(script, *arguments):
    """What a script of this folder prints, and its exit status and complaints."""
    return subprocess.run([HERE / script, *arguments], check=False, timeout=200, encoding="utf-8",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def counts(result):
    """Whether a verdict of it counts; written anew, to check data.py."""
    return result["metric"].split(", ")[-1] not in (
        "processor time", "just before growth", "just after growth", "p50", "p90", "p99.9",
        "p99.99", "longest", "longest in processor time")


def verdict(result, row):
    own = next(it["samples"] for it in result["maps"] if it["map"] == "dashmap")
    pairs = zip(own, row["samples"]) if result["more_is_better"] else zip(row["samples"], own)
    ratios = [a / b for a, b in pairs]
    if len(ratios) > 6:
        ratios = [row["dashmap_against_it"]["first"], row["dashmap_against_it"]["third"]]
    return "better" if min(ratios) > 1.01 else "worse" if max(ratios) < 0.99 else "even"


class InFolder(unittest.TestCase):
    """Tests with a folder that is gone after the last of them."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)


class Report(InFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.content = sample.content()
        source = cls.folder / "sample.json"
        source.write_text(json.dumps(cls.content), encoding="utf-8")
        made = run("make", source, cls.folder / "report")
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        cls.page = pathlib.Path(made.stdout.strip())
        cls.driver = browser()
        cls.addClassCleanup(cls.driver.quit)

    def open(self, width, media="screen", scheme="light", page=None):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.driver.get((page or self.page).as_uri())

    def elements(self, selector):
        return self.driver.execute_script(ELEMENTS, selector)

    def expected(self, field):
        """{key: value} of each row of the JSON file that has the field."""
        return {key_of(result, row): row[field]["median"] for result in self.content["results"]
                for row in result["maps"] if field in row}

    def test_each_figure_is_there(self):
        self.open(DESK)
        cells = {tuple(it[key] for key in KEYS): it for it in self.elements("[data-figure]")}
        self.assertEqual({key: float(it["median"]) for key, it in cells.items()},
                         self.expected("quartiles"))
        self.assertEqual({key: float(it["ratio"]) for key, it in cells.items() if "ratio" in it},
                         self.expected("dashmap_against_it"))

    def test_the_heat_map_shows_each_operation(self):
        self.open(DESK)
        cells = self.elements("[data-heat]")
        wanted = {key: ratio for key, ratio in self.expected("dashmap_against_it").items()
                  if key[0] == "operations" and not key[2].endswith("processor time")}
        self.assertEqual({tuple(it[key] for key in KEYS): float(it["ratio"]) for it in cells},
                         wanted)
        for it in cells:
            ratio = float(it["ratio"])
            self.assertEqual(it["text"].strip("▼ *"), f"{ratio:.2f}")
            red, _, blue = (int(it["style"].split("#")[1][i:i + 2], 16) for i in (0, 2, 4))
            if abs(ratio - 1) > 0.1:
                self.assertEqual(ratio > 1, blue > red, it)
            if it["class"] == "worse":
                self.assertIn("▼", it["text"])

    def test_losses_are_listed_the_worst_first(self):
        self.open(DESK)
        lost = {True: set(), False: set()}
        for result in self.content["results"]:
            lost[counts(result)] |= {
                key_of(result, row) for row in result["maps"] if "dashmap_against_it" in row
                and row["map"] != "boost-serial" and verdict(result, row) == "worse"}
        for counted, wanted in lost.items():
            rows = self.elements(f"[data-loss={'counted' if counted else 'shown'}]")
            self.assertTrue(wanted)
            self.assertEqual({tuple(it[key] for key in KEYS) for it in rows}, wanted)
            ratios = [float(it["ratio"]) for it in rows]
            self.assertEqual(ratios, sorted(ratios))

    def test_the_tally_counts_one_verdict_a_measurement(self):
        self.open(DESK)
        wanted = {name: {"better": 0, "even": 0, "worse": 0} for name in sample.MAPS[1:]}
        for result in filter(counts, self.content["results"]):
            for row in result["maps"]:
                if "dashmap_against_it" in row:
                    wanted[row["map"]][verdict(result, row)] += 1
        [table] = self.elements(".tally")
        lines = [re.split(r"\s+", it.strip()) for it in table["text"].splitlines() if it.strip()]
        self.assertEqual(lines[-len(wanted):], [[name, *map(str, tally.values())]
                                                for name, tally in wanted.items()])

    def test_the_heat_map_reads_as_a_table(self):
        self.open(DESK)
        lines = [it.split("\t") for it in self.elements(".heat")[0]["text"].splitlines()]
        result = next(it for it in self.content["results"] if it["metric"] == "insert_reserved"
                      and it["parameters"]["entries"] == 20_000)
        [cells] = [line for line in lines if line[0] == "insert_reserved, 20 k"]
        self.assertEqual(cells[1:], [self.told(result, row) for row in result["maps"][1:]])

    @staticmethod
    def told(result, row):
        if "dashmap_against_it" not in row:
            return "–"
        lost = verdict(result, row) == "worse"
        return f"{'▼ ' if lost else ''}{row['dashmap_against_it']['median']:.2f}"

    def test_points_are_where_their_values_are(self):
        self.open(DESK)
        plotted = self.driver.execute_script(PLOTTED, "dashmap")
        results = [it for it in self.content["results"] if it["metric"] == "throughput"
                   and it["setting"].startswith("50,000 keys, theta 0.01")]
        xs, ys = zip(*plotted["points"])
        self.assertEqual(len(xs), len(results))
        heights = [(plotted["bottom"] - y) / it["maps"][0]["quartiles"]["median"]
                   for y, it in zip(ys, results)]
        places = [math.log2(it["parameters"]["threads"]) for it in results]
        self.assertGreater(heights[0], 0)
        for place, x, height in zip(places, xs, heights):
            self.assertAlmostEqual(height / heights[0], 1, 3)
            self.assertAlmostEqual((x - xs[0]) / (xs[-1] - xs[0]), place / places[-1], 3)

    def test_instructions_and_the_cost_of_compiling(self):
        self.open(DESK)
        self.assertEqual(
            {(it["operation"], it["map"]): float(it["instructions"])
             for it in self.elements("[data-instructions]")},
            {(operation, name): count for operation, counts in self.content["instructions"].items()
             for name, count in counts.items()})
        for figure, name in (("misses", "data_misses"), ("mispredictions", "mispredictions")):
            self.assertEqual(
                {(it["operation"], it["map"]): float(it[figure])
                 for it in self.elements("[data-misses]")},
                {(operation, map_name): count for operation, row in self.content[name].items()
                 for map_name, count in row.items()})
        misses, wrong = (self.content[name]["u64.hit"]["gtl"]
                         for name in ("data_misses", "mispredictions"))
        [cell] = self.elements("[data-misses][data-operation='u64.hit'][data-map=gtl]")
        self.assertEqual(cell["text"], f"{misses:.2f} / {wrong:.2f}")
        costs = self.content["compile_cost"]["maps"]
        self.assertEqual({it["map"]: float(it["compileSeconds"])
                          for it in self.elements("[data-compile-seconds]")},
                         {name: cost["quartiles"]["median"] for name, cost in costs.items()})
        self.assertEqual({it["map"]: int(it["textBytes"])
                          for it in self.elements("[data-text-bytes]")},
                         {name: cost["text_bytes"] for name, cost in costs.items()})

    def test_what_is_absent_or_failed_is_said(self):
        self.open(DESK)
        self.assertEqual([it["absent"] for it in self.elements("[data-absent]")],
                         self.content["absent"])
        self.assertEqual([it["text"] for it in self.elements("[data-failure]")],
                         self.content["failures"])

    def test_the_conditions_are_all_there(self):
        self.open(DESK)
        shown = {it["condition"]: it["text"] for it in self.elements("[data-condition]")}
        system = {name.replace("_", " "): str(value)
                  for name, value in self.content["system"].items()}
        self.assertEqual(shown, {
            "DashMap": "0.0.0", **system, "order": "a b, b a", "rounds": "3", "full": "no",
            "scale": "1.0", "threads": "1, 2, 8",
            **{f"version of {name}": value for name, value in self.content["peers"].items()}})

    def test_each_kind_of_plot_is_drawn(self):
        self.open(DESK)
        kinds = [it["plot"] for it in self.elements("figure")]
        self.assertEqual({kind: kinds.count(kind) for kind in kinds},
                         {"throughput": 8, "latency": 2, "pause": 2, "memory": 1})
        self.assertEqual(self.driver.execute_script(NAMELESS_PLOTS), 0)
        heads = [it["text"] for it in self.elements(".heat:first-of-type thead th")]
        self.assertEqual(heads[1:len(sample.MAPS)], sample.MAPS[1:])
        self.assertEqual([it["text"] for it in self.elements("#memory .legend li")], sample.MAPS)
        for name in ("throughput", "latency", "memory", "pauses", "ratios_u64"):
            for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
                file = self.page.parent / f"{name}.{kind}"
                self.assertTrue(file.read_bytes().startswith(start), file)

    def test_it_fits_a_phone(self):
        self.open(PHONE)
        for _ in range(2):  # with the tables closed, then open
            width = self.driver.execute_script("return document.documentElement.scrollWidth")
            self.assertLessEqual(width, PHONE)
            self.assertGreaterEqual(self.driver.execute_script(SMALL_TEXT), 16)
            self.driver.execute_script(
                "document.querySelectorAll('details').forEach(it => it.open = true)")
        self.assertGreaterEqual(self.driver.execute_script(SMALL_PLOT_TEXT), 15)

    def test_print_cuts_nothing_off(self):
        self.open(703, media="print", scheme="dark")  # A4 without its margins
        self.assertEqual(self.driver.execute_script(CUT_OFF), [])
        self.assertEqual(self.driver.execute_script(
            "return getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        seen = "return document.querySelector('[data-figure]').checkVisibility()"
        self.assertTrue(self.driver.execute_script(seen), "on paper all tables are open")
        self.open(DESK)
        self.assertFalse(self.driver.execute_script(seen))

    def test_dark_scheme(self):
        self.open(DESK, scheme="dark")
        paper, ink = self.driver.execute_script(
            "const it = getComputedStyle(document.body); return [it.backgroundColor, it.color];")
        self.assertEqual((paper, ink), ("rgb(22, 24, 26)", "rgb(232, 233, 234)"))
        text = self.driver.execute_script(
            "return getComputedStyle(document.querySelector('figure svg text')).fill")
        self.assertEqual(text, ink)

    def test_tables_have_captions_and_scopes(self):
        self.open(DESK)
        self.assertEqual(self.driver.execute_script(BARE_HEADERS), 0)
        self.assertEqual(self.driver.execute_script(REPEATED_IDS), 0)

    def test_nothing_is_fetched(self):
        self.open(DESK)
        self.assertEqual(self.driver.execute_script(
            "return performance.getEntriesByType('resource').map(it => it.name)"), [])
        self.assertEqual(self.driver.execute_script(
            "return document.querySelectorAll('script, link, img, iframe, [src]').length"), 0)
        self.assertEqual([it["message"] for it in self.driver.get_log("browser")], [])

    def test_little_is_enough(self):
        source = self.folder / "little.json"
        source.write_text('{"results": []}', encoding="utf-8")
        self.assertEqual(run("make", source, self.folder / "little").returncode, 0)
        self.open(PHONE, page=self.folder / "little" / "index.html")
        self.assertEqual(self.elements("figure, [data-figure]"), [])

    def test_a_broken_file_is_named(self):
        source = self.folder / "broken.json"
        source.write_text('{"results": [{}]}', encoding="utf-8")
        for script in (["make", source, self.folder / "broken"], ["tables", source]):
            made = run(*script)
            self.assertEqual(made.returncode, 1)
            self.assertIn("broken.json", made.stderr)

    def test_what_the_program_writes(self):
        if not COMPARE.exists():
            self.skipTest(f"{COMPARE} is not built: ./dev bench builds it")
        source = self.folder / "real.json"
        printed = subprocess.run(
            [COMPARE, "--scale", "0.001", "--rounds", "2", "--json", source], check=True,
            timeout=200, stdout=subprocess.PIPE, encoding="utf-8").stdout
        real = json.loads(source.read_text(encoding="utf-8"))
        made = run("make", source, self.folder / "real", "--no-files")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.open(DESK, page=pathlib.Path(made.stdout.strip()))
        self.assertEqual(
            {tuple(it[key] for key in KEYS) for it in self.elements("[data-figure]")},
            {key_of(result, row) for result in real["results"] for row in result["maps"]
             if "quartiles" in row})
        self.assertEqual({it["plot"] for it in self.elements("figure")},
                         {"throughput", "latency", "pause", "memory"})
        tally = {}
        for it in self.elements("[data-tally]"):
            tally.setdefault(it["map"], []).append(it["text"])
        self.assertEqual(tally, {name: numbers for name, *numbers in TALLY.findall(printed)})
        self.assertEqual(self.driver.get_log("browser"), [])
        made = run("tables", source)
        self.assertEqual(made.returncode, 0, made.stderr)
        for result in real["results"]:
            if counts(result):
                self.assertIn(result["metric"] if result["workload"] == "operations"
                              else result["setting"], made.stdout)
        self.same_shape(real)

    def same_shape(self, real):
        """The invented results are such as the program writes."""
        def shapes(content):
            return {(it["workload"], it["metric"]): (it["unit"], it["more_is_better"],
                                                     set(it["parameters"]))
                    for it in content["results"]}
        wanted = shapes(real)
        for key, shape in shapes(self.content).items():
            self.assertEqual(shape, wanted.get(key), f"{key}; is {COMPARE} up to date?")


class Tables(InFolder):
    def file(self, name, *results):
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({"results": results}), encoding="utf-8")
        return path

    @staticmethod
    def hit(key="u64", **ratios):
        """A result in which each map took so many times as long as DashMap, in nine rounds."""
        return {"workload": "operations", "setting": "20,000 entries", "metric": "hit",
                "parameters": {"operation": "hit", "entries": 20_000, "key": key},
                "unit": "ns an operation", "more_is_better": False,
                "maps": [{"map": "dashmap", "samples": [1.0] * 9}] + [
                    {"map": name, "samples": [ratio] * 9, "dashmap_against_it":
                     {"first": ratio - 0.1, "median": ratio, "third": ratio + 0.1}}
                    for name, ratio in ratios.items()]}

    def tables(self, *arguments):
        made = run("tables", *arguments)
        self.assertEqual(made.returncode, 0, made.stderr)
        return made.stdout.splitlines()

    def test_columns_come_from_all_files(self):
        first = self.file("first", self.hit(boost=2, gtl=3))
        second = self.file("second", self.hit(gtl=0.5, tbb=1), self.hit("string", tbb=4))
        lines = self.tables(first, second)
        self.assertIn("### Single operations: u64 (9 rounds; against boost, gtl and tbb)", lines)
        self.assertIn("| hit, 20,000 | 2.00 [1.90–2.10] | **0.50 [0.40–0.60]** | "
                      "1.00 [0.90–1.10] |", lines)
        self.assertIn("### Single operations: string (9 rounds; against tbb)", lines)
        self.assertIn("| hit, 20,000 | 4.00 [3.90–4.10] |", lines)
        self.assertIn("| **0.50 [0.40–0.60]** | gtl | operations | 20,000 entries | hit |", lines)

    def test_maps_are_chosen(self):
        source = self.file("all", self.hit(boost=2, gtl=3), self.hit("string", boost=2))
        lines = self.tables("--maps", "gtl,boost", source)
        self.assertIn("|  | gtl | boost |", lines)
        lines = self.tables("--maps", "gtl", source)
        self.assertEqual([it for it in lines if "boost" in it or "string" in it], [])
        self.assertIn("no figures of tbb", run("tables", "--maps", "tbb", source).stderr)

    def test_losses_are_the_worst_first(self):
        source = self.file("lost", self.hit(boost=0.8, gtl=0.3, tbb=0.95))
        lines = self.tables(source)
        self.assertIn("### Losses (2 of 3)", lines)
        self.assertEqual([it.split(" | ")[1] for it in lines[lines.index("### Losses (2 of 3)"):]
                          if "20,000 entries" in it], ["gtl", "boost"])

    def test_they_are_written_between_the_marks(self):
        source = self.file("one", self.hit(boost=2))
        page = self.folder / "page.md"
        begin, end = "<!-- tables: begin -->", "<!-- tables: end -->"
        page.write_text(f"before\n\n{begin}\nold\n{end}\n\nafter\n", encoding="utf-8")
        for _ in range(2):  # a second time it is the same
            self.assertEqual(self.tables("--write", page, source), [])
            text = "\n".join(self.tables(source))
            self.assertEqual(page.read_text(encoding="utf-8"),
                             f"before\n\n{begin}\n\n{text}\n\n{end}\n\nafter\n")
        page.write_text(f"{end}\n{begin}\n", encoding="utf-8")
        self.assertIn("page.md", run("tables", "--write", page, source).stderr)


class Verdict(unittest.TestCase):
    RATIO = {"first": 0.9, "median": 1.5, "third": 2}

    def test_even_when_the_quartiles_do_not_agree(self):
        for first, median, third, wanted in ((1.02, 1.5, 2, "better"), (1.0, 1.5, 2, "even"),
                                             (0.5, 0.8, 0.98, "worse"), (0.5, 0.8, 1, "even")):
            ratio = {"first": first, "median": median, "third": third}
            row = data.Row({"map": "gtl", "samples": [1.0] * 7, "dashmap_against_it": ratio},
                           [1.0] * 7)
            self.assertEqual(row.verdict, wanted)

    def test_few_rounds_must_all_agree(self):
        for samples, more, wanted in (([1.5, 2, 1.02], False, "better"),
                                      ([1.5, 2, 1.00], False, "even"),
                                      ([0.5, 0.8, 0.98], False, "worse"),
                                      ([0.5, 0.8, 0.98], True, "better"),
                                      ([1.5, 2, 1.02], True, "worse")):
            row = data.Row({"map": "gtl", "samples": samples, "dashmap_against_it": self.RATIO},
                           [1.0] * 3, more)
            self.assertEqual(row.verdict, wanted)

    def test_none_of_nothing(self):
        ratio = {"first": None, "median": None, "third": None}
        self.assertIsNone(data.Row({"map": "gtl", "dashmap_against_it": ratio}).verdict)


if __name__ == "__main__":
    unittest.main(verbosity=2)  # so that it says why it skips
