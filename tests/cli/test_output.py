"""Where the output of jobs goes, and in which shape."""

import fcntl
import os
import resource
import struct
import subprocess
import termios
import time

from program import ProgramTest, main, state_of, wait_until

# Jobs that take turns, so that lines would mix if nobody kept them apart: the
# second starts to write when the first has begun, and ends before it.
FIRST = ("echo a1; touch $DIR/one; while ! test -e $DIR/two; do sleep 0.01; "
         "done; echo a2")
SECOND = ("while ! test -e $DIR/one; do sleep 0.01; done; echo b1; echo b2; "
          "touch $DIR/two")


class Grouping(ProgramTest):
    def both(self, *options):
        for name in ("one", "two"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        return self.run_program("-j2", *options, "sh", "-c", "{}", ":::", FIRST,
                                SECOND).stdout.split()

    def test_keeps_the_output_of_a_job_together(self):
        self.assertIn(self.both(), (["b1", "b2", "a1", "a2"],
                                    ["a1", "a2", "b1", "b2"]))

    def test_keeps_the_order_of_the_input(self):
        for option in ("-k", "--keep-order"):
            self.assertEqual(self.both(option), ["a1", "a2", "b1", "b2"])

    def test_of_lines_shows_them_as_they_come(self):
        # Each goes on when we have seen what the other has written: who was
        # the first of two lines in two pipes, nobody could tell.
        for option in ("--lb", "--line-buffer"):
            for name in ("one", "two"):
                os.mkfifo(self.path(name + option))
            process = self.start(
                "-j2", option, "sh", "-c", "{}", ":::",
                f"echo a1; cat $DIR/two{option}; echo a2",
                f"cat $DIR/one{option}; echo b1; echo b2")
            for lines, following in (("a1",), "one"), (("b1", "b2"), "two"):
                for line in lines:
                    self.assertEqual(process.stdout.readline().decode(),
                                     line + "\n")
                with open(self.path(following + option), "wb"):
                    pass
            self.assertEqual(process.communicate(timeout=60)[0], b"a2\n")

    def test_keeps_together_again_where_asked_last(self):
        for option in ("--lb", "-u"):
            self.assertIn(self.both(option, "--group"), (
                ["b1", "b2", "a1", "a2"], ["a1", "a2", "b1", "b2"]))

    def test_of_lines_in_order(self):
        self.assertEqual(self.both("--lb", "-k"), ["a1", "a2", "b1", "b2"])

    def test_of_lines_does_not_wait_for_the_end(self):
        process = self.start("--lb", "-s",
                             "echo begun; while ! test -e $DIR/go; do "
                             "sleep 0.01; done", ":::", "1")
        self.assertEqual(process.stdout.readline(), b"begun\n")
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        process.communicate(timeout=60)

    def test_of_lines_never_cuts_one(self):
        script = ("import os, time\nfor i in range(50):\n"
                  " os.write(1, b'x' * 3000); os.write(1, b'y' * 3000 + b'\\n')")
        done = self.run_program("-j4", "--lb", "python3", "-c", script, ":::",
                                *range(4))
        self.assertEqual(set(done.stdout.splitlines()),
                         {"x" * 3000 + "y" * 3000})
        self.assertEqual(len(done.stdout.splitlines()), 200)

    def test_off_gives_the_jobs_our_own_output(self):
        for option in ("-u", "--ungroup"):
            with open(self.path("out"), "wb") as file:
                self.run_program(option, "-s", "readlink /proc/self/fd/1",
                                 ":::", "1", stdout=file)
            with open(self.path("out"), encoding="ascii") as file:
                self.assertEqual(file.read().strip(), self.path("out"))

    def test_puts_a_tag_before_each_line(self):
        done = self.run_program("-k", "--tag", "printf", "1\\n2\\n%s", ":::",
                                "x", "y")
        self.assertEqual(done.stdout, "x\t1\nx\t2\nx\txy\t1\ny\t2\ny\ty")

    def test_takes_a_tag_from_a_string(self):
        done = self.run_program("-k", "--tagstring", "<{}>", "echo", ":::",
                                "x", "y")
        self.assertEqual(done.stdout, "<x>\tx\n<y>\ty\n")

    def test_does_not_pile_up_what_a_tag_adds(self):
        def peak_memory(tag):
            """In KiB."""
            # A sanitizer would keep what was freed.
            process = self.start(
                "--tagstring", tag, "-s", "yes '' | head -c 4000000", ":::",
                "1", stdout=subprocess.DEVNULL, stderr=None,
                env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
            _, process.returncode, usage = os.wait4(process.pid, 0)
            self.assertEqual(process.returncode, 0)
            return usage.ru_maxrss

        # Each byte is a line: of one read at once it would be 50 MiB.
        self.assertLess(peak_memory("x" * 200) - peak_memory("x"), 16 * 1024)

    def test_keeps_both_streams_apart(self):
        done = self.run_program("-s", "echo out; echo err >&2", ":::", "1")
        self.assertEqual((done.stdout, done.stderr), ("out\n", "err\n"))

    def test_can_show_failures_alone(self):
        done = self.run_program("-k", "--fail-only", "-s",
                                "echo {}; exit {}", ":::", "0", "3", "0")
        self.assertEqual(done.stdout, "3\n")

    def test_prints_commands(self):
        done = self.run_program("-t", "echo", ":::", "a b")
        self.assertIn("echo", done.stderr)
        self.assertIn("a b", done.stderr)

    def test_goes_through_a_file_where_it_is_large(self):
        done = self.run_program(
            "-k", "-j2", "--buffer", "10k", "-s",
            "head -c {} /dev/zero | tr '\\0' {#}; echo", ":::", "300000",
            "200000")
        self.assertEqual(done.stdout, "1" * 300000 + "\n" + "2" * 200000 + "\n")

    def test_of_more_than_the_buffer_is_kept_in_a_file_without_a_name(self):
        # The second has to wait for its turn.
        process = self.start(
            "-k", "-j2", "--buffer", "10k", "sh", "-c", "{}", ":::",
            "while ! test -e $DIR/go; do sleep 0.01; done",
            "head -c 100000 /dev/zero | tr '\\0' x",
            env={"TMPDIR": self.folder})

        def has_file():
            folder = f"/proc/{process.pid}/fd/"
            for name in os.listdir(folder):
                try:
                    target = os.readlink(folder + name)
                except FileNotFoundError:
                    continue
                if target.startswith(self.folder + "/") and \
                        target.endswith(" (deleted)"):
                    return True
            return False

        wait_until(has_file, "a file of brood's for the output")
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        out, _ = process.communicate(timeout=60)
        self.assertEqual(out, b"x" * 100000)

    def test_of_nothing_is_nothing(self):
        done = self.run_program("--tag", "-k", "true", ":::", "1", "2")
        self.assertEqual((done.stdout, done.stderr), ("", ""))


class Limits(ProgramTest):
    def test_cut_the_output(self):
        done, jobs = self.report_of("--max-output", "1000", "-s",
                                    "head -c 5000 /dev/zero | tr '\\0' x",
                                    ":::", "1")
        self.assertEqual((done.returncode, done.stdout), (0, "x" * 1000))
        self.assertTrue(jobs[1]["truncated"])
        self.assertEqual(jobs[1]["out_bytes"], 5000)
        done, jobs = self.report_of(
            "--max-output", "1000", "--on-overflow", "kill", "--on-overflow",
            "truncate", "-s", "head -c 5000 /dev/zero", ":::", "1")
        self.assertEqual((done.returncode, jobs[1]["status"]), (0, "ok"))

    def test_end_the_job(self):
        done, jobs = self.report_of("--max-output", "1000", "--on-overflow",
                                    "kill", "yes", ":::", "1")
        self.assertEqual((done.returncode, len(done.stdout)), (123, 1000))
        self.assertEqual(jobs[1]["status"], "output")


class Results(ProgramTest):
    def test_go_into_a_folder(self):
        done = self.run_program("--results", self.path("res"), "-s",
                                "echo {1}{2}; echo bad >&2", ":::", "a", "b/c",
                                ":::", "x")
        self.assertEqual(sorted(done.stdout.split()), ["ax", "b/cx"])

        def content(*parts):
            with open(self.path(os.path.join("res", *parts)),
                      encoding="ascii") as file:
                return file.read()
        self.assertEqual(content("1", "a", "2", "x", "stdout"), "ax\n")
        self.assertEqual(content("1", "a", "2", "x", "stderr"), "bad\n")
        self.assertEqual(content("1", "a", "2", "x", "seq"), "1")
        self.assertEqual(content("1", "b\\_c", "2", "x", "seq"), "2")

    def test_stay_in_their_folder(self):
        self.run_program("--results", self.path("res"), "echo", ":::", "..")
        self.assertEqual(os.listdir(self.path("res/1")), ["\\.."])

    def test_that_cannot_be_written_are_our_failure(self):
        with open(self.path("res"), "w", encoding="ascii"):
            pass
        done = self.run_program("--results", self.path("res"), "echo", ":::",
                                "1")
        self.assertEqual(done.returncode, 125)
        self.assertIn("--results: " + self.path("res"), done.stderr)

    def test_that_one_job_cannot_write_end_the_run(self):
        os.makedirs(self.path("res/1"))
        with open(self.path("res/1/b"), "w", encoding="ascii"):
            pass
        done = self.run_program("-k", "-j3", "--results", self.path("res"),
                                "sh", "-c", "sleep 0.1; echo $0", ":::",
                                *"abcde")
        self.assertEqual(done.returncode, 125)
        self.assertIn("--results: " + self.path("res/1/b"), done.stderr)

    def test_stay_when_no_further_attempt_is_made(self):
        process = self.start("-k", "-j1", "--results", self.path("res"),
                             "--report", self.path("report"), "--retries", "2",
                             "--retry-delay", "1000s", "--joblog", "/dev/null",
                             "-s", "echo tried; touch $DIR/up; exit 1", ":::",
                             "1")
        self.wait_for_file("report")
        wait_until(lambda: self.records("job"), "the end of the attempt")
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)
        with open(self.path("res/1/1/stdout"), encoding="ascii") as file:
            self.assertEqual(file.read(), "tried\n")

    def test_need_no_descriptors_while_they_wait_for_their_turn(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
        # The first ends when the last has begun.
        script = ("echo $0; test $0 = 60 && touch $DIR/last; "
                  "test $0 = 1 || exit 0; "
                  "until test -e $DIR/last; do sleep 0.01; done")
        done = self.run_program("-k", "-j2", "--progress", "none", "--results",
                                self.path("res"), "sh", "-c", script, ":::",
                                *range(1, 61), before=few)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.split(), [str(i) for i in range(1, 61)])


class Terminal(ProgramTest):
    def test_is_there_for_the_jobs(self):
        done, jobs = self.report_of(
            "--pty", "-s", "test -t 1 && test -t 2 && echo yes; "
            "true < /dev/tty && echo controls", ":::", "1")
        self.assertEqual(done.stdout, "yes\ncontrols\n")
        self.assertTrue(jobs[1]["pty"])

    def test_has_the_size_that_was_asked_for(self):
        done = self.run_program("--pty=91x17", "-s", "stty size <&1", ":::",
                                "1")
        self.assertEqual(done.stdout, "17 91\n")

    def test_is_not_hung_up_when_a_job_closes_its_output(self):
        # It goes on for as long as brood needs to see the end of the output,
        # and then writes to its terminal again.
        script = ("echo begun; exec >&- 2>&-; touch $DIR/closed; "
                  "while ! test -e $DIR/go; do sleep 0.01; done; "
                  "echo again >/dev/tty")
        process = self.start("--pty", "--report", self.path("report"), "sh",
                             "-c", script, ":::", "1")
        self.wait_for_file("closed")
        wait_until(lambda: state_of(process.pid) == "S", "nothing to read")
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out, err),
                         (0, b"begun\nagain\n", b""))

    def test_merges_the_streams(self):
        done = self.run_program("--pty", "-s", "echo out; echo err >&2", ":::",
                                "1")
        self.assertEqual(done.stdout, "out\nerr\n")

    def test_follows_the_size_of_ours(self):
        process, ours = self.start_on_terminal(
            "--pty", "-s", "trap 'stty size <&1; exit' WINCH; touch $DIR/up; "
            "while :; do sleep 0.01; done", ":::", "1")
        self.wait_for_file("up")
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 41, 101, 0, 0))
        seen = b""
        while b"41 101" not in seen:
            seen += os.read(ours, 4096)
        self.assertEqual(process.wait(timeout=60), 0)

    def test_is_not_there_otherwise(self):
        done = self.run_program("-s", "test -t 1 || echo no", ":::", "1")
        self.assertEqual(done.stdout, "no\n")


