"""What the checks in Python share."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(ROOT)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
_errors = []


def files(*prefixes):
    """The files of the repository, committed or not yet, whose path starts with one of these."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    return sorted({path for path in listed
                   if path and os.path.isfile(path) and path.startswith(prefixes or ("",))})


def headers():
    return [path for path in files("include/") if path.endswith(".hpp")]


def sources():
    return [path for path in files("include/", "test/", "examples/", "bench/")
            if path.endswith((".hpp", ".cpp"))]


def lines(path):
    """(number, text) of each line; nothing for a file that is no text."""
    with open(path, "rb") as file:
        data = file.read()
    if b"\0" in data:
        return []
    return list(enumerate(data.decode("utf-8", "replace").split("\n"), 1))


def error(path, line, message):
    _errors.append(f"{path}:{line}: {message}")


def finish():
    for message in _errors:
        print(message)
    sys.exit(1 if _errors else 0)
