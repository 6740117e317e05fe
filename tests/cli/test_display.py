"""The live display: what a person sees, and what is left when it ends."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import unittest

from program import PROGRAM, ProgramTest
from screen import Screen

DRIVER = os.environ["BROOD_DISPLAY_DRIVER"]
LIMIT = 60  # seconds: only to bound a hang


class Display:
    """The driver on a terminal, or with pipes for its output."""

    def __init__(self, *arguments, columns=80, rows=24, terminal=True,
                 **environment):
        self.screen = Screen(columns, rows)
        self.raw = ""
        if terminal:
            self.reader, writer = pty.openpty()
            # Without it "\n" would come as "\r\n", which is the same here.
            self.size(columns, rows)
        else:
            self.reader, writer = os.pipe()
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        env = {"PATH": "/usr/bin:/bin", "TERM": "xterm", "LANG": "C.UTF-8",
               **environment}

        def wire():
            # dup2() to the number that it has already keeps close-on-exec.
            spare = [os.dup(commands), os.dup(answers)]
            spare = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in spare]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        self.process = subprocess.Popen(
            [DRIVER, *arguments], stdin=subprocess.DEVNULL, stdout=writer,
            stderr=writer, env=env, preexec_fn=wire, close_fds=False)
        for fd in (writer, commands, answers):
            os.close(fd)

    def size(self, columns, rows):
        fcntl.ioctl(self.reader, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def do(self, *commands):
        for command in commands:
            os.write(self.commands, (command + "\n").encode())
            ready, _, _ = select.select([self.answers], [], [], LIMIT)
            assert ready, f"no answer to {command!r}"
            assert os.read(self.answers, 5) == b"done\n"
        self.read()

    def read(self):
        """What has been written: before the answer, so it is there."""
        text = b""
        while select.select([self.reader], [], [], 0)[0]:
            try:
                part = os.read(self.reader, 65536)
            except OSError:  # the terminal's other side is closed
                break
            if not part:
                break
            text += part
        text = text.decode()
        self.raw += text
        self.screen.feed(text)

    def end(self):
        os.close(self.commands)
        code = self.process.wait(LIMIT)
        self.read()
        os.close(self.answers)
        os.close(self.reader)
        return code


class DisplayTest(unittest.TestCase):
    def display(self, *arguments, **keywords):
        display = Display(*arguments, **keywords)
        self.addCleanup(self.stop, display)
        return display

    def stop(self, display):
        if display.process.poll() is None:
            display.process.kill()
            display.process.wait(LIMIT)


class OnATerminal(DisplayTest):
    def test_shows_the_oldest_jobs_below_a_status_line(self):
        display = self.display()
        display.do("begin 20")
        for seq in range(1, 13):
            display.do(f"start {seq} cc -c file{seq}.c", "pass 1000")
        display.do("end 1 ok 0 x", "end 2 exit 3 cc -c file2.c",
                   "said 3 note: \\e[1mexpanded\\e[0m from macro", "pass 1000")
        lines = display.screen.lines()
        self.assertEqual(lines[0],
                         "brood: job 2: exit code 3: cc -c file2.c")
        self.assertRegex(lines[1], r"^ 2/20  ok 1  fail 1  run 10  "
                                   r"00:13 left 00:2\d$")
        self.assertRegex(lines[2], r"^ #3 +11\.0s +cc -c file3\.c +\| "
                                   r"note: expanded from macro$")
        self.assertRegex(lines[3], r"^ #4 +10\.0s +cc -c file4\.c$")
        self.assertEqual(lines[-1], " and 4 more")
        # A third of 24 lines.
        self.assertEqual(len(lines), 1 + 8)

    def test_nothing_is_left_but_the_output(self):
        display = self.display()
        display.do("begin 3", "start 1 a", "start 2 b", "pass 500",
                   "print one\\n", "pass 500", "print two\\nthree\\n",
                   "pass 30", "print four\\n", "pass 200")
        self.assertEqual(display.screen.lines()[:4],
                         ["one", "two", "three", "four"])
        self.assertEqual(len(display.screen.lines()), 4 + 3)
        display.do("finish", "pass 500")
        self.assertEqual(display.screen.lines(),
                         ["one", "two", "three", "four"])
        self.assertEqual(display.screen.column, 0)
        self.assertEqual(display.end(), 0)

    def test_output_without_a_line_feed_is_not_painted_over(self):
        for text in ("a", "ab", "x" * 79, "x" * 80, "x" * 81):
            with self.subTest(length=len(text)):
                display = self.display()
                display.do("begin 3", "start 1 a", "pass 500",
                           f"print {text}", "pass 500", "pass 500")
                self.assertEqual("".join(display.screen.lines()[:-2]), text)
                display.do("finish")
                self.assertEqual("".join(display.screen.lines()), text)
                self.assertEqual(display.end(), 0)

    def test_a_run_that_is_over_at_once_shows_nothing(self):
        display = self.display()
        display.do("begin 1", "start 1 true", "pass 50", "print out\\n",
                   "end 1 ok 0 true", "finish")
        self.assertNotIn("1/1", display.raw)
        self.assertEqual(display.screen.lines(), ["out"])

    def test_paints_no_more_than_ten_times_a_second(self):
        display = self.display()
        display.do("begin 3", "start 1 a")
        for _ in range(200):
            display.do("pass 10", "print x\\n")
        painted = display.raw.count("0/3")
        self.assertLessEqual(painted, 20)
        self.assertGreaterEqual(painted, 10)

    def test_a_changed_width_leaves_no_rest(self):
        for columns in (100, 79, 50, 33):
            with self.subTest(columns=columns):
                display = self.display()
                display.do("begin 3", "print kept\\n", "start 1 " + "a" * 90,
                           "start 2 " + "b" * 90, "pass 500")
                display.size(columns, 24)
                display.screen.resize(columns, 24)
                display.do("resized")
                lines = display.screen.lines()
                self.assertEqual(lines[0], "kept")
                self.assertEqual(len(lines), 4, lines)
                self.assertTrue(all(len(line) < columns for line in lines))
                display.do("finish")
                self.assertEqual(display.screen.lines(), ["kept"])

    def test_goes_on_below_what_the_shell_wrote_while_it_was_stopped(self):
        display = self.display()
        display.do("begin 3", "start 1 a", "pass 500")
        before = display.screen.lines()
        display.screen.feed("[1]+ Stopped\r\n$ fg\r\nbrood\r\n")
        display.do("stand 9000", "resized", "stand 1", "resized")
        self.assertEqual(display.screen.lines()[:5],
                         before + ["[1]+ Stopped", "$ fg", "brood"])
        self.assertEqual(len(display.screen.lines()), 5 + len(before))
        display.do("finish")
        self.assertEqual(display.screen.lines()[2:],
                         ["[1]+ Stopped", "$ fg", "brood"])

    def test_a_killed_program_leaves_a_usable_terminal(self):
        display = self.display()
        display.do("begin 3", "start 1 a", "pass 500")
        display.process.send_signal(signal.SIGKILL)
        display.process.wait(LIMIT)
        display.read()
        self.assertEqual(display.screen.column, 0)
        self.assertEqual(display.screen.row, 2)
        self.assertEqual(display.screen.attributes, "")
        self.assertNotIn("?25", display.raw)

    def test_wide_characters_do_not_wrap(self):
        display = self.display(columns=40)
        display.do("begin 3", "start 1 " + "\u6f22\u5b57" * 20,
                   "start 2 e\u0301" + "\u00e9" * 50, "pass 500")
        lines = display.screen.lines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[1].endswith(">"))
        display.do("finish")
        self.assertEqual(display.screen.lines(), [])

    def test_ascii_where_the_locale_has_nothing_else(self):
        display = self.display(LANG="C")
        display.do("begin", "start 1 caf\u00e9", "pass 500")
        self.assertIn("caf?", display.screen.lines()[1])
        self.assertTrue(display.raw.isascii())

    def test_control_characters_of_a_command_do_nothing(self):
        display = self.display()
        display.do("begin", "start 1 a\\e[2Jb\\ec\\e]0;title\\e\\\\d\\ne",
                   "pass 500")
        self.assertTrue(display.screen.lines()[1].endswith("  abd e"),
                        display.screen.lines())

    def test_colour_and_no_colour(self):
        for environment, styled in (({}, True), ({"NO_COLOR": "1"}, False)):
            display = self.display(**environment)
            display.do("begin", "end 1 exit 1 x", "pass 500")
            text = "".join(c for _, c in display.screen.styled)
            self.assertEqual("fail 1" in text, styled)

    def test_says_what_it_waits_for_and_why_it_stops(self):
        display = self.display()
        display.do("begin 9", "wait", "pass 500")
        self.assertIn("waiting for memory", display.screen.lines()[0])
        display.do("stop halted: 3 jobs failed", "pass 500")
        self.assertIn("halted: 3 jobs failed", display.screen.lines()[0])

    def test_a_terminal_of_a_few_columns(self):
        for columns, rows in ((1, 1), (2, 2), (9, 3), (20, 5)):
            with self.subTest(columns=columns):
                display = self.display(columns=columns, rows=rows)
                display.do("begin 123", "start 1 aaaaaaaaaaaaaaaa",
                           "start 2 bbbbbbbbbbbbbbbbb", "pass 500",
                           "pass 500", "finish")
                self.assertEqual(display.screen.lines(), [])

    def test_the_list_of_running_jobs(self):
        display = self.display()
        display.do("begin 3", "start 1 sleep 1", "start 2 make all",
                   "said 2 CC main.o", "pass 2500", "list")
        lines = display.screen.lines()
        self.assertEqual(lines[0], "brood: 0 of 3 done, 2 running")
        self.assertEqual(lines[1], f"#1 pid {1 << 30}  2.5s  sleep 1")
        self.assertEqual(lines[2],
                         f"#2 pid {1 << 30}  2.5s  make all | CC main.o")

    def test_jobs_that_write_to_the_terminal_themselves_get_no_block(self):
        for arguments, environment in ((("-u",), {}), (("plain",), {}),
                                       ((), {"TERM": "dumb"})):
            display = self.display(*arguments, **environment)
            display.do("begin 3", "start 1 a", "pass 500", "pass 500")
            self.assertEqual(display.raw, "")
            display.do("pass 9000")
            self.assertRegex(display.raw,
                             r"^brood: 0/3  ok 0  run 1  00:10\r\n$")


class Elsewhere(DisplayTest):
    def test_a_line_every_ten_seconds_and_for_each_failure(self):
        display = self.display(terminal=False)
        display.do("begin 5", "start 1 a", "start 2 b", "pass 9000")
        self.assertEqual(display.raw, "")
        display.do("end 1 ok 0 a", "end 2 timeout 0 b")
        self.assertEqual(display.raw, "brood: job 2: timed out after 1.5 s: "
                                      "b\n")
        display.do("pass 1000", "pass 9900")
        self.assertRegex(display.raw.splitlines()[1],
                         r"^brood: 2/5  ok 1  fail 1  run 0  00:10 left 00:15$")
        self.assertEqual(len(display.raw.splitlines()), 2)
        display.do("pass 100", "finish")
        self.assertEqual(len(display.raw.splitlines()), 3)

    def test_quiet_and_verbose(self):
        for argument, text in (
                ("-q", ""), ("none", ""),
                ("-v", "brood: job 1: ok in 1.5 s: a b\n")):
            display = self.display(argument, terminal=False)
            display.do("begin 5", "start 1 a b", "end 1 ok 0 a b",
                       "pass 5000")
            self.assertEqual(display.raw, text)
            display.do("list")
            self.assertIn("brood: 1 of 5 done, 0 running\n", display.raw)


class OfTheProgram(ProgramTest):
    """The whole program on a terminal, its jobs held by a named pipe."""

    def setUp(self):
        super().setUp()
        os.mkfifo(self.path("go"))
        # Open for both, so that nobody waits for the other side.
        self.go = os.open(self.path("go"), os.O_RDWR)
        self.addCleanup(os.close, self.go)
        self.terminal, other = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 80, 0, 0))
        self.screen = Screen(80, 24)
        self.raw = ""
        self.process = self.start(
            "-j2", "--shell", "echo begun {}; read go < $DIR/go; exit {}",
            ":::", "0", "3", stdin=other, stdout=other, stderr=other,
            env={"TERM": "xterm", "LANG": "C.UTF-8"})
        os.close(other)

    def tearDown(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.read_while(lambda: True)
        self.process.wait(LIMIT)
        os.close(self.terminal)

    def read_while(self, needed):
        while needed():
            ready, _, _ = select.select([self.terminal], [], [], LIMIT)
            self.assertTrue(ready, "nothing comes: " + self.raw)
            try:
                text = os.read(self.terminal, 65536).decode()
            except OSError:  # all have closed the other side
                break
            self.raw += text
            self.screen.feed(text)

    def read_until_shown(self):
        self.read_while(lambda: not all(
            any(line.startswith(f" #{n} ") and line.endswith(f"| begun {end}")
                for line in self.screen.lines())
            for n, end in ((1, 0), (2, 3))))
        self.assertRegex(self.screen.lines()[0], r"^ 0/2  ok 0  run 2 ")

    def test_shows_the_jobs_and_leaves_their_output(self):
        self.read_until_shown()
        os.write(self.go, b"\n\n")  # a line for each of them
        self.read_while(lambda: True)
        self.assertEqual(self.process.wait(LIMIT), 123)
        self.assertEqual(sorted(self.screen.lines()), [
            "begun 0", "begun 3",
            "brood: job 2: exit code 3: "
            "echo begun 3; read go < $DIR/go; exit 3"])
        self.assertEqual(self.screen.column, 0)

    def test_lists_the_jobs_at_sigusr1(self):
        self.read_until_shown()
        self.process.send_signal(signal.SIGUSR1)
        self.read_while(lambda: "#2 pid" not in self.raw)
        self.assertEqual(self.screen.lines()[0],
                         "brood: 0 of 2 done, 2 running")

    def test_a_terminated_run_leaves_a_usable_terminal(self):
        self.read_until_shown()
        self.process.terminate()
        self.read_while(lambda: True)
        self.assertEqual(self.process.wait(LIMIT), 143)
        self.assertFalse([line for line in self.screen.lines()
                          if line.startswith(" ")], self.screen.lines())
        self.assertEqual(self.screen.column, 0)


class Options(ProgramTest):
    """What the program's options make of the display."""

    def shown(self, *options, until=None, jobs=(), **environment):
        """All that a terminal gets, escape sequences included, of the `jobs`
        and one that lasts until `until` was seen, or for a second."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        fcntl.ioctl(ours, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 80, 0, 0))
        last = "until test -e $DIR/go; do sleep 0.01; done" if until \
            else "sleep 1"
        process = self.start("-j1", *options, ":::", *jobs, last, stdin=theirs,
                             stdout=theirs, stderr=theirs,
                             env={"TERM": "xterm", **environment})
        os.close(theirs)
        raw = b""
        while True:
            ready, _, _ = select.select([ours], [], [], LIMIT)
            self.assertTrue(ready, f"no {until} in {raw}")
            try:
                raw += os.read(ours, 65536)
            except OSError:  # all have closed the other side
                break
            if until and until in raw:
                with open(self.path("go"), "w", encoding="ascii"):
                    pass
        process.wait(LIMIT)
        if until:
            os.unlink(self.path("go"))
        return raw

    def test_a_block_is_there_unless_it_is_unwanted(self):
        none = ("--progress", "none")
        for options in ((), ("--bar",), (*none, "--bar"), (*none, "--eta"),
                        (*none, "--progress", "full"),
                        (*none, "--progress", "auto")):
            with self.subTest(options):
                self.shown(*options, until=b" 0/1  ok 0  run 1")
        for options in (none, ("--progress", "plain"), ("-q",)):
            with self.subTest(options):
                self.assertEqual(self.shown(*options), b"")

    def test_colours_are_there_where_they_are_wanted(self):
        plain = {"NO_COLOR": "1"}
        for options, environment, styled in (
                (("--color", "auto"), {}, True),
                (("--color", "auto"), plain, False),
                (("--color", "never"), {}, False),
                (("--color", "always"), plain, True)):
            with self.subTest((options, environment)):
                raw = self.shown(*options, until=b"fail 1", jobs=["false"],
                                 **environment)
                self.assertEqual(b"\x1b[1;31mfail 1" in raw, styled)

    def test_lines_are_there_unless_unwanted(self):
        for options, line in (
                ((), "brood: job 1: exit code 1: "),
                (("--progress", "plain"), "brood: job 1: exit code 1: "),
                (("--progress", "none"), ""), (("-q",), "")):
            done = self.run_program(*options, "-s", "exit 1", ":::", "1")
            self.assertEqual(done.stderr[:len(line) or None], line, options)


if __name__ == "__main__":
    unittest.main()
