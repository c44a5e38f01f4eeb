"""Counting instructions with callgrind: what the scripts of this folder share."""

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


def collected(command):
    """The instructions of the whole program."""
    run = output_of(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command])
    found = re.search(r"Collected : (\d+)", run.stderr)
    if not found:
        raise Failure(f"valgrind counted nothing:\n{run.stderr}")
    return int(found[1])
