"""The measured figures, as the report needs them: read from the JSON file that `compare` writes."""

import json
import re

REFERENCE = "dashmap"
NOT_CONCURRENT = ("boost-serial",)  # what a map can do that cares for no other thread
NOTICEABLE = 0.01  # as in bench/result.cpp
THREADS = re.compile(r"(, )?\b\d+ threads?\b")
TIMED = re.compile(r", each timed.*")


class Failure(Exception):
    pass


def numbers(quartiles):
    """None if one is missing: the ratio of nothing to nothing is null in the file."""
    return None if not quartiles or None in quartiles.values() else quartiles


class Row:
    """One map in a result."""

    def __init__(self, entry):
        self.map = entry["map"]
        self.samples = entry.get("samples", [])
        self.quartiles = numbers(entry.get("quartiles"))
        self.ratio = numbers(entry.get("dashmap_against_it"))
        self.note = entry.get("note", "")

    @property
    def median(self):
        return self.quartiles["median"] if self.quartiles else None

    @property
    def verdict(self):
        """better, even or worse, as DashMap does; even when the quartiles do not agree on it."""
        if self.ratio is None:
            return None
        if self.ratio["first"] > 1 + NOTICEABLE:
            return "better"
        if self.ratio["third"] < 1 - NOTICEABLE:
            return "worse"
        return "even"


class Result:
    """One metric in one setting, for each map."""

    def __init__(self, entry):
        self.workload = entry["workload"]
        self.setting = entry["setting"]
        self.parameters = entry.get("parameters", {})
        self.metric = entry["metric"]
        self.unit = entry["unit"]
        self.more_is_better = entry["more_is_better"]
        self.rows = [Row(row) for row in entry["maps"]]

    def parameter(self, name):
        return self.parameters.get(name)

    def conditions(self, *without):
        """All parameters but those named, to group by."""
        return tuple(sorted((name, str(value)) for name, value in self.parameters.items()
                            if name not in without))

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
        version = content.get("dashmap", {})
        items = {"DashMap": ".".join(str(version.get(part, "?"))
                                     for part in ("major", "minor", "patch"))}
        items.update(content.get("system", {}))
        for name in ("compiler", "hardware_threads", "rounds", "full", "scale", "threads"):
            if name in content and name not in items:
                items[name] = content[name]
        return [(name.replace("_", " "), told(value)) for name, value in items.items()]

    def compared(self):
        """(result, row) wherever DashMap stands beside another map."""
        return [(result, row) for result in self.results for row in result.rows
                if row.ratio is not None and row.map != REFERENCE]

    def losses(self):
        """(result, row) where DashMap is worse, the worst first."""
        lost = [(result, row) for result, row in self.compared() if row.verdict == "worse"]
        return sorted(lost, key=lambda pair: pair[1].ratio["median"])

    def tally(self):
        """{map: {verdict: how often}}"""
        counts = {}
        for _, row in self.compared():
            of_map = counts.setdefault(row.map, {"better": 0, "even": 0, "worse": 0})
            of_map[row.verdict] += 1
        return counts


def told(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(told(item) for item in value)
    return str(value)


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return Run(json.load(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path}: {error!r}") from error


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
    """[(workload, setting, {map: {threads: median}}, unit)]"""
    chosen = [result for result in run.results
              if result.metric == "throughput" and result.parameter("threads") is not None]
    panels = []
    groups = grouped(chosen, lambda it: (it.workload, without_threads(it.setting)))
    for (workload, setting), results in groups.items():
        lines = {}
        for result in results:
            for row in result.measured:
                lines.setdefault(row.map, {})[result.parameter("threads")] = row.median
        panels.append((workload, setting, lines, results[0].unit))
    return panels


def latency(run):
    """[(workload, setting, {map: {quantile: median}}, unit)]; a single quantile is no curve."""
    chosen = [result for result in run.results if result.parameter("quantile") is not None]
    panels = []
    for (workload, setting), results in grouped(chosen,
                                                lambda it: (it.workload, it.setting)).items():
        lines = {}
        for result in results:
            for row in result.measured:
                lines.setdefault(row.map, {})[result.parameter("quantile")] = row.median
        if len({result.parameter("quantile") for result in results}) > 1:
            panels.append((workload, untimed(setting), lines, results[0].unit))
    return panels


def memory(run):
    """[(setting, {map: {entries: median}}, unit)]: one panel at most"""
    lines = {}
    for result in run.results:
        entries = result.parameter("entries")
        if result.workload == "memory" and result.metric == "memory" and entries and \
                result.unit == "bytes an entry":
            for row in result.measured:
                lines.setdefault(row.map, {})[entries] = row.median
    return [("maps of that size", lines, "bytes an entry")] if lines else []


def pauses(run):
    """[(metric, setting, {map: median}, unit)]: the longest insert of each growth"""
    return [(result.metric, untimed(result.setting),
             {row.map: row.median for row in result.measured}, result.unit)
            for result in run.results
            if result.workload == "growth" and result.parameter("quantile") == 1]


def heat_maps(run):
    """[(key, {(operation, entries): result})]: the single operations, for each kind of key"""
    chosen = [result for result in run.results
              if result.workload == "operations"
              and result.metric == result.parameter("operation")]
    tables = []
    for key, results in grouped(chosen, lambda it: it.parameter("key") or "u64").items():
        tables.append((key, {(result.metric, result.parameter("entries")): result
                             for result in results}))
    return tables


def by_operation(table):
    """The rows of a heat map, those of an operation together, the smaller map first."""
    order = list(dict.fromkeys(operation for operation, _ in table))
    return dict(sorted(table.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))
