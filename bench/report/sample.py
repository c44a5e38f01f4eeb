"""A JSON file of the shape that `compare` writes, with numbers that nobody measured: for the test.

usage: sample.py FILE
"""

import json
import statistics
import sys

MAPS = ["dashmap", "boost", "boost-serial", "gtl", "libcds", "libcuckoo", "rust-dashmap",
        "std-mutex", "std-shared-mutex", "tbb"]
OPERATIONS = ["insert", "insert_reserved", "insert_many", "insert_all", "hit", "miss", "update",
              "upsert", "guard", "find_many", "erase"]
QUANTILES = [0.5, 0.9, 0.99, 0.999, 0.9999, 1.0]
COMMON = {"key": "u64", "value_bytes": 8}


def quartiles(values):
    if len(values) == 1:
        values = values * 2
    first, median, third = statistics.quantiles(values, n=4, method="inclusive")
    return {"first": first, "median": median, "third": third}


class Sample:
    def __init__(self):
        self.results = []
        self.state = 1

    def factor(self):
        """Any number from 0.5 to 2, the same on each run."""
        self.state = self.state * 1103515245 % 2**31 + 12345
        return 0.5 + 1.5 * (self.state % 1000) / 1000

    def add(self, workload, setting, parameters, metric, unit, more, base, rounds=3, skip=()):
        samples = {}
        for name in MAPS:
            scale = base * self.factor()
            samples[name] = [] if name in skip else [scale * (1 + 0.02 * i) for i in range(rounds)]
        maps = []
        for name in MAPS:
            entry = {"map": name, "samples": samples[name]}
            if samples[name]:
                entry["quartiles"] = quartiles(samples[name])
                if name != "dashmap":
                    pairs = zip(samples["dashmap"], samples[name])
                    entry["dashmap_against_it"] = quartiles(
                        [own / other if more else other / own for own, other in pairs])
            maps.append(entry)
        self.results.append({"workload": workload, "setting": setting,
                             "parameters": {**COMMON, **parameters}, "metric": metric,
                             "unit": unit, "more_is_better": more, "maps": maps})


def add_threads(sample):
    for workload, setting in (("parallel_load", "50,000 keys, theta 0.01"),
                              ("parallel_load", "50,000 keys, theta 0.99"),
                              ("hot", "100 % find, 0 % update")):
        for threads in (1, 2, 8):
            text = f"{setting}, {threads} thread{'s' if threads > 1 else ''}"
            parameters = {"threads": threads, "entries": 50_000}
            skip = ("boost-serial",) if threads > 1 else ()
            sample.add(workload, text, parameters, "throughput", "million operations a second",
                       True, 10 * threads ** 0.5, skip=skip)
    sample.add("ycsb", "A, 100,000 entries, u64 to 8 bytes, 2 threads",
               {"operation": "A", "threads": 2}, "throughput", "million operations a second", True,
               20, skip=("boost-serial",))


def add_operations(sample):
    for key in ("u64", "string"):
        for entries in (20_000, 500_000):
            for operation in OPERATIONS:
                skip = ("tbb", "std-mutex") if operation == "insert_reserved" else ()
                setting = f"{entries:,} entries" + (
                    ", strings of 24 characters" if key == "string" else "")
                parameters = {"operation": operation, "entries": entries, "threads": 1, "key": key}
                sample.add("operations", setting, parameters, operation, "ns an operation", False,
                           30, skip=skip)
                sample.add("operations", setting, parameters, operation + ", processor time",
                           "ns an operation, user and system", False, 30, skip=skip)


def add_latency(sample):
    for workload, what in (("growth", "1,000,000 inserts, 2 threads"),
                           ("read_heavy", "from 100,000 entries, 2 threads")):
        for step, quantile in enumerate(QUANTILES):
            metric = "one insert, " + ("longest" if quantile == 1 else f"p{quantile * 100:g}")
            sample.add(workload, what + ", each timed", {"threads": 2, "quantile": quantile},
                       metric, "ns, with the clock", False, 50 * 6 ** step,
                       skip=("boost-serial",))
    sample.add("growth", "1,000,000 inserts, 2 threads, each timed by its thread's processor time",
               {"threads": 2, "quantile": 1.0}, "one insert, longest in processor time",
               "ns, with the clock", False, 300_000, skip=("boost-serial",))


def add_memory(sample):
    for exponent in range(2, 7):
        entries = 10**exponent
        sample.add("memory", f"{10**6 // entries} maps of {entries} entries",
                   {"maps": 10**6 // entries, "entries": entries}, "memory", "bytes an entry",
                   False, 30 + 2_000 / entries, rounds=1)
    sample.add("memory", "up to 10,000 maps of 0 entries", {"maps": 10_000, "entries": 0}, "memory",
               "bytes a map", False, 1_000, rounds=1)


def content():
    sample = Sample()
    add_operations(sample)
    add_threads(sample)
    add_latency(sample)
    add_memory(sample)
    return {
        "dashmap": {"major": 0, "minor": 0, "patch": 0},
        "system": {"processor": "none: this is a test", "hardware_threads": 2, "compiler": "none"},
        "absent": ["folly", "boost-node"], "rounds": 3, "full": False, "scale": 1.0,
        "threads": [1, 2, 8], "failures": ["tbb, words, <a setting>: it is a test"],
        "results": sample.results,
        "instructions": {f"{key}.{operation}": {name: round(60 * sample.factor(), 1)
                                                for name in MAPS if name != "rust-dashmap"}
                         for key in ("u64", "string") for operation in OPERATIONS},
        "compile_cost": {
            "compiler": "none", "command": "none -O0", "repetitions": 5, "absent": ["gtl"],
            "maps": {name: {"samples": [1.0, 1.1, 1.2, 1.3, 1.4],
                            "quartiles": quartiles([1.0, 1.1, 1.2, 1.3, 1.4]),
                            "text_bytes": round(9_000 * sample.factor())}
                     for name in [*MAPS, "none"] if name not in ("gtl", "rust-dashmap")}}}


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(content(), file, indent=1)
