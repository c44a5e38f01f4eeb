"""The measured figures, as the report needs them: read from the JSON file that `compare` writes."""

import json
import math
import re

REFERENCE = "dashmap"
NOT_CONCURRENT = ("boost-serial",)  # what a map can do that cares for no other thread
# What wins, loses and counts is as in bench/result.cpp.
NOTICEABLE = 0.01
ENOUGH_ROUNDS = 7
COUNTED_QUANTILE = 0.99
# Of what stands at the top of the file: what is no condition, or told in a way of its own.
SHOWN_ELSEWHERE = ("dashmap", "system", "peers", "absent", "failures", "results", "instructions",
                   "data_misses", "mispredictions", "compile_cost")
THREADS = re.compile(r"(, )?\b\d+ threads?\b")
TIMED = re.compile(r", each timed.*")


class Failure(Exception):
    pass


def numbers(quartiles):
    """None if one is missing: what is no number is null in the file."""
    return None if not quartiles or None in quartiles.values() else quartiles


def ratio_of(own, other, more_is_better):
    """Above 1 the first is better; of nothing to nothing it is 1."""
    if not more_is_better:
        own, other = other, own
    return 1 if own == other else own / other if other else math.inf


class Row:
    """One map in a result; `reference` are DashMap's samples in it."""

    def __init__(self, entry, reference=(), more_is_better=True):
        self.map = entry["map"]
        self.samples = entry.get("samples", [])
        self.quartiles = numbers(entry.get("quartiles"))
        self.ratio = numbers(entry.get("dashmap_against_it"))
        self.note = entry.get("note", "")
        self._ratios = [ratio_of(own, other, more_is_better)
                        for own, other in zip(reference, self.samples)
                        if None not in (own, other)]

    @property
    def rounds(self):
        return len(self.samples)

    @property
    def median(self):
        return self.quartiles["median"] if self.quartiles else None

    @property
    def verdict(self):
        """better, even or worse, as DashMap does; even when the rounds do not agree on it."""
        if self.ratio is None:
            return None
        low, high = self.ratio["first"], self.ratio["third"]
        if self._ratios and len(self._ratios) < ENOUGH_ROUNDS:
            low, high = min(self._ratios), max(self._ratios)
        return "better" if low > 1 + NOTICEABLE else "worse" if high < 1 - NOTICEABLE else "even"


class Result:
    """One metric in one setting, for each map."""

    def __init__(self, entry):
        self.workload = entry["workload"]
        self.setting = entry["setting"]
        self.parameters = entry.get("parameters", {})
        self.metric = entry["metric"]
        self.unit = entry["unit"]
        self.more_is_better = entry["more_is_better"]
        reference = next((row.get("samples", []) for row in entry["maps"]
                          if row["map"] == REFERENCE), [])
        self.rows = [Row(row, reference, self.more_is_better) for row in entry["maps"]]

    def parameter(self, name):
        return self.parameters.get(name)

    def conditions(self, *without):
        """All parameters but those named, to group by."""
        return tuple(sorted((name, str(value)) for name, value in self.parameters.items()
                            if name not in without))

    @property
    def counts(self):
        """Whether it counts among wins and losses: one verdict for each measurement."""
        quantile = self.parameter("quantile")
        if quantile is not None:
            return quantile == COUNTED_QUANTILE
        return not self.metric.endswith("processor time") and \
            not self.metric.startswith("memory, just ")

    @property
    def measured(self):
        return [row for row in self.rows if row.median is not None]


class Run:
    """All that a JSON file holds."""

    def __init__(self, content):
        self.content = content
        self.results = [Result(entry) for entry in content.get("results", [])]
        self.absent = content.get("absent", [])
        self.failures = content.get("failures", [])
        self.instructions = content.get("instructions", {})
        self.data_misses = content.get("data_misses", {})
        self.mispredictions = content.get("mispredictions", {})
        self.compile_cost = content.get("compile_cost", {})

    @property
    def maps(self):
        """The maps of all results and counts, the reference first, in the order of the file."""
        names = [row.map for result in self.results for row in result.rows]
        names += [name for counts in self.instructions.values() for name in counts]
        names = list(dict.fromkeys(names))
        return sorted(names, key=lambda name: name != REFERENCE)

    @property
    def workloads(self):
        return list(dict.fromkeys(result.workload for result in self.results))

    def conditions(self):
        """What the figures depend on, as (name, value) to print."""
        content = self.content
        version = content.get("dashmap") or {}
        items = {"DashMap": ".".join(str(version.get(part, "?"))
                                     for part in ("major", "minor", "patch"))}
        items.update(content.get("system") or {})
        items.update({name: value for name, value in content.items()
                      if name not in items and name not in SHOWN_ELSEWHERE})
        items.update({f"version of {name}": value
                      for name, value in (content.get("peers") or {}).items()})
        return [(name.replace("_", " "), told(value)) for name, value in items.items()
                if not isinstance(value, dict)]

    def compared(self, counted=True):
        """(result, row) wherever DashMap stands beside another map, in what counts or does not."""
        return [(result, row) for result in self.results if result.counts == counted
                for row in result.rows if row.ratio is not None and row.map != REFERENCE]

    def losses(self, counted=True):
        """(result, row) where DashMap is worse, the worst first."""
        lost = [(result, row) for result, row in self.compared(counted) if row.verdict == "worse"]
        return sorted(lost, key=lambda pair: pair[1].ratio["median"])

    def tally(self):
        """{map: {verdict: how often}}"""
        counts = {}
        for _, row in self.compared():
            of_map = counts.setdefault(row.map, {"better": 0, "even": 0, "worse": 0})
            of_map[row.verdict] += 1
        return counts


