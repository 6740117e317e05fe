"""Where values come from, and what becomes of them in a command."""

import os
import signal
import subprocess
import tempfile
import unittest

from plain_runs import LIMIT, PlainTest
from program import wait_until


class Input(PlainTest):

    def dry(self, *arguments, **options):
        return self.out("--dry-run", *arguments, **options).splitlines()

    def file(self, content):
        file = tempfile.NamedTemporaryFile()
        self.addCleanup(file.close)
        file.write(content)
        file.flush()
        return file.name

    def test_lines_of_standard_input_as_they_stand(self):
        self.assertEqual(
            self.out("-j1", "printf", "<%s>", stdin=b"a b\n'c\n\n\\d"),
            "<a b><'c><><\\d>")

    def test_other_delimiters(self):
        self.assertEqual(self.out("-j1", "-0", "printf", "<%s>",
                                  stdin=b"a\nb\0c\0"), "<a\nb><c>")
        self.assertEqual(self.out("-j1", "-d,", "printf", "<%s>",
                                  stdin=b"a,b"), "<a><b>")

    def test_files(self):
        path = self.file(b"1\n2\n")
        for way in (["-a", path, "echo"], ["echo", "::::", path]):
            self.assertEqual(self.dry(*way), ["echo 1", "echo 2"])
        with open(path, "rb") as file:
            self.assertEqual(self.dry("echo", stdin_file=file),
                             ["echo 1", "echo 2"])
        self.assertEqual(self.dry("echo", "::::", "-", stdin=b"x\n"),
                         ["echo x"])

    def test_a_file_without_a_size(self):
        self.assertIn("echo 'Name:", self.out("--dry-run", "echo", "::::",
                                              "/proc/self/status"))

    def test_several_lists_give_every_combination(self):
        self.assertEqual(self.dry("echo", ":::", "a", "b", ":::", "1", "2"),
                         ["echo a 1", "echo a 2", "echo b 1", "echo b 2"])
        self.assertEqual(self.dry("echo", ":::", "a", ":::", ":::", "1"), [])
        path = self.file(b"x\ny\n")
        self.assertEqual(self.dry("-a", path, "echo", ":::", "1", "2"),
                         ["echo x 1", "echo x 2", "echo y 1", "echo y 2"])

    def test_linked_lists_go_together(self):
        self.assertEqual(
            self.dry("echo", ":::", "a", "b", "c", ":::+", "1", "2",
                     ":::", "X", "Y"),
            ["echo a 1 X", "echo a 1 Y", "echo b 2 X", "echo b 2 Y"])
        path = self.file(b"1\n2\n")
        self.assertEqual(self.dry("echo", ":::", "a", "b", "::::+", path),
                         ["echo a 1", "echo b 2"])

    def test_several_values_for_each_job(self):
        self.assertEqual(self.dry("-n2", "echo", "{2}", "{1}", ":::", *"abc"),
                         ["echo b a", "echo c"])
        self.assertEqual(self.dry("-n2", "echo", ":::", *"abc"),
                         ["echo a b", "echo c"])

    def test_columns_and_headers(self):
        self.assertEqual(
            self.dry("--colsep", r"\s+", "echo", "{2}", stdin=b"a  b\nc\td\n"),
            ["echo b", "echo d"])
        self.assertEqual(
            self.dry("--csv", "--header", ":", "mv", "{from}", "{to}",
                     stdin=b'from,to\n"a,b",c\n"two\nlines",d\n'),
            ["mv a,b c", "mv 'two", "lines' d"])
        self.assertEqual(
            self.dry("--header", ":", "x", "{n}", "{m/}", ":::", "n", "1",
                     ":::", "m", "d/y"), ["x 1 y"])

    def test_no_values_no_jobs(self):
        self.assertEqual(self.dry("echo", stdin=b""), [])
        self.assertEqual(self.dry("echo", stdin=b"\n"), ["echo ''"])
        self.assertEqual(self.dry("-r", "echo", stdin=b"\n \na\n"), ["echo a"])

    def test_a_template_of_its_own(self):
        self.assertEqual(self.dry("-I", "@", "echo", "<@>", "{}", ":::", "a"),
                         ["echo '<a>' '{}'"])

    def test_values_as_commands(self):
        self.assertEqual(self.out("-j1", ":::", "echo $((1 + 1))", "echo b"),
                         "2\nb\n")
        self.assertEqual(self.out("-j1", stdin=b"echo a; echo b\n"), "a\nb\n")

    def test_the_shell_is_used_where_it_is_needed(self):
        self.assertEqual(self.out("echo {} | tr a b", ":::", "a $x"), "b $x\n")
        self.assertEqual(self.out("-s", "echo", "$((1 + 1))", "{}", ":::",
                                  "$x"), "2 $x\n")
        self.assertEqual(self.out("echo", "$x", "{}", ":::", "*"), "$x *\n")
        self.assertEqual(self.dry("echo {} >{}.o", ":::", "a b"),
                         ["echo 'a b' >'a b'.o"])

    def test_the_first_job_starts_at_the_first_line(self):
        # The producer goes on only when it has seen the first job's output.
        process = self.start_program("-j1", "--lb", "echo", "got",
                                     stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)
        for word in (b"one", b"two"):
            process.stdin.write(word + b"\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(),
                             b"got " + word + b"\n")
        process.stdin.close()
        self.assertEqual(process.wait(LIMIT), 0)

    def test_ctrl_c_ends_the_wait_for_input(self):
        for form, before, after in [
                (["-j1", "--lb", "echo"], b"one\n", 130),
                (["--dry-run", "echo"], b"echo one\n", 130),
                (["xargs", "-n1", "echo"], b"one\n", -signal.SIGINT)]:
            with self.subTest(form):
                process = self.start_program(
                    *form, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL)
                process.stdin.write(b"one\n")
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), before)
                if form[0] == "xargs":
                    # It does not stop its commands; this one ends itself.
                    wait_until(lambda: list(self.marked()) == [process.pid])
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(LIMIT), after)

    def test_a_person_at_the_terminal_is_told(self):
        process, terminal = self.start_on_terminal("-j1", "echo", "got")
        shown = b""
        while b"Ctrl-D" not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, b"typed\n\x04")
        while b"got typed" not in shown:
            shown += os.read(terminal, 4096)
        self.assertEqual(process.wait(LIMIT), 0)

    def test_an_endless_input_needs_little_memory(self):
        # yes would fill any memory; the first job that fails ends the run.
        process = self.start_program("-j1", "--halt", "now,fail=1", "false",
                                     stdin=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL)
        yes = subprocess.Popen(["yes"], stdout=process.stdin,
                               env=self.environment())
        process.stdin.close()
        process.stdin = None
        self.assertEqual(process.wait(LIMIT), 123)
        yes.wait(LIMIT)

    def peak_memory(self, lines):
        """In KiB, of a dry run over so many lines."""
        # Not made here: a child's peak begins with what its parent has.
        path = self.path("lines")
        with open(path, "wb") as file:
            subprocess.run(["seq", str(lines)], stdout=file, check=True,
                           timeout=LIMIT)
        with tempfile.TemporaryFile() as out:
            # A sanitizer would keep what was freed.
            process = self.start("--dry-run", "echo", "::::", path,
                                 stdout=out, stderr=None,
                                 env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
            self.assertEqual(status, 0)
            out.seek(0)
            self.assertEqual(sum(1 for _ in out), lines)
        return usage.ru_maxrss

    def test_a_million_lines_need_no_more_memory_than_a_thousand(self):
        # To keep them all would take some 60 MiB.
        few = self.peak_memory(1000)
        many = self.peak_memory(1_000_000)
        self.assertLess(many - few, 16 * 1024)

    def test_all_takes_commands_files_and_names(self):
        self.assertEqual(sorted(self.out("all", "echo a; echo b", "echo c")
                                .split()), ["a", "b", "c"])
        path = self.file(b"# comment\n\nweb: echo w\necho x: y\n"
                         b"db:echo no name\n")
        self.assertEqual(self.out("all", "--dry-run", "-f", path)
                         .splitlines(),
                         ["web: echo w", "echo x: y", "db:echo no name"])
        self.assertEqual(self.out("all", "--dry-run", "-n", "a,b", "x", "y"),
                         "a: x\nb: y\n")
        self.assertEqual(self.out("all", "--dry-run", stdin=b"x {}\ny\n"),
                         "x {}\ny\n")

    def test_tags_are_filled_in(self):
        self.assertEqual(self.out("-j1", "--tag", "echo", "{}", ":::", "a",
                                  "b"), "a\ta\nb\tb\n")
        self.assertEqual(self.out("-j1", "--tagstring", "{#}:{/.}", "echo",
                                  "x", "{}", ":::", "d/a.c"),
                         "1:a\tx d/a.c\n")
        self.assertEqual(self.out("all", "-n", "web", "--tag", "echo up"),
                         "web\tup\n")

    def test_commands_are_printed_on_request(self):
        done = self.run_program("-t", "-j1", "echo", "a b", "{}", ":::", "c")
        self.assertEqual((done.stdout, done.stderr),
                         (b"a b c\n", b"echo 'a b' c\n"))

    def test_one_runs_its_words_as_they_stand(self):
        self.assertEqual(self.out("one", "printf", "<%s>", "{}", ":::", "-k"),
                         "<{}><:::><-k>")
        self.assertEqual(self.out("one", "echo a | tr a b"), "b\n")

    def test_every_name_of_an_option_is_the_option(self):
        path = self.file(b"a\nb\n")
        for names, value, rest, stdin, meant in [
                (("-a", "--arg-file"), [path], ["echo"], b"", "a\nb\n"),
                (("-0", "--null"), [], ["echo"], b"a\0b\0", "a\nb\n"),
                (("-d", "--delimiter"), [","], ["echo"], b"a,b", "a\nb\n"),
                (("-n", "--max-args"), ["2"], ["echo"], b"a\nb\n", "a b\n"),
                (("-C", "--colsep"), [","], ["echo", "{2}"], b"a,b\n",
                 "b\n"),
                (("-r", "--no-run-if-empty"), [], ["echo"], b"\na\n", "a\n"),
                (("-s", "--shell"), [], ["echo", "$((1 + 1))"], b"a\n",
                 "2 a\n"),
                (("-h", "--help"), [], [], b"", self.out("each", "--help"))]:
            for name in names:
                with self.subTest(name):
                    self.assertEqual(
                        self.out("-j1", name, *value, *rest, stdin=stdin),
                        meant)
        for file in ("-f", "--file"):
            for names in ("-n", "--names"):
                self.assertEqual(self.out("all", "-j1", file, path, names,
                                          "x,y", "--dry-run"), "x: a\ny: b\n")
        for form in ("all", "one"):
            self.assertEqual(self.out(form, "-h"), self.out(form, "--help"))

    def test_verbose_and_quiet_have_two_names(self):
        for name in ("-v", "--verbose"):
            done = self.run_program(name, "true", ":::", "1")
            self.assertIn(b"brood: job 1: ok", done.stderr)
        for name in ("-q", "--quiet"):
            done = self.run_program(name, "false", ":::", "1")
            self.assertEqual((done.returncode, done.stderr), (123, b""))

    def test_a_list_that_ends_in_an_error_is_told(self):
        # Reading this file fails after it was opened.
        done = self.run_program("echo", "::::", "/proc/self/mem")
        self.assertEqual(done.returncode, 125, done)
        self.assertIn(b"cannot read '/proc/self/mem'", done.stderr)


if __name__ == "__main__":
    unittest.main()
