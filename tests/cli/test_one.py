"""brood one: exactly one command, as if it had been typed."""

import os

from program import ProgramTest, main


class One(ProgramTest):
    def test_passes_everything_through(self):
        done = self.run_program("one", "sh", "-c", "cat; echo err >&2; exit 7",
                                text="in\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (7, "in\n", "err\n"))

    def test_passes_other_descriptors_through(self):
        reader, writer = os.pipe()
        report, told = os.pipe()
        done = self.run_program(
            "one", "--report", f"fd:{told}", "sh", "-c",
            f"echo hi >&{writer}; test -e /proc/self/fd/{told}",
            pass_fds=(writer, told))
        os.close(writer)
        os.close(told)
        self.assertEqual(os.read(reader, 100), b"hi\n")
        # But not what is ours.
        self.assertEqual(done.returncode, 1, done.stderr)
        os.close(reader)
        os.close(report)

    def test_gives_the_exit_code(self):
        def code(*arguments):
            return self.run_program("one", *arguments).returncode
        self.assertEqual(code("true"), 0)
        self.assertEqual(code("sh", "-c", "kill -TERM $$"), 143)
        self.assertEqual(code("--timeout", "100ms", "sleep", "1000"), 124)
        self.assertEqual(code("no-such-program"), 127)
        self.assertEqual(code("/etc/passwd"), 126)

    def test_captures_where_asked(self):
        done, jobs = self.report_of("one", "--capture", "echo", "text")
        self.assertEqual(done.stdout, "text\n")
        self.assertEqual(jobs[1]["out_bytes"], 5)

    def test_counts_only_what_it_sees(self):
        for options in ([], ["--pty"], ["--capture"]):
            _, jobs = self.report_of("one", *options, "echo", "text")
            seen = {"--capture": (5, 0), "--pty": (5, None)}
            self.assertEqual(
                (jobs[1]["out_bytes"], jobs[1]["err_bytes"]),
                seen.get("".join(options), (None, None)))

    def test_refuses_limits_of_what_it_does_not_see(self):
        for option, value in (("--idle-timeout", "1s"),
                              ("--max-output", "1K")):
            done = self.run_program("one", option, value, "true")
            self.assertEqual(done.returncode, 2)
            self.assertIn(option + ": brood one does not see what the command "
                          "writes; give --capture or --pty", done.stderr)
            done = self.run_program("one", "--capture", option, value, "true")
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_captures_nothing_that_has_nowhere_to_go(self):
        done = self.run_program("one", "--capture", "echo", "hi",
                                before=lambda: os.close(1))
        self.assertEqual(done.returncode, 125)
        self.assertIn("the standard output is closed", done.stderr)

    def test_leaves_nothing_behind(self):
        done, jobs = self.report_of("one", "sh", "-c",
                                    "setsid sleep 1000 & sleep 1000 & echo ok")
        self.assertEqual(done.stdout, "ok\n")
        self.assertEqual(len(jobs[1]["leftover"]), 2)
        self.assertEqual(self.marked(), {})

    def test_ends_with_a_signal(self):
        process = self.start("one", "sh", "-c",
                             "setsid sleep 1000 & touch $DIR/up; sleep 1000")
        self.wait_for_file("up")
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)
        self.assertEqual(self.marked(), {})

    def test_is_in_the_foreground_of_the_terminal(self):
        process, terminal = self.start_on_terminal(
            "one", "sh", "-c",
            "read line < /dev/tty; echo got $line > $DIR/got")
        os.write(terminal, b"typed\n")
        self.assertEqual(process.wait(timeout=60), 0)
        with open(self.path("got"), encoding="ascii") as file:
            self.assertEqual(file.read(), "got typed\n")

    def test_leaves_ctrl_c_to_the_command(self):
        process, terminal = self.start_on_terminal(
            "one", "sh", "-c", "trap 'touch $DIR/int' INT; touch $DIR/up; "
            "while ! test -e $DIR/int; do sleep 0.01; done; exit 5")
        self.wait_for_file("up")
        os.write(terminal, b"\x03")
        self.assertEqual(process.wait(timeout=60), 5)

    def test_dies_of_ctrl_c_as_the_command_does(self):
        process, terminal = self.start_on_terminal(
            "one", "sh", "-c", "sleep 1000 & touch $DIR/up; exec sleep 1000")
        self.wait_for_file("up")
        os.write(terminal, b"\x03")
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertEqual(self.marked(), {})

    def test_is_suspended_with_the_command(self):
        self.suspend_and_continue(
            "one sh -c 'echo $$ > $DIR/job; exec sleep 1000'")

    def test_knows_the_options_of_the_others(self):
        def run(*arguments):
            done = self.run_program("one", *arguments)
            return done.returncode, done.stdout, done.stderr
        with open(self.path("in"), "w", encoding="ascii") as file:
            file.write("text")
        self.assertEqual(run("--dry-run", "echo", "a b"),
                         (0, "echo 'a b'\n", ""))
        self.assertEqual(run("-t", "echo", "a b"), (0, "a b\n", "echo 'a b'\n"))
        self.assertEqual(run("--shell", "echo", "$((1 + 1))"), (0, "2\n", ""))
        self.assertEqual(run("--stdin-from", "in", "cat"), (0, "text", ""))
        self.assertEqual(run("--limit", "nofile=64", "sh", "-c", "ulimit -n"),
                         (0, "64\n", ""))
        tried = "echo x >> tries; test $(wc -l < tries) = 3"
        self.assertEqual(run("-q", "--retries", "3", "sh", "-c", tried),
                         (0, "", ""))
        self.assertEqual(
            run("--retries", "2", "--joblog", "log", "sh", "-c", "exit 6")[0],
            6)
        self.assertEqual(self.text_of("log").splitlines()[1].split("\t")[6],
                         "6")
        self.assertIn("1 job: 1 ok", run("--summary", "true")[2])

    def test_is_stopped_as_asked(self):
        _, jobs = self.report_of(
            "one", "--timeout", "2s", "--term-seq", "USR1,1000000,KILL",
            "sh", "-c", "trap 'exit 3' USR1; while :; do sleep 0.01; done")
        self.assertEqual((jobs[1]["status"], jobs[1]["code"]), ("timeout", 3))

    def test_gives_a_terminal_where_asked(self):
        done = self.run_program("one", "--pty", "sh", "-c",
                                "test -t 1 && echo yes")
        self.assertEqual(done.stdout, "yes\n")


if __name__ == "__main__":
    main()
