"""The program under test, as a user runs it.

Every run is bounded, and marked with a variable that nothing else has: what
still carries the mark afterwards was left running.
"""

import os
import subprocess
import time
import unittest
import uuid

PROGRAM = os.environ["BROOD_PROGRAM"]
LIMIT = 60  # seconds: only to bound a hang
MARK = "BROOD_TEST_MARK"


def marked(mark):
    """The processes whose environment has the mark, as (pid, command)."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if wanted not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                found.append((int(entry), file.read().split(b"\0")))
        except OSError:
            continue    # gone meanwhile, or not ours
    return found


class ProgramTest(unittest.TestCase):
    """Runs the program, and sees that each run leaves nothing."""

    maxDiff = None

    def setUp(self):
        self.mark = uuid.uuid4().hex
        self.addCleanup(self.check_nothing_left)

    def environment(self, **more):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"),
               "HOME": "/", "LC_ALL": "C", MARK: self.mark}
        env.update(more)
        return env

    def check_nothing_left(self):
        # A killed process may take a moment until it is gone from /proc.
        deadline = time.monotonic() + LIMIT
        while marked(self.mark) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(marked(self.mark), [], "left running")

    def run_program(self, *arguments, stdin=b"", program=None, env=None,
                    **options):
        """Its CompletedProcess, with bytes."""
        how = {"capture_output": True, **options}
        if "stdin_file" in how:
            how["stdin"] = how.pop("stdin_file")
        else:
            how["input"] = stdin
        return subprocess.run([program or PROGRAM, *arguments],
                              env=self.environment(**(env or {})),
                              timeout=LIMIT, check=False, **how)

    def start_program(self, *arguments, env=None, **options):
        """Its Popen; killed at the end of the test, if it still runs."""
        process = subprocess.Popen([PROGRAM, *arguments],
                                   env=self.environment(**(env or {})),
                                   **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait(LIMIT)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()

        self.addCleanup(end)
        return process

    def out(self, *arguments, **options):
        """What it prints; it must succeed and say nothing else."""
        done = self.run_program(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return done.stdout.decode()

    def assert_refused(self, arguments, text, code=2):
        """It ends with `code` and one line that has the text."""
        done = self.run_program(*arguments)
        said = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (code, b""), said)
        self.assertIn(text, said)
        self.assertTrue(said.startswith("brood: "), said)
        self.assertEqual(said.count("\n"), 1, said)
