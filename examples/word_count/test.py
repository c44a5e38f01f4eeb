#!/usr/bin/env python3
"""test.py PROGRAM: runs word_count on small inputs and compares with what Python counts."""

import collections
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = None  # from the command line
MAPS = ["dashmap::DashMap", "std::shared_mutex + std::unordered_map",
        "std::mutex + std::unordered_map"]


def count(*texts):
    words = collections.Counter()
    for text in texts:
        words.update(re.findall(rb"[A-Za-z_][A-Za-z0-9_]*", text))
    return {word.decode(): number for word, number in words.items()}


def default_interrupt():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class WordCount(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def run_program(self, *arguments, status=0, **options):
        options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
        if options["stdin"] is None:
            del options["stdin"]
        run = subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=120, **options)
        self.assertEqual(run.returncode, status, run.stderr.decode("utf-8", "replace"))
        return run

    def run_json(self, *arguments, **options):
        return json.loads(self.run_program(*arguments, "--json", "--top", 1000000,
                                           **options).stdout)

    def assert_counts(self, result, expected):
        self.assertEqual({it["word"]: it["count"] for it in result["top"]}, expected)
        self.assertEqual(result["distinct_words"], len(expected))
        self.assertEqual(result["words"], sum(expected.values()))

    def start(self, *arguments, **options):
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                                   preexec_fn=default_interrupt, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    # --- Counting ---

    def test_counts_a_tree(self):
        texts = [b"int main() { return 0x1F + 12ab; }\n", b"int a_1, _b, int\xff\0x", b"", b"\n\n"]
        for index, text in enumerate(texts):
            self.write(f"below/{index}/file", text)
        result = self.run_json(self.folder)
        self.assert_counts(result, count(*texts))
        self.assertEqual(result["files"], len(texts))
        self.assertEqual(result["bytes"], sum(map(len, texts)))
        self.assertFalse(result["partial"])
        self.assertEqual(result["skipped"], [])

    def test_counts_the_same_with_any_number_of_threads(self):
        texts = [" ".join(f"word_{i % n} common" for i in range(2000)).encode()
                 for n in range(1, 40)]
        for index, text in enumerate(texts):
            self.write(f"{index}.txt", text)
        for threads in 1, 2, 7, 64:
            result = self.run_json("--threads", threads, self.folder)
            self.assert_counts(result, count(*texts))
            self.assertEqual(result["threads"], threads)

    def test_words_across_the_edges_of_buffers(self):
        texts = [b"a" * n + b" bc" for n in (262143, 262144, 262145, 1000000, 3000000)]
        texts.append(b"".join(b"w%d " % (i % 1000) for i in range(300000)))
        for index, text in enumerate(texts):
            self.write(str(index), text)
        self.assert_counts(self.run_json(self.folder), count(*texts))
        self.assert_counts(self.run_json("-", input=texts[-1]), count(texts[-1]))
        self.assert_counts(self.run_json("-", input=texts[-2]), count(texts[-2]))

    def test_the_maps_agree(self):
        self.write("file", b"one two two three three three")
        comparison = self.run_json(self.folder)["comparison"]
        self.assertTrue(comparison["agree"])
        self.assertEqual([it["map"] for it in comparison["maps"]], MAPS)
        self.assertEqual(comparison["maps"][0]["ratio"], 1)
        output = self.run_program(self.folder).stdout.decode()
        for name in MAPS:
            self.assertIn(name, output)

    @unittest.skipUnless(os.path.exists("/proc/sys/kernel/random/uuid"), "needs Linux")
    def test_a_file_that_changes_is_a_disagreement(self):
        run = self.run_program("/proc/sys/kernel/random/uuid", status=1)
        self.assertIn(b"disagree", run.stderr)
        run = self.run_program("--json", "/proc/sys/kernel/random/uuid", status=1)
        self.assertFalse(json.loads(run.stdout)["comparison"]["agree"])

    # --- Paths ---

    def test_no_file_counts_twice(self):
        path = self.write("below/file", b"once")
        self.write("other", b"other")
        result = self.run_json(self.folder, path, path, self.folder / "below/..", path.parent)
        self.assert_counts(result, {"once": 1, "other": 1})

    def test_symbolic_links(self):
        self.write("tree/file", b"inside")
        outside = self.write("outside/file", b"outside")
        (self.folder / "tree/up").symlink_to("..")
        (self.folder / "tree/outside").symlink_to("../outside")
        (self.folder / "tree/link").symlink_to(outside)
        (self.folder / "tree/dangling").symlink_to("nowhere")
        self.assert_counts(self.run_json(self.folder / "tree"), {"inside": 1})
        self.assert_counts(self.run_json(self.folder / "tree/link"), {"outside": 1})
        self.assert_counts(self.run_json(self.folder / "tree/outside"), {"outside": 1})

    def test_hard_links_are_two_files(self):
        path = self.write("tree/one", b"word")
        os.link(path, self.folder / "tree/two")
        self.assert_counts(self.run_json(self.folder), {"word": 2})

    def test_standard_input(self):
        path = self.write("file", b"word from file")
        result = self.run_json(path, "-", "-", input=b"word from input")
        self.assert_counts(result, {"word": 2, "from": 2, "file": 1, "input": 1})
        self.assertTrue(result["comparison"]["agree"])
        self.assertEqual(result["files"], 2)
        self.assert_counts(self.run_json("-", input=b""), {})

    def test_a_pipe_is_read_like_standard_input(self):
        path = self.folder / "pipe"
        os.mkfifo(path)
        process = self.start("--json", path)
        with open(path, "wb") as pipe:
            pipe.write(b"through a pipe")
        result = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual(process.returncode, 0)
        self.assert_counts(result, {"through": 1, "a": 1, "pipe": 1})

    def test_a_missing_path_is_an_error(self):
        path = self.write("file", b"word")
        run = self.run_program(path, self.folder / "no such", status=2)
        self.assertIn(str(self.folder / "no such"), run.stderr.decode())
        self.assertEqual(run.stdout, b"")

    def test_what_cannot_be_read_is_named_and_skipped(self):
        program = PROGRAM
        user = {}
        if os.geteuid() == 0:
            # Root may read everything: be somebody else, who can reach the program and the files.
            try:
                account = pwd.getpwnam("nobody")
            except KeyError:
                self.skipTest("runs as root, and there is no other user")
            user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            program = shutil.copy(PROGRAM, self.folder / "program")
            os.chmod(program, 0o755)
            os.chmod(self.folder, 0o755)
        self.write("tree/good", b"good")
        bad_file = self.write("tree/bad", b"bad")
        bad_folder = self.write("tree/closed/file", b"hidden").parent
        os.chmod(bad_file, 0)
        os.chmod(bad_folder, 0)
        self.addCleanup(os.chmod, bad_folder, 0o700)
        run = subprocess.run([program, "--json", self.folder / "tree"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=60, **user)
        self.assertEqual(run.returncode, 0, run.stderr)
        result = json.loads(run.stdout)
        self.assert_counts(result, {"good": 1})
        self.assertEqual({it["path"] for it in result["skipped"]}, {str(bad_file), str(bad_folder)})
        for path in bad_file, bad_folder:
            self.assertEqual(run.stderr.decode().count(f"skipped {path}: "), 1)

    @unittest.skipUnless(os.path.exists("/proc/self/mem"), "needs Linux")
    def test_an_error_in_the_middle_of_reading_is_named(self):
        path = self.write("file", b"word")
        run = self.run_program("--json", path, "/proc/self/mem")
        self.assert_counts(json.loads(run.stdout), {"word": 1})
        self.assertIn(b"skipped /proc/", run.stderr)

    def test_names_that_are_not_utf_8(self):
        folder = os.fsencode(self.folder)
        try:
            with open(folder + b"/caf\xe9", "wb") as file:
                file.write(b"word")
            os.mkfifo(folder + b"/pipe\xe9")
        except OSError:
            self.skipTest("the file system takes no such names")
        self.assert_counts(self.run_json(self.folder), {"word": 1})
        # Reading from a socket fails: its name is in the result.
        with socket.socket(socket.AF_UNIX) as endpoint:
            endpoint.bind(folder + b"/socket\xe9")
            run = subprocess.run([PROGRAM, "--json", folder + b"/socket\xe9"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(run.returncode, 0)
        self.assertIn("/socket\ufffd", json.loads(run.stdout)["skipped"][0]["path"])

    # --- Options ---

    def test_top_and_order(self):
        self.write("file", b"c c c b b a a d")
        result = json.loads(self.run_program("--json", "--top", 3, self.folder).stdout)
        self.assertEqual([(it["word"], it["count"]) for it in result["top"]],
                         [("c", 3), ("a", 2), ("b", 2)])
        self.assertEqual(result["distinct_words"], 4)
        lines = self.run_program("--top", 2, "--no-compare", self.folder).stdout.decode()
        self.assertRegex(lines, r"(?s)8 words, 4 distinct, in 1 file .*"
                                r"\n1  c  3  #+\n2  a  2  #+\n$")
        self.assertNotIn("#", self.run_program("--top", 0, self.folder).stdout.decode())

    def test_long_words_are_shortened_for_the_screen_alone(self):
        word = "w" * 500
        self.write("file", word.encode())
        self.assertNotIn("w" * 40, self.run_program(self.folder).stdout.decode())
        self.assert_counts(self.run_json(self.folder), {word: 1})

    def test_no_compare(self):
        self.write("file", b"word")
        self.assertIsNone(self.run_json("--no-compare", self.folder)["comparison"])
        output = self.run_program("--no-compare", self.folder).stdout.decode()
        self.assertNotIn("unordered_map", output)

    def test_help(self):
        output = self.run_program("--help").stdout.decode()
        for option in "--threads", "--top", "--json", "--no-compare", "--help", "PATH":
            self.assertIn(option, output)

    def test_wrong_options(self):
        for arguments in (["--threads", "0"], ["--threads", "1025"], ["--threads", "-1"],
                          ["--threads", "two"], ["--threads"], ["--threads", "1.5"],
                          ["--top", "-1"], ["--top", "many"], ["--top", "99999999999999999999"],
                          ["--unknown"], ["--json=maybe"]):
            with self.subTest(arguments=arguments):
                run = self.run_program(*arguments, status=2)
                self.assertIn(arguments[0].split("=")[0].lstrip("-"), run.stderr.decode())
                self.assertEqual(run.stdout, b"")

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_result_that_cannot_be_written_is_an_error(self):
        self.write("file", b"word")
        for more in [], ["--json"]:
            with open("/dev/full", "wb") as full:
                run = subprocess.run([PROGRAM, *more, self.folder], stdout=full,
                                     stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(run.returncode, 1)
            self.assertIn(b"could not be written", run.stderr)

    # --- Ctrl-C ---

    def interrupt(self, process):
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        return output

    def test_interrupt_while_reading_standard_input(self):
        # The pipe holds far less than this: after the write, most of it has been read.
        text = b"alpha beta alpha\n" * 100000
        for options in [], ["--json"]:
            path = self.write("file", b"never counted, for the input comes first")
            process = self.start("-", path, *options, stdin=subprocess.PIPE)
            process.stdin.write(text)
            process.stdin.flush()
            output = self.interrupt(process)
            if options:
                result = json.loads(output)
                self.assertTrue(result["partial"])
                self.assertIsNone(result["comparison"])
                counts = {it["word"]: it["count"] for it in result["top"]}
                self.assertLessEqual(counts.keys() - {"al", "alp", "alph", "b", "be", "bet"},
                                     {"alpha", "beta", "a"})
                self.assertGreater(counts["alpha"], 10000)
            else:
                self.assertIn(b"PARTIAL", output)
                self.assertIn(b"alpha", output)
                self.assertNotIn(b"unordered_map", output)

    def test_interrupt_while_waiting_for_a_pipe(self):
        path = self.folder / "pipe"
        os.mkfifo(path)
        process = self.start(path, "--json")
        # Nobody writes: the program is ready once it catches the signal.
        self.wait_for(lambda: self.catches_interrupts(process.pid))
        result = json.loads(self.interrupt(process))
        self.assertTrue(result["partial"])
        self.assertEqual(result["words"], 0)

    def test_interrupt_while_counting(self):
        self.write("small", b"word")
        large = self.folder / "large"
        large.touch()
        try:
            os.truncate(large, 1 << 42)  # holes, hours to read
        except OSError:
            self.skipTest("the file system takes no file of this size")
        process = self.start("--json", "--threads", 2, self.folder)
        self.wait_for(lambda: self.has_read(process.pid, 50_000_000))
        result = json.loads(self.interrupt(process))
        self.assertTrue(result["partial"])
        self.assert_counts(result, {"word": 1})
        self.assertGreater(result["bytes"], 0)

    def test_interrupt_while_comparing(self):
        self.write("small", b"word")
        os.truncate(self.write("large", b""), 700_000_000)  # holes
        terminal, other_end = os.openpty()
        process = self.start("--json", self.folder, stderr=other_end)
        os.close(other_end)
        shown = b""
        while b"Comparing maps" not in shown:
            shown += os.read(terminal, 1000)
        process.send_signal(signal.SIGINT)
        result = json.loads(process.communicate(timeout=60)[0])
        os.close(terminal)
        self.assertEqual(process.returncode, 130)
        self.assertFalse(result["partial"])
        self.assertIsNone(result["comparison"])
        self.assert_counts(result, {"word": 1})

    def wait_for(self, condition):
        for _ in range(1000):
            if condition():
                return
            time.sleep(0.02)
        self.fail("waited for nothing")

    def catches_interrupts(self, pid):
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            self.skipTest("needs Linux")
        caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
        return caught & 1 << (signal.SIGINT - 1)

    def has_read(self, pid, size):
        try:
            status = pathlib.Path(f"/proc/{pid}/io").read_text()
        except OSError:
            self.skipTest("needs Linux")
        return int(re.search(r"rchar: (\d+)", status)[1]) > size

    # --- Progress ---

    def test_progress_on_a_terminal_and_elsewhere(self):
        self.write("file", b"word")
        self.assertEqual(self.run_program(self.folder).stderr, b"")

        terminal, other_end = os.openpty()
        process = self.start("-", stdin=subprocess.PIPE, stderr=other_end)
        os.close(other_end)
        process.stdin.write(b"word")
        process.stdin.flush()
        shown = b""
        while b"Reading standard input: 4 B" not in shown:
            shown += os.read(terminal, 1000)
        self.assertIn(b"\r", shown)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        os.close(terminal)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
