"""Wrong usage, help, the manual page and the completions."""

import os
import pty
import select
import shutil
import subprocess
import tempfile
import unittest

from plain_runs import LIMIT, PROGRAM, PlainTest


class Usage(PlainTest):

    def test_bad_input_is_one_line_and_exit_code_2(self):
        for arguments, text in [
                (["--bogus", "x"], "unknown option --bogus"),
                (["--timeot", "3", "x"], "did you mean --timeout?"),
                (["-j", "x", "y"], "--jobs: 'x' is not what it takes; give"),
                (["echo", "::::", "/nonexistent/list"],
                 "cannot read '/nonexistent/list': No such file"),
                (["-a", "/", "echo"], "cannot read '/': Is a directory"),
                (["all", "-f", "/nonexistent/list"], "/nonexistent/list"),
                (["one"], "no command was given"),
                (["completion", "tcsh"], "give bash, zsh or fish"),
                (["report"], "report: no file was given"),
                (["report", "x", "--to", "pdf"], "--to: 'pdf'")]:
            with self.subTest(arguments):
                self.assert_refused(arguments, text)

    def test_options_without_effect_are_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".list") as commands:
            commands.write("# none\ntrue\n\ntrue\n")
            commands.flush()
            for arguments, text in [
                    (["--signal", "INT", "--term-seq", "INT,5,KILL", "x"],
                     "--signal has no effect beside --term-seq"),
                    (["--kill-after", "1", "--term-seq", "INT,5,KILL", "x"],
                     "--kill-after has no effect beside --term-seq"),
                    (["one", "--timeout", "300%", "x"], "no median"),
                    (["all", "-n", "a,b,c", "-f", commands.name],
                     "--names: 3 names for 2 commands")]:
                with self.subTest(arguments):
                    self.assert_refused(arguments, text)
            self.out("all", "-n", "a,b", "-f", commands.name)

    def test_a_value_that_cannot_be_quoted_is_refused(self):
        for line, where in [("echo `ls {}`", "inside `...`"),
                            ("cat <<E\n{}\nE", "behind a here-document"),
                            ("echo ${x:-{}}", "inside ${...}")]:
            with self.subTest(line):
                self.assert_refused(
                    [line, ":::", "x"], f"a value {where} cannot be quoted "
                    "for the shell; begin the line with v={};")

    def test_quotes_around_a_value_are_no_hole(self):
        self.assertEqual(self.out('echo "{}"', ":::", "$(echo PWNED)"),
                         "$(echo PWNED)\n")
        self.assertEqual(self.out("echo '{}'", ":::", "x'; echo PWNED2"),
                         "x'; echo PWNED2\n")
        self.assertEqual(self.out('printf %s. "{}"', ":::", "a b"), "a b.")

    def test_closed_output_is_told_with_exit_code_125(self):
        for arguments in (["--help"], ["--version"],
                          ["--dry-run", "echo", ":::", "a"],
                          ["report", self.report(), "--to", "csv"],
                          ["echo", ":::", "a"]):
            with self.subTest(arguments):
                done = self.run_program(
                    *arguments, capture_output=False, stderr=subprocess.PIPE,
                    preexec_fn=lambda: os.close(1))
                self.assertEqual(done.returncode, 125, done)
                self.assertTrue(done.stderr.startswith(b"brood: "), done)

    def test_a_full_device_is_told_with_exit_code_125(self):
        for arguments in (["--help"], ["completion", "bash"],
                          ["report", self.report(), "--to", "csv"],
                          ["--report", "-", "true", ":::", "a"]):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                done = self.run_program(*arguments, capture_output=False,
                                        stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 125)
                self.assertIn(b"No space left", done.stderr)
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def report(self):
        path = self.path("a-report")
        self.out("--report", path, "true", ":::", "a")
        return path

    def test_a_file_that_may_not_be_read_is_told(self):
        path = self.path("closed")
        with open(path, "w"):
            pass
        os.chmod(path, 0)
        for arguments, code, text in [
                (["-a", path, "echo"], 2, "brood: cannot read "),
                (["echo", "::::", path], 2, "brood: cannot read "),
                (["all", "-f", path], 2, "brood: cannot read "),
                (["report", path], 125, "brood: cannot read the report "),
                (["xargs", "-a", path], 1, "brood xargs: cannot read "),
                (["--stdin-from", path, "cat", ":::", "-"], 123,
                 "brood: job 1: not started: --stdin-from: "),
                (["one", "--stdin-from", path, "cat"], 125,
                 "brood: --stdin-from: ")]:
            with self.subTest(arguments):
                process = self.start(*arguments, as_nobody=os.getuid() == 0)
                out, said = process.communicate(timeout=LIMIT)
                self.assertEqual((process.returncode, out), (code, b""), said)
                self.assertTrue(said.decode().startswith(text), said)
                self.assertIn(b"Permission denied", said)
                self.assertEqual(said.count(b"\n"), 1, said)

    def test_nothing_but_the_name_at_a_terminal_does_not_wait(self):
        _, terminal = os.openpty()
        done = self.run_program(stdin_file=terminal)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"see brood --help", done.stderr)

    def test_help_fits_a_terminal_and_tells_of_each_form(self):
        for form in ([], ["each"], ["all"], ["one"], ["report"], ["xargs"]):
            page = self.out(*form, "--help")
            self.assertTrue(page.startswith("usage: brood"), page)
            self.assertIn("Exit codes:", page)
            self.assertLess(max(map(len, page.splitlines())), 81)

    def test_version(self):
        self.assertRegex(self.out("--version"), r"^brood \d+\.\d+\.\d+\n$")

    def test_the_manual_page_has_every_option_and_no_warnings(self):
        page = self.out("--help-man")
        self.assertTrue(page.startswith('.\\"'))
        if not shutil.which("groff"):
            self.skipTest("groff is not here")
        shown = subprocess.run(
            ["groff", "-man", "-ww", "-Tutf8", "-P-cbou", "-z"],
            input=page.encode(), capture_output=True, timeout=LIMIT,
            check=True)
        self.assertEqual(shown.stderr, b"")
        text = subprocess.run(
            ["groff", "-man", "-Tascii", "-P-cbou", "-rLL=200n"],
            input=page.encode(), capture_output=True, timeout=LIMIT,
            check=True).stdout.decode()
        for form in ([], ["all"], ["one"], ["report"], ["xargs"]):
            for line in self.out(*form, "--help").splitlines():
                words = line.split()
                if line.startswith("  -") and words:
                    self.assertIn(words[0].rstrip(","), text)


