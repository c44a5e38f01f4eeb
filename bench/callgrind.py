"""Counting with callgrind: what the scripts of this folder share."""

import os
import re
import subprocess

TIMEOUT = 300


class Failure(Exception):
    pass


def output_of(command):
    environment = dict(os.environ, DASHMAP_SEED="1")
    try:
        run = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                             check=False, encoding="utf-8", errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(str(error)) from error
    if run.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit status {run.returncode}\n{run.stderr}")
    return run


def events(command, *options):
    """{event: how often} in the whole program, by the names that callgrind gives them."""
    run = output_of(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *options,
                     *command])
    names = re.search(r"Events +: (.+)", run.stderr)
    numbers = re.search(r"Collected : (\d.*)", run.stderr)
    if not names or not numbers:
        raise Failure(f"valgrind counted nothing:\n{run.stderr}")
    return dict(zip(names[1].split(), map(int, numbers[1].split())))


def collected(command):
    """The instructions of the whole program."""
    return events(command)["Ir"]


def simulated(command):
    """{figure: count} of the whole program: with instructions what a model of a processor says, the
    same model on each machine."""
    count = events(command, "--cache-sim=yes", "--branch-sim=yes", "--D1=32768,8,64")
    return {"instructions": count["Ir"], "data_misses": count["D1mr"] + count["D1mw"],
            "mispredictions": count["Bcm"] + count["Bim"]}
