"""The program as its users start it, and a look at what it leaves behind."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import termios
import time
import unittest
import uuid

PROGRAM = os.environ["BROOD_PROGRAM"]
LIMIT = int(os.environ.get("BROOD_TEST_LIMIT", "60"))  # seconds: bounds hangs
NOBODY = 65534


def wait_until(fact, what="what was waited for"):
    """Waits until fact() is true, and gives its value."""
    end = time.monotonic() + LIMIT
    while not (value := fact()):
        if time.monotonic() > end:
            raise AssertionError(f"not seen in {LIMIT} s: {what}")
        time.sleep(0.005)
    return value


def parent_of(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0].decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class ProgramTest(unittest.TestCase):
    """Each test has a folder of its own, and a mark in the environment of all
    that it starts; whoever still has the mark at the end was left behind."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="brood-test-")
        os.chmod(self.folder, 0o777)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.mark = "BROOD_TEST_MARK=" + uuid.uuid4().hex
        self.addCleanup(self.check_nothing_is_left)

    def path(self, name):
        return os.path.join(self.folder, name)

    def environment(self, extra=None):
        name, _, value = self.mark.partition("=")
        kept = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/",
                "LC_ALL": "C", "DIR": self.folder, name: value}
        return {**kept, **(extra or {})}

    def start(self, *arguments, env=None, as_nobody=False, before=None,
              **streams):
        """Popen of the program; streams are pipes unless given."""
        for each in ("stdout", "stderr"):
            streams.setdefault(each, subprocess.PIPE)
        streams.setdefault("stdin", subprocess.DEVNULL)
        program = PROGRAM
        if as_nobody:
            # Its folder may be closed to others.
            program = self.path("brood")
            if not os.path.exists(program):
                shutil.copy(PROGRAM, program)
                os.chmod(program, 0o755)
            streams.update(user=NOBODY, group=NOBODY, extra_groups=[])
        streams.setdefault("cwd", self.folder)
        arguments = list(arguments)
        if "-s" in arguments:
            # A line without a place for its value would get it as its last
            # word, which most lines here have no use for.
            at = arguments.index("-s") + 1
            if not re.search(r"\{[#%0-9]*\}", arguments[at]):
                arguments[at] += " # {}"
        return subprocess.Popen(
            [program, *map(str, arguments)], env=self.environment(env),
            preexec_fn=before, **streams)

    def run_program(self, *arguments, text="", **options):
        """Runs it to its end; text is its standard input."""
        if "stdin" not in options:
            options["stdin"] = subprocess.PIPE
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(
                text.encode() if options["stdin"] == subprocess.PIPE else None,
                timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError(f"hangs: {arguments}") from None
        return subprocess.CompletedProcess(
            arguments, process.returncode, (out or b"").decode(),
            (err or b"").decode())

    def report_of(self, *arguments, **options):
        """Runs it with --report; gives the run, and the records of its jobs
        by seq (the last attempt's)."""
        path = self.path("report")
        if os.path.exists(path):
            os.unlink(path)
        form = arguments[:1] if arguments[0] == "one" else ()
        done = self.run_program(*form, "--report", path,
                                *arguments[len(form):], **options)
        jobs = {each["seq"]: each for each in self.records("job")}
        return done, jobs

    def records(self, kind):
        def written():
            with open(self.path("report"), encoding="utf-8") as file:
                lines = file.readlines()
            whole = not lines or lines[-1].endswith("\n")
            return (lines,) if whole else None
        (lines,) = wait_until(written, "the end of a record")
        return [each for each in map(json.loads, lines) if each["ev"] == kind]

    def start_on_terminal(self, *arguments, **options):
        """On a new terminal that controls its session; gives the process and
        our side of the terminal."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        process = self.start(*arguments, before=take_terminal, stdin=theirs,
                             stdout=theirs, stderr=theirs, **options)
        os.close(theirs)
        return process, ours

    def suspend_and_continue(self, arguments):
        """Runs the program below a shell that suspends and continues it: a
        group without one is never suspended. `arguments` write a job's pid to
        $DIR/job, which is suspended with it; then Ctrl-C ends all."""
        shell, terminal = self.start_on_terminal(
            "one", "sh", "-c",
            f"set -m; {PROGRAM} {arguments}; "
            "touch $DIR/suspended; while ! test -e $DIR/go; do sleep 0.01; "
            "done; fg; echo rc $? > $DIR/rc")
        job = int(self.text_of("job"))
        os.write(terminal, b"\x1a")
        self.wait_for_file("suspended")
        wait_until(lambda: state_of(job) == "T", "the job's suspension")
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        wait_until(lambda: state_of(job) == "S", "the job's going on")
        os.write(terminal, b"\x03")
        self.assertEqual(self.text_of("rc"), "rc 130\n")
        shell.wait(timeout=60)

    def text_of(self, name):
        """What is in a file, once there is something."""
        wait_until(lambda: os.path.exists(self.path(name)) and
                   os.path.getsize(self.path(name)), name)
        with open(self.path(name), encoding="ascii") as file:
            return file.read()

    def marked(self):
        """The living processes with our mark: {pid: parent}."""
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if self.mark.encode() not in file.read():
                        continue
                if state_of(int(name)) not in ("Z", "X", ""):
                    found[int(name)] = parent_of(int(name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def guard_of(self, process):
        """The pid of the guard of a running program."""
        def look():
            for pid, parent in self.marked().items():
                if parent == process.pid:
                    return pid
            return None
        return wait_until(look, "the guard")

    def wait_for_file(self, name):
        wait_until(lambda: os.path.exists(self.path(name)), name)

    def check_nothing_is_left(self):
        left = self.marked()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.assertEqual(left, {}, "left running")


def main():
    unittest.main()