def told(value, between=", "):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return between.join(told(item, " ") for item in value)
    return str(value)


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return Run(json.load(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path}: {error!r}") from error


def merged(runs):
    """One run with the results of all. Of a map that was measured twice the last figure counts."""
    same = grouped((result for run in runs for result in run.results),
                   lambda it: (it.workload, it.setting, it.metric, kind_of(it)))
    whole = Run({})
    for results in same.values():
        results[0].rows = list({row.map: row for it in results for row in it.rows}.values())
        whole.results.append(results[0])
    return whole


def grouped(results, key):
    """{key: results}, in the order in which the keys come."""
    groups = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    return groups


def without_threads(setting):
    return THREADS.sub("", setting).strip(", ")


def untimed(setting):
    return TIMED.sub("", setting)


# --- What each plot shows


def throughput(run):
    """[(workload, setting, {map: {threads: quartiles}}, unit)]"""
    chosen = [result for result in run.results
              if result.metric == "throughput" and result.parameter("threads") is not None]
    panels = []
    groups = grouped(chosen, lambda it: (it.workload, without_threads(it.setting)))
    for (workload, setting), results in groups.items():
        lines = {}
        for result in results:
            for row in result.measured:
                lines.setdefault(row.map, {})[result.parameter("threads")] = row.quartiles
        panels.append((workload, setting, lines, results[0].unit))
    return panels


def latency(run):
    """[(workload, setting, {map: {quantile: quartiles}}, unit)]; a single quantile is no curve."""
    chosen = [result for result in run.results if result.parameter("quantile") is not None]
    panels = []
    for (workload, setting), results in grouped(chosen,
                                                lambda it: (it.workload, it.setting)).items():
        lines = {}
        for result in results:
            for row in result.measured:
                lines.setdefault(row.map, {})[result.parameter("quantile")] = row.quartiles
        if len({result.parameter("quantile") for result in results}) > 1:
            panels.append((workload, untimed(setting), lines, results[0].unit))
    return panels


def memory(run):
    """[(setting, {map: {entries: quartiles}}, unit)]: one panel at most"""
    lines = {}
    for result in run.results:
        entries = result.parameter("entries")
        if result.workload == "memory" and result.metric == "memory" and entries and \
                result.unit == "bytes an entry":
            for row in result.measured:
                lines.setdefault(row.map, {})[entries] = row.quartiles
    return [("maps of that size", lines, "bytes an entry")] if lines else []


def pauses(run):
    """[(metric, setting, {map: quartiles}, unit)]: the longest insert of each growth"""
    return [(result.metric, untimed(result.setting),
             {row.map: row.quartiles for row in result.measured}, result.unit)
            for result in run.results
            if result.workload == "growth" and result.parameter("quantile") == 1]


def kind_of(result):
    """The types of a result's entries, short: a value of 8 bytes goes without saying."""
    key, size = result.parameter("key") or "u64", result.parameter("value_bytes")
    return key if size in (None, 8) else f"{key} to {size} bytes"


def heat_maps(run):
    """[(kind, {(operation, entries): result})]: the single operations, for each kind of entries"""
    chosen = [result for result in run.results
              if result.workload == "operations"
              and result.metric == result.parameter("operation")]
    tables = []
    for kind, results in grouped(chosen, kind_of).items():
        tables.append((kind, {(result.metric, result.parameter("entries")): result
                              for result in results}))
    return tables


def by_operation(table):
    """The rows of a heat map, those of an operation together, the smaller map first."""
    order = list(dict.fromkeys(operation for operation, _ in table))
    return dict(sorted(table.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))