class Colors(ProgramTest):
    def seen(self, *options):
        return self.run_program(*options, "-s", "echo $FORCE_COLOR,$NO_COLOR",
                                ":::", "1").stdout

    def test_are_asked_of_the_jobs(self):
        self.assertEqual(self.seen("--color", "always"), "1,\n")
        self.assertEqual(self.seen("--color", "never"), ",1\n")
        self.assertEqual(self.seen(), ",\n")


def signals_wait(pid):
    """Some signal has been sent, and not been taken."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return any(line.startswith(("SigPnd", "ShdPnd")) and
                   int(line.split()[1], 16) for line in file)


class OurOutput(ProgramTest):
    def test_closed_ends_the_run(self):
        process = self.start("-j1", "yes", ":::", "1", "2")
        # More than a pipe holds has come; then nobody reads any more.
        process2 = self.start("--lb", "-j1", "yes", ":::", "1", "2")
        process2.stdout.readline()
        process2.stdout.close()
        err = process2.stderr.read()
        self.assertEqual(process2.wait(timeout=60), 125)
        self.assertIn(b"standard output", err)
        self.assertEqual(err.count(b"\n"), 1)
        process.terminate()
        process.communicate(timeout=60)

    def test_not_there_at_all_ends_the_run(self):
        done = self.run_program("echo", ":::", "1", before=lambda: os.close(1),
                                stdout=None)
        self.assertEqual(done.returncode, 125)
        self.assertIn("standard output", done.stderr)

    def test_full_ends_the_run(self):
        with open("/dev/full", "wb") as full:
            done = self.run_program("echo", ":::", "1", stdout=full)
        self.assertEqual(done.returncode, 125)
        self.assertIn("No space left", done.stderr)

    def test_slow_holds_the_jobs_up(self):
        # Far more than all buffers: the job can only wait.
        process = self.start("--lb", "-s",
                             "yes | head -c 30000000; touch $DIR/over", ":::",
                             "1")
        self.assertTrue(process.stdout.read(100))
        self.assertFalse(os.path.exists(self.path("over")))
        rest = process.stdout.read()
        self.assertEqual(len(rest), 30000000 - 100)
        self.assertEqual(process.wait(timeout=60), 0)
        process.communicate()

    def test_slow_does_not_hold_a_signal_up(self):
        process = self.start("--lb", "yes", ":::", "1")
        self.assertTrue(process.stdout.read(100))
        process.terminate()
        # Nobody reads; a second one drops what is waiting.
        wait_until(lambda: len(self.marked()) <= 2, "the end of the job")
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 143)
        process.stdout.close()
        process.stderr.close()

    def test_slow_is_not_flooded_for_ever_by_a_leftover(self):
        process = self.start("--lb", "--leftover", "allow", "-s",
                             "yes & echo $! > $DIR/pid", ":::", "1")
        end = time.monotonic() + 30
        while process.stdout.read1(4096):
            self.assertLess(time.monotonic(), end, "held by a leftover")
            time.sleep(0.0005)
        process.communicate()
        self.assertEqual(process.returncode, 0)
        wait_until(lambda: not self.marked(), "the end of what cannot write")

    def test_not_read_is_not_piled_up(self):
        process = self.start("--buffer", "1M", "-j4", "--report",
                             self.path("report"), "-s",
                             "head -c 1000000 /dev/zero", ":::", *range(100))
        self.wait_for_file("report")
        wait_until(lambda: len(self.records("job")) > 10, "some jobs")
        time.sleep(0.5)  # without a limit, most of the others run meanwhile
        began = time.time()
        self.assertEqual(len(process.communicate(timeout=60)[0]), 100 * 1000000)
        self.assertEqual(process.returncode, 0)
        starts = [each["start"] for each in self.records("job")]
        self.assertEqual(len(starts), 100)
        self.assertGreater(max(starts), began)

    def test_error_that_is_not_read_does_not_hold_signals_up(self):
        process = self.start("--report", self.path("report"), "-s",
                             "head -c 300000 /dev/zero >&2", ":::", "1")
        self.wait_for_file("report")
        wait_until(lambda: self.records("job"), "the end of the job")
        process.terminate()
        wait_until(lambda: not signals_wait(process.pid), "the first is taken")
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 143)
        process.stdout.close()
        process.stderr.close()

    def full_pipe(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, bytes(4096))
        except BlockingIOError:
            os.set_blocking(writer, True)
        return writer

    def test_error_without_room_for_our_own_lines_holds_no_job_up(self):
        # Each failure is a line.
        process = self.start("-j1", "--report", self.path("report"), "false",
                             ":::", "1", "2", "3", stderr=self.full_pipe())
        self.wait_for_file("report")
        wait_until(lambda: len(self.records("job")) == 3, "the last job")
        process.terminate()
        wait_until(lambda: not signals_wait(process.pid), "the first is taken")
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 143)
        process.stdout.close()

    def test_error_without_room_for_the_summary_can_be_given_up(self):
        process = self.start("--summary", "--report", self.path("report"),
                             "true", ":::", "1", stderr=self.full_pipe())
        self.wait_for_file("report")
        wait_until(lambda: self.records("end"), "the end of the report")
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 143)
        process.stdout.close()

    def test_without_room_for_the_report_holds_no_signal_up(self):
        process = self.start("-j1", "--report", "-", "-s", "touch $DIR/up.{}",
                             ":::", *range(1, 5), stdout=self.full_pipe())
        self.wait_for_file("up.4")
        process.terminate()
        wait_until(lambda: not signals_wait(process.pid), "the first is taken")
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 143)
        process.stderr.close()

    def test_keeps_its_flags(self):
        reader, writer = os.pipe()
        self.run_program("echo", ":::", "1", stdout=writer)
        self.assertTrue(os.get_blocking(writer))
        os.close(reader)
        os.close(writer)


class Words(ProgramTest):
    """What brood itself prints of others' words."""

    def check(self, text):
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\nbrood: forged", text)
        self.assertIn("forged", text)

    def test_of_commands_are_plain(self):
        self.check(self.run_program(
            "-t", "true", ":::", "\x1b[2J\nbrood: forged").stderr)

    def test_of_programs_that_are_missing_are_plain(self):
        self.check(self.run_program(
            "{}", "x", ":::", "/\x1b[2J\nbrood: forged").stderr)

    def test_of_leftovers_are_plain(self):
        name = "\x1b[2J\nbrood: forged"
        self.check(self.run_program(
            "-s", "sh -c 'touch $DIR/up; while :; do sleep 0.05; done' {} & "
            "until test -e $DIR/up; do sleep 0.01; done", ":::", name).stderr)

    def test_of_who_writes_past_us_are_not_counted(self):
        _, jobs = self.report_of("-u", "echo", ":::", "text")
        self.assertEqual((jobs[1]["out_bytes"], jobs[1]["err_bytes"]),
                         (None, None))


if __name__ == "__main__":
    main()
