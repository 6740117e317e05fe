"""brood as xargs: exit codes, messages, and how its commands run.

docs/xargs.md tells how to run the suite of findutils as well.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from plain_runs import LIMIT, PROGRAM, PlainTest


class Xargs(PlainTest):

    def xargs(self, *arguments, stdin=b"a\n", **options):
        done = self.run_program("xargs", *arguments, stdin=stdin, **options)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_runs_echo_by_default(self):
        self.assertEqual(self.xargs(stdin=b"a 'b  c'\nd\n"),
                         (0, "a b  c d\n", ""))

    def test_is_xargs_under_that_name(self):
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "xargs")
            os.symlink(PROGRAM, link)
            done = self.run_program("-n1", "echo", "x", program=link,
                                    stdin=b"a b\n")
            self.assertEqual(done.stdout, b"x a\nx b\n")
            done = self.run_program("--bogus", program=link)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"Try 'xargs --help' for more", done.stderr)

    def test_exit_codes(self):
        for code, arguments, stdin, text in [
                (0, ["true"], b"a\n", ""),
                (123, ["false"], b"a\n", ""),
                (123, ["-n1", "sh", "-c", "exit $0"], b"0 1 0\n", ""),
                (124, ["sh", "-c", "exit 255"], b"a\n",
                 "brood xargs: sh: exited with status 255; aborting\n"),
                (125, ["sh", "-c", "kill -9 $$"], b"a\n",
                 "brood xargs: sh: terminated by signal 9\n"),
                (126, ["/"], b"a\n", "brood xargs: /: Permission denied\n"),
                (127, ["./missing"], b"a\n",
                 "brood xargs: ./missing: No such file or directory\n"),
                (1, ["-n0"], b"", "brood xargs: value 0 for -n option should "
                 "be >= 1\nTry 'brood xargs --help' for more information.\n"),
                (1, ["-a", "/nonexistent/x"], b"", "brood xargs: cannot read "
                 "'/nonexistent/x': No such file or directory\n")]:
            with self.subTest(arguments):
                self.assertEqual(self.xargs(*arguments, stdin=stdin),
                                 (code, "", text))

    def test_every_name_of_an_option_is_the_option(self):
        list_of = tempfile.NamedTemporaryFile()
        self.addCleanup(list_of.close)
        list_of.write(b"l m\n")
        list_of.flush()
        # xargs has no -h.
        theirs = shutil.which("xargs")
        for names, rest, stdin, meant in [
                (("-0", "--null"), [], b"a b\0c\0", "a b c\n"),
                (("-a" + list_of.name, "--arg-file=" + list_of.name), [], b"",
                 "l m\n"),
                (("-d,", "--delimiter=,"), ["printf", "<%s>"], b"a b,c",
                 "<a b><c>"),
                (("-Ex", "-ex", "--eof=x"), [], b"a x b\n", "a\n"),
                (("-I@", "-i@", "--replace=@"), ["echo", "<@>"], b"a b\nc\n",
                 "<a b>\n<c>\n"),
                (("-i", "--replace"), ["echo", "<{}>"], b"a\n", "<a>\n"),
                (("-L2", "-l2", "--max-lines=2"), [], b"a\nb\nc\n",
                 "a b\nc\n"),
                (("-l", "--max-lines"), [], b"a b\nc\n", "a b\nc\n"),
                (("-n2", "--max-args=2"), [], b"a b c\n", "a b\nc\n"),
                (("-s10", "--max-chars=10"), [], b"aa bb cc\n",
                 "aa\nbb\ncc\n"),
                (("-r", "--no-run-if-empty"), [], b"", ""),
                (("-e", "--eof"), [], b"a x\n", "a x\n"),
                (("-t", "--verbose"), [], b"a\n", "a\n")]:
            for name in names:
                with self.subTest(name):
                    code, out, said = self.xargs(name, *rest, stdin=stdin)
                    self.assertEqual((code, out), (0, meant))
                    verbose = name in ("-t", "--verbose")
                    self.assertEqual(said, "echo a\n" if verbose else "")
                    if theirs:
                        done = self.run_program(name, *rest, stdin=stdin,
                                                program=theirs)
                        self.assertEqual(
                            (done.returncode, done.stdout.decode(),
                             done.stderr.decode()), (code, out, said))

    def test_ends_where_a_command_would_be_too_long_if_asked(self):
        line = b"aa bb cccccccccc\n"
        for name in ("-x", "--exit"):
            code, out, said = self.xargs("-n4", "-s12", name, stdin=line)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("too long", said)
        self.assertEqual(self.xargs("-n4", "-s16", stdin=line)[1],
                         "aa bb\ncccccccccc\n")

    def test_255_and_what_cannot_run_end_it(self):
        self.assertEqual(
            self.xargs("-n1", "sh", "-c", "echo $0; exit $0",
                       stdin=b"3 255 4\n")[:2], (124, "3\n255\n"))
        self.assertEqual(self.xargs("-n1", "./missing", stdin=b"1 2\n")[2]
                         .count("missing"), 1)

    def test_an_open_quote_runs_what_came_before(self):
        self.assertEqual(
            self.xargs("echo", stdin=b"one\n'two\n"),
            (1, "one\n", "brood xargs: unmatched single quote; by default "
             "quotes are special to xargs unless you use the -0 option\n"))
        self.assertEqual(self.xargs("-x", "echo", stdin=b"one\n'two\n")[:2],
                         (1, ""))

    def test_commands_have_no_input_unless_the_items_come_from_a_file(self):
        self.assertEqual(self.xargs("-I@", "cat", stdin=b"a\nb\n"),
                         (0, "", ""))
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x\n")
            file.flush()
            self.assertEqual(
                self.xargs("-a", file.name, "sh", "-c", "cat; echo $0"),
                (0, "a\nx\n", ""))

    def test_who_reads_the_file_after_the_end_item_gets_the_rest(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"1\n2\n3\n")
            file.seek(0)
            done = subprocess.run(
                ["sh", "-c", '"$0" xargs -E2; cat', PROGRAM], stdin=file,
                capture_output=True, timeout=LIMIT)
        self.assertEqual(done.stdout, b"1\n3\n")

    def test_prints_commands(self):
        self.assertEqual(self.xargs("-t", "echo", "x y"),
                         (0, "x y a\n", "echo 'x y' a\n"))

    def test_numbers_its_slots(self):
        self.assertEqual(
            self.xargs("-n1", "--process-slot-var=S", "sh", "-c", "echo $S",
                       stdin=b"a b\n"), (0, "0\n0\n", ""))

    def test_warns_of_a_nul(self):
        code, out, said = self.xargs("echo", stdin=b"a\0b c\n")
        self.assertEqual((code, out), (0, "a c\n"))
        self.assertIn("WARNING: a NUL character occurred", said)

    def test_asks_nobody_without_a_terminal(self):
        for name in ("-p", "--interactive"):
            code, out, said = self.xargs(name, "echo", start_new_session=True)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("echo a?...", said)

    def on_terminal(self, *arguments, typed):
        """What is on the terminal after the program has run there."""
        process, terminal = self.start_on_terminal(*arguments)
        os.write(terminal, typed)
        shown = b""
        while True:
            try:
                more = os.read(terminal, 4096)
            except OSError:     # EIO: nobody has the other side any more
                break
            if not more:
                break
            shown += more
        self.assertEqual(process.wait(LIMIT), 0)
        return shown.decode().replace("\r", "")

    def test_asks_at_the_terminal(self):
        with open(self.path("list"), "w") as file:
            file.write("a b c\n")
        shown = self.on_terminal("xargs", "-a", "list", "-n1", "-p", "echo",
                                 "got", typed=b"y\nno\nYes\n")
        self.assertIn("echo got b?...", shown)
        self.assertIn("\ngot a\n", "\n" + shown.replace("?...", "\n"))
        self.assertIn("\ngot c\n", "\n" + shown.replace("?...", "\n"))
        self.assertNotIn("\ngot b\n", "\n" + shown.replace("?...", "\n"))

    def test_gives_commands_the_terminal(self):
        # The items come from elsewhere: without -o there is nothing to read.
        for name, got in (("-o", "typed"), ("--open-tty", "typed"), ("-r", "")):
            shown = self.on_terminal(
                "one", "sh", "-c", f"echo a | '{PROGRAM}' xargs {name} sh -c "
                "'read line; echo \"read: $line\"'", typed=b"typed\n")
            self.assertIn(f"read: {got}\n", shown)

    def test_long_lists_are_divided_where_the_system_says(self):
        # One byte each, so that the pointers are most of it.
        items = b"a " * 400_000
        code, out, said = self.xargs("-s", "2000000", "sh", "-c", "echo $#",
                                     stdin=items)
        self.assertEqual((code, said), (0, ""))
        # $0 is no argument.
        runs = [int(line) + 1 for line in out.split()]
        self.assertEqual(sum(runs), 400_000)
        self.assertGreater(len(runs), 1)

    def test_shows_its_limits(self):
        code, _, said = self.xargs("--show-limits", "true")
        self.assertEqual(code, 0)
        self.assertIn("Size of command buffer we are actually using: 131072",
                      said)

    def test_runs_as_many_at_once_as_it_may(self):
        # Each waits until both are there.
        with tempfile.TemporaryDirectory() as folder:
            script = ('touch "$0"; until [ -e one ] && [ -e two ]; do '
                      'sleep 0.01; done')
            for most in ("-P2", "-P0", "--max-procs=2"):
                self.assertEqual(
                    self.xargs(most, "-n1", "sh", "-c", script,
                               stdin=b"one two\n", cwd=folder), (0, "", ""))
                for name in ("one", "two"):
                    os.unlink(os.path.join(folder, name))

    def test_signals_change_how_many_run_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            script = ('touch "$0"; until [ -e one ] && [ -e two ]; do '
                      'sleep 0.01; done')
            process = self.start_program(
                "xargs", "-n1", "sh", "-c", script, stdin=subprocess.PIPE,
                cwd=folder)
            process.stdin.write(b"one two\n")
            process.stdin.close()
            process.stdin = None
            deadline = time.monotonic() + LIMIT
            while not os.path.exists(os.path.join(folder, "one")):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(LIMIT), 0)

    def test_help_and_version(self):
        for name in ("-h", "--help"):
            self.assertTrue(self.xargs(name)[1].startswith("usage: brood"))
        self.assertTrue(self.xargs("--version")[1].startswith("xargs (brood"))


if __name__ == "__main__":
    unittest.main()