class Completion(PlainTest):

    def complete(self, *words):
        """What bash offers for the last word."""
        script = tempfile.NamedTemporaryFile("w", suffix=".bash")
        with script as file:
            file.write(self.out("completion", "bash"))
            file.flush()
            done = subprocess.run(
                ["bash", "-c", """
                    source "$1"; shift
                    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
                    _brood
                    printf '%s\\n' "${COMPREPLY[@]}"
                 """, "bash", file.name, "brood", *words],
                capture_output=True, timeout=LIMIT, check=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split("\n")[:-1]

    def test_bash_knows_the_options_of_each_form(self):
        self.assertEqual(self.complete("--time"), ["--timeout"])
        self.assertEqual(self.complete("--keep"), ["--keep-order"])
        self.assertEqual(self.complete("all", "--na"), ["--names"])
        self.assertEqual(self.complete("--na"), [""])
        self.assertEqual(self.complete("one", "--cap"), ["--capture"])
        self.assertEqual(self.complete("xargs", "--max-p"), ["--max-procs"])
        self.assertEqual(self.complete("report", "--t"), ["--to"])
        self.assertEqual(self.complete("report", "f", "--t"), ["--to"])

    def test_bash_knows_the_words_that_an_option_takes(self):
        self.assertEqual(self.complete("--leftover", "f"), ["fail"])
        self.assertEqual(self.complete("-k", "--color", ""),
                         ["auto", "always", "never"])
        self.assertEqual(self.complete("report", "--to", "j"), ["junit"])
        self.assertEqual(self.complete("--timeout", ""), [""])

    def test_bash_completes_files_and_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "list one")
            open(path, "w").close()
            self.assertEqual(self.complete("-a", folder + "/l"), [path])
            # Behind the command, its own words.
            self.assertEqual(self.complete("-j4", "cat", folder + "/l"),
                             [path])
        self.assertIn("bash", self.complete("-j4", "bas"))
        self.assertIn("xargs", self.complete("xarg"))

    def test_zsh_and_fish_can_read_theirs(self):
        for shell in ("zsh", "fish"):
            script = self.out("completion", shell)
            self.assertIn("timeout", script)
            if not shutil.which(shell):
                print(f"{shell} is not here: its completion was not tried")
                continue
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(script)
                file.flush()
                done = subprocess.run([shell, "-n", file.name],
                                      capture_output=True, timeout=LIMIT)
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_zsh_completes_at_its_prompt(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not here")
        with open(self.path("brood.zsh"), "w") as file:
            file.write(self.out("completion", "zsh"))
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        shell = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, cwd=self.folder,
            env={**self.environment(), "TERM": "dumb"})
        os.close(theirs)
        self.addCleanup(shell.wait, LIMIT)
        self.addCleanup(shell.kill)
        shown = b""

        def wait_for(text):
            nonlocal shown
            while text not in shown:
                ready, _, _ = select.select([ours], [], [], LIMIT)
                self.assertTrue(ready, f"no {text} in {shown}")
                shown += os.read(ours, 4096)
            shown = b""

        os.write(ours, b"autoload -Uz compinit; compinit -D -u; "
                       b"source ./brood.zsh; echo rea''dy\n")
        wait_for(b"ready")
        for typed, completed in [
                (b"brood --idle-t", b"--idle-timeout="),
                (b"brood --leftover w", b"--leftover warn"),
                (b"brood all --nam", b"--names="),
                (b"brood report --to ju", b"--to junit")]:
            os.write(ours, typed + b"\t")
            wait_for(completed)
            os.write(ours, b"\x15")  # Ctrl-U: the line is empty again

    def test_fish_offers_the_options_of_the_form(self):
        if not shutil.which("fish"):
            self.skipTest("fish is not here")
        with tempfile.TemporaryDirectory() as home:
            script = os.path.join(home, "brood.fish")
            with open(script, "w") as file:
                file.write(self.out("completion", "fish"))

            def offered(line):
                done = subprocess.run(
                    ["fish", "--no-config", "-c",
                     f"source {script}; complete -C '{line}'"],
                    capture_output=True, timeout=LIMIT, text=True,
                    env={"PATH": os.environ["PATH"], "HOME": home})
                return [one.split("\t")[0] for one in done.stdout.split("\n")]

            self.assertIn("--timeout", offered("brood --time"))
            self.assertIn("--names", offered("brood all --na"))
            self.assertNotIn("--names", offered("brood --na"))
            self.assertIn("junit", offered("brood report --to j"))


if __name__ == "__main__":
    unittest.main()
