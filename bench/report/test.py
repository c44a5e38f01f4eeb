#!/usr/bin/python3
"""test.py: makes a report from invented figures, opens it in headless Chromium, and compares what
is on the page with the JSON file."""

import json
import pathlib
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
PHONE, DESK = 375, 1280
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--disable-extensions", "--disable-background-networking", "--no-first-run"]
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


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.content = sample.content()
        source = cls.folder / "sample.json"
        source.write_text(json.dumps(cls.content), encoding="utf-8")
        printed = subprocess.run([HERE / "make", source, cls.folder / "report"], check=True,
                                 timeout=100, stdout=subprocess.PIPE, encoding="utf-8").stdout
        cls.page = pathlib.Path(printed.strip())
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
        rows = self.elements("[data-loss]")
        wanted = {key_of(result, row) for result in self.content["results"]
                  for row in result["maps"] if "dashmap_against_it" in row
                  and row["dashmap_against_it"]["third"] < 0.99 and row["map"] != "boost-serial"}
        self.assertTrue(wanted)
        self.assertEqual({tuple(it[key] for key in KEYS) for it in rows}, wanted)
        ratios = [float(it["ratio"]) for it in rows]
        self.assertEqual(ratios, sorted(ratios))
        tally = {(it["map"], it["tally"]): int(it["text"]) for it in self.elements("[data-tally]")}
        for name in sample.MAPS[1:]:
            lost = sum(key[3] == name for key in wanted)
            if name != "boost-serial":
                self.assertEqual(tally[name, "worse"], lost)

    def test_instructions_and_the_cost_of_compiling(self):
        self.open(DESK)
        self.assertEqual(
            {(it["operation"], it["map"]): float(it["instructions"])
             for it in self.elements("[data-instructions]")},
            {(operation, name): count for operation, counts in self.content["instructions"].items()
             for name, count in counts.items()})
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

    def test_each_kind_of_plot_is_drawn(self):
        self.open(DESK)
        kinds = [it["plot"] for it in self.elements("figure")]
        self.assertEqual({kind: kinds.count(kind) for kind in kinds},
                         {"throughput": 4, "latency": 2, "pause": 2, "memory": 1})
        self.assertEqual(self.driver.execute_script(NAMELESS_PLOTS), 0)
        self.assertEqual([it["text"] for it in self.elements(".heat:first-of-type thead th")][1:10],
                         sample.MAPS[1:])
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
        subprocess.run([HERE / "make", source, self.folder / "little"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        self.open(PHONE, page=self.folder / "little" / "index.html")
        self.assertEqual(self.elements("figure, [data-figure]"), [])

    def test_a_broken_file_is_named(self):
        source = self.folder / "broken.json"
        source.write_text('{"results": [{}]}', encoding="utf-8")
        run = subprocess.run([HERE / "make", source, self.folder / "broken"], check=False,
                             timeout=60, stderr=subprocess.PIPE, encoding="utf-8")
        self.assertEqual(run.returncode, 1)
        self.assertIn("broken.json", run.stderr)


class Verdict(unittest.TestCase):
    def test_even_when_the_quartiles_do_not_agree(self):
        for first, median, third, verdict in ((1.02, 1.5, 2, "better"), (1.0, 1.5, 2, "even"),
                                              (0.5, 0.8, 0.98, "worse"), (0.5, 0.8, 1, "even")):
            ratio = {"first": first, "median": median, "third": third}
            row = data.Row({"map": "gtl", "dashmap_against_it": ratio})
            self.assertEqual(row.verdict, verdict)

    def test_none_of_nothing(self):
        ratio = {"first": None, "median": None, "third": None}
        self.assertIsNone(data.Row({"map": "gtl", "dashmap_against_it": ratio}).verdict)


if __name__ == "__main__":
    unittest.main()
