"""A JSON file of the shape that `compare` writes, with numbers that nobody measured: for the test.

usage: sample.py FILE
"""

import json
import statistics
import sys

MAPS = ["dashmap", "boost", "boost-serial", "gtl", "libcds", "libcuckoo", "rust-dashmap",
        "rust-dashmap-256", "std-mutex", "std-shared-mutex", "tbb"]
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

    def noise(self):
        """From 0.95 to 1.1: what a round differs from the others by."""
        return 0.9 + 0.1 * self.factor()

    def add(self, workload, setting, parameters, metric, unit, more, base, rounds=3, skip=()):
        samples = {}
        for name in MAPS:
            scale = base * self.factor()
            samples[name] = [] if name in skip else [scale * self.noise() for _ in range(rounds)]
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

    def throughput(self, workload, setting, parameters, base, rounds=3):
        """What bench/measure.cpp measures of a trace that is replayed."""
        skip = () if parameters["threads"] == 1 else ("boost-serial",)
        self.add(workload, setting, parameters, "throughput", "million operations a second", True,
                 base, rounds, skip)
        self.add(workload, setting, parameters, "processor time",
                 "ns an operation, user and system", False, 1_000 / base, rounds, skip)


def told(count, what):
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def add_threads(sample):
    for threads in (1, 2, 8):
        for theta in (0.01, 0.99):
            sample.throughput("parallel_load",
                              f"50,000 keys, theta {theta}, {told(threads, 'thread')}",
                              {"entries": 50_000, "theta": theta, "threads": threads},
                              10 * threads ** 0.5)
        sample.throughput("hot", f"100 % find, 0 % update, {told(threads, 'thread')}",
                          {"update_percent": 0, "theta": 0.99, "threads": threads},
                          10 * threads ** 0.5, rounds=9)
    sample.throughput("ycsb", "A, 100,000 entries, u64 to 8 bytes, 2 threads",
                      {"mix": "A", "entries": 100_000, "theta": 0.99, "threads": 2}, 20)
    sample.throughput("words", "300,000 words, 2 threads",
                      {"words": 300_000, "threads": 2, "key": "string"}, 20)
    sample.throughput("oversubscribed", "16 threads",
                      {"held_every": 0, "theta": 0.99, "threads": 16}, 20)


def add_operations(sample):
    for key, size in (("u64", 8), ("string", 8), ("u64", 100)):
        for entries in (20_000, 500_000):
            for operation in OPERATIONS:
                skip = ("tbb", "std-mutex") if operation == "insert_reserved" else ()
                setting = f"{entries:,} entries" + (
                    ", strings of 24 characters" if key == "string" else "") + (
                    f", values of {size} bytes" if size != 8 else "")
                parameters = {"operation": operation, "entries": entries, "threads": 1, "key": key,
                              "value_bytes": size}
                sample.add("operations", setting, parameters, operation, "ns an operation", False,
                           30, skip=skip)
                sample.add("operations", setting, parameters, operation + ", processor time",
                           "ns an operation, user and system", False, 30, skip=skip)


def add_passes(sample):
    setting = "200,000 entries, while others update: 1 thread"
    parameters = {"entries": 200_000, "writers": 1, "threads": 2}
    for metric in ("elements visited", "updates meanwhile"):
        sample.add("iterate", setting, parameters, metric, "million a second", True, 50,
                   skip=("boost-serial",))


def add_latency(sample):
    growth = {"inserts": 1_000_000, "threads": 2}
    for workload, what, setting, parameters in (
            ("growth", "one insert", "1,000,000 inserts, 2 threads", growth),
            ("read_heavy", "one operation", "from 100,000 entries, 2 threads",
             {"entries": 100_000, "threads": 2})):
        sample.throughput(workload, setting, parameters, 10)
        for step, quantile in enumerate(QUANTILES):
            metric = f"{what}, " + ("longest" if quantile == 1 else f"p{quantile * 100:g}")
            sample.add(workload, setting + ", each timed", {**parameters, "quantile": quantile},
                       metric, "ns, with the clock", False, 50 * 6 ** step,
                       skip=("boost-serial",))
    sample.add("growth", "1,000,000 inserts, 2 threads, each timed by its thread's processor time",
               {**growth, "quantile": 1.0}, "one insert, longest in processor time",
               "ns, with the clock", False, 300_000, skip=("boost-serial",))


def add_memory(sample):
    for exponent in range(2, 7):
        maps, entries = 10**(6 - exponent), 10**exponent
        sample.add("memory", f"{told(maps, 'map')} of {entries:,} entries",
                   {"maps": maps, "entries": entries, "threads": 1}, "memory", "bytes an entry",
                   False, 30 + 2_000 / entries, rounds=1)
    for metric in ("memory, just before growth", "memory, average", "memory, just after growth"):
        sample.add("memory", "from 250,000 to 500,000 entries",
                   {"maps": 1, "entries": 250_000, "threads": 1}, metric, "bytes an entry", False,
                   30, rounds=1)
    sample.add("memory", "up to 10,000 maps of 0 entries",
               {"maps": 10_000, "entries": 0, "threads": 1}, "memory", "bytes a map", False, 1_000,
               rounds=1)


def content():
    sample = Sample()
    add_operations(sample)
    add_threads(sample)
    add_passes(sample)
    add_latency(sample)
    add_memory(sample)
    return {
        "dashmap": {"major": 0, "minor": 0, "patch": 0},
        "system": {"processor": "none: this is a test", "hardware_threads": 2, "compiler": "none",
                   "kernel": "0.0 <none>", "transparent_hugepages": "always [madvise] never"},
        "peers": {"boost": "1.84", "rust-dashmap": "5.4.0"}, "order": [["a", "b"], ["b", "a"]],
        "absent": ["folly", "boost-node"], "rounds": 3, "full": False, "scale": 1.0,
        "threads": [1, 2, 8], "failures": ["tbb, words, <a setting>: it is a test"],
        "results": sample.results,
        **{figure: {f"{key}.{operation}": {name: round(size * sample.factor(), 2)
                                           for name in MAPS if name != "rust-dashmap"}
                    for key in ("u64", "string") for operation in OPERATIONS}
           for figure, size in (("instructions", 60), ("data_misses", 3), ("mispredictions", 1))},
        "compile_cost": {
            "compiler": "none", "command": "none -O0", "repetitions": 5, "absent": ["gtl"],
            "maps": {name: {"samples": [1.0, 1.1, 1.2, 1.3, 1.4],
                            "quartiles": quartiles([1.0, 1.1, 1.2, 1.3, 1.4]),
                            "text_bytes": round(9_000 * sample.factor())}
                     for name in [*MAPS, "none"] if name not in ("gtl", "rust-dashmap")}}}


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(content(), file, indent=1)
