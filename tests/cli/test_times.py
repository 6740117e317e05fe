"""Timeouts, stop sequences, retries, and when a run ends early."""

import os
import signal

from program import ProgramTest, main, wait_until


class Timeouts(ProgramTest):
    def test_end_a_job_and_count_as_124(self):
        done, jobs = self.report_of("--timeout", "100ms", "sleep", ":::",
                                    "1000")
        self.assertEqual(done.returncode, 124)
        self.assertEqual(jobs[1]["status"], "timeout")
        self.assertEqual(jobs[1]["signal"], signal.SIGTERM)
        self.assertRegex(jobs[1]["kill_path"][0], r"^TERM@")

    def test_of_zero_are_none(self):
        for option in ("--timeout", "--idle-timeout", "--deadline"):
            done = self.run_program(option, "0", "sleep", ":::", "0.1")
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_kill_who_does_not_listen(self):
        done, jobs = self.report_of(
            "--timeout", "2s", "--kill-after", "100ms", "-s",
            "trap '' TERM; while :; do sleep 1000; done", ":::", "1")
        self.assertEqual(done.returncode, 124)
        path = [each.split("@")[0] for each in jobs[1]["kill_path"]]
        self.assertEqual(path, ["TERM", "KILL"])
        self.assertEqual(jobs[1]["signal"], signal.SIGKILL)

    def test_kill_when_the_grace_is_over_and_not_before(self):
        # Longer than the default, so that no machine is too slow for this.
        _, jobs = self.report_of(
            "--max-output", "1", "--on-overflow", "kill", "--kill-after",
            "5500ms", "-s",
            "trap '' TERM; echo up; while :; do sleep 1000; done", ":::", "1")
        term, kill = (float(each.split("@")[1])
                      for each in jobs[1]["kill_path"])
        self.assertGreaterEqual(kill - term, 5.4)

    def test_use_the_signal_that_is_asked_for(self):
        script = ("trap 'echo got; exit 3' USR1; echo in; "
                  "while :; do sleep 0.01; done")
        done, jobs = self.report_of("--timeout", "2s", "--signal", "USR1",
                                    "-s", script, ":::", "1")
        self.assertEqual(done.stdout, "in\ngot\n")
        self.assertEqual((jobs[1]["status"], jobs[1]["code"]), ("timeout", 3))

    def test_follow_the_sequence(self):
        _, jobs = self.report_of(
            "--max-output", "1", "--on-overflow", "kill", "--term-seq",
            "INT,50,TERM,50,KILL", "-s",
            "trap '' INT TERM; echo up; while :; do sleep 1000; done", ":::",
            "1")
        path = [each.split("@")[0] for each in jobs[1]["kill_path"]]
        self.assertEqual(path, ["INT", "TERM", "KILL"])

    def test_leave_quick_jobs_alone(self):
        done, _ = self.report_of("--timeout", "50s", "true", ":::", "1", "2")
        self.assertEqual(done.returncode, 0)

    def test_in_percent_of_the_median(self):
        done, jobs = self.report_of(
            "-j1", "--timeout", "5000%", "sleep", ":::",
            "0.05", "0.05", "0.05", "0.05", "1000")
        self.assertEqual(done.returncode, 124)
        self.assertEqual(jobs[5]["status"], "timeout")

    def test_of_the_silence(self):
        done, jobs = self.report_of(
            "--idle-timeout", "2s", "-s",
            "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.3; done; sleep 1000",
            ":::", "1")
        self.assertEqual(done.stdout.split(), list("12345678"))
        self.assertEqual(jobs[1]["status"], "idle")
        self.assertEqual(done.returncode, 124)

    def test_of_the_whole_run(self):
        done, jobs = self.report_of("-j2", "--deadline", "2s", "sleep",
                                    ":::", "0", "1000", "1000", "1000")
        self.assertEqual(done.returncode, 124)
        self.assertEqual(jobs[1]["status"], "ok")
        self.assertEqual(jobs[2]["status"], "timeout")
        self.assertNotIn("ok", [jobs[seq]["status"] for seq in jobs if seq > 1])
        self.assertIn("deadline", self.records("end")[0]["halted"])


class Retries(ProgramTest):
    # Fails until the file has as many lines as $1.
    SCRIPT = "echo x >> $DIR/tries; test $(wc -l < $DIR/tries) -ge $0"

    def test_repeat_until_it_works(self):
        done, jobs = self.report_of("--retries", "5", "sh", "-c", self.SCRIPT,
                                    "{}", ":::", "3")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(jobs[1]["attempt"], 3)
        finals = [each.get("final", True) for each in self.records("job")]
        self.assertEqual(finals, [False, False, True])

    def test_end(self):
        done, _ = self.report_of("--retries", "3", "sh", "-c", self.SCRIPT,
                                 "{}", ":::", "9")
        self.assertEqual(done.returncode, 123)
        self.assertEqual(len(self.records("job")), 3)

    def test_show_the_last_attempt_alone(self):
        done = self.run_program("--retries", "3", "sh", "-c",
                                "wc -l < $DIR/tries; " + self.SCRIPT, "{}",
                                ":::", "3")
        self.assertEqual(done.stdout.strip(), "2")

    def test_only_for_the_causes_that_are_named(self):
        self.report_of("--retries", "3", "--retry-on", "exit=75", "sh", "-c",
                       "exit {}", ":::", "75", "1")
        counts = [each["seq"] for each in self.records("job")]
        self.assertEqual((counts.count(1), counts.count(2)), (3, 1))

    def test_for_timeouts_and_signals(self):
        self.report_of("--retries", "2", "--retry-on", "timeout,signal=KILL",
                       "--timeout", "1s", "sh", "-c", "{}", ":::",
                       "sleep 1000", "kill -KILL $$", "kill -HUP $$")
        counts = [each["seq"] for each in self.records("job")]
        self.assertEqual([counts.count(seq) for seq in (1, 2, 3)], [2, 2, 1])

    def test_wait_longer_each_time(self):
        self.report_of("--retries", "3", "--retry-delay", "200ms,x4", "false",
                       ":::", "1")
        starts = [each["start"] for each in self.records("job")]
        # Jitter takes a half at most.
        self.assertGreaterEqual(starts[1] - starts[0], 0.1)
        self.assertGreaterEqual(starts[2] - starts[1], 0.4)

    def test_that_wait_end_with_the_run(self):
        process = self.start("--retries", "3", "--retry-delay", "1000s", "-s",
                             "touch $DIR/tried; false", ":::", "1")
        self.wait_for_file("tried")
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)


class Halt(ProgramTest):
    def test_soon_starts_no_more(self):
        done, jobs = self.report_of("-j1", "--halt", "soon,fail=2", "sh", "-c",
                                    "exit {}", ":::", "1", "0", "1", "0", "0")
        self.assertEqual(done.returncode, 123)
        self.assertEqual(sorted(jobs), [1, 2, 3])
        self.assertIn("2 jobs failed", self.records("end")[0]["halted"])

    def test_after_a_job_that_has_ended_well_is_a_success(self):
        done = self.run_program("-j2", "--halt", "now,done=1", "sleep", ":::",
                                "0.1", "1000")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_program("-j2", "--halt", "now,done=1", "-s", "{}",
                                ":::", "false", "sleep 1000")
        self.assertEqual(done.returncode, 123, done.stderr)

    def test_leaves_a_record_of_who_was_read_and_never_started(self):
        done, jobs = self.report_of(
            "-j2", "--delay", "1000s", "--halt", "soon,fail=1", "-s", "{}",
            ":::", "sleep 0.3; exit 1", "true", "true")
        self.assertEqual(done.returncode, 123)
        self.assertEqual([(seq, each["status"], each["start"] != 0)
                          for seq, each in jobs.items()],
                         [(1, "exit", True), (2, "skipped", False)])
        self.assertEqual(self.records("end")[0]["skipped"], 2)

    def test_by_a_part_waits_for_more_than_the_first_lines(self):
        lines = "exit 1\n" + "exit 0\n" * 9
        done = self.run_program("-j1", "--halt", "soon,fail=20%", text=lines)
        self.assertEqual(done.returncode, 123)
        _, jobs = self.report_of("-j1", "--halt", "soon,fail=20%", text=lines)
        self.assertEqual(len(jobs), 10)
        _, jobs = self.report_of("-j1", "--halt", "soon,fail=20%",
                                 text="exit 1\n" * 10)
        self.assertLess(len(jobs), 10)

    def test_now_ends_those_that_run(self):
        done, jobs = self.report_of(
            "-j2", "--halt", "now,fail=1", "sh", "-c", "{}", ":::",
            "touch $DIR/up; sleep 1000",
            "while ! test -e $DIR/up; do sleep 0.01; done; exit 4", "true")
        self.assertEqual(done.returncode, 123)
        self.assertEqual(jobs[1]["status"], "canceled")
        self.assertEqual(jobs[2]["code"], 4)

    def test_x_is_short_for_now_fail_1(self):
        done = self.run_program("-j1", "-x", "-s", "echo {}; exit {}", ":::",
                                "1", "0")
        self.assertEqual((done.returncode, done.stdout), (123, "1\n"))

    def test_never_takes_it_back(self):
        done = self.run_program("-j1", "-x", "--halt", "never", "-s",
                                "echo {}; exit {}", ":::", "1", "0")
        self.assertEqual((done.returncode, done.stdout), (123, "1\n0\n"))

    def test_with_success_is_a_success(self):
        done, jobs = self.report_of("-j1", "--halt", "now,success=1", "sh",
                                    "-c", "exit {}", ":::", "1", "0", "1")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(sorted(jobs), [1, 2])

    def test_counts_a_part_of_all(self):
        _, jobs = self.report_of("-j1", "--halt", "soon,fail=50%", "false",
                                 ":::", *range(10))
        self.assertEqual(sorted(jobs), [1, 2, 3, 4, 5])

    def test_counts_all_that_is_done(self):
        _, jobs = self.report_of("-j1", "--halt", "soon,done=3", "true",
                                 ":::", *range(10))
        self.assertEqual(sorted(jobs), [1, 2, 3])


class Signals(ProgramTest):
    def test_a_second_one_kills_at_once(self):
        process = self.start(
            "--kill-after", "1000s", "-s",
            "trap 'touch $DIR/termed' TERM; touch $DIR/up; "
            "while :; do sleep 0.01; done", ":::", "1")
        self.wait_for_file("up")
        process.send_signal(signal.SIGINT)
        self.wait_for_file("termed")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_hang_up_ends_the_run(self):
        process = self.start("-s", "touch $DIR/up; sleep 1000", ":::", "1")
        self.wait_for_file("up")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGHUP)

    def test_hang_up_is_ignored_under_nohup(self):
        process = self.start(
            "-s", "touch $DIR/up; while ! test -e $DIR/go; do sleep 0.01; done;"
            " kill -HUP $$; echo survived", ":::", "1",
            before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.wait_for_file("up")
        process.send_signal(signal.SIGHUP)
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        out, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (0, b"survived\n"))

    def test_usr1_shows_the_jobs(self):
        process = self.start("-s", "echo working; touch $DIR/up; sleep 1000",
                             ":::", "1")
        self.wait_for_file("up")

        # Again and again: it may not have been told of yet, nor its line read.
        def shows_its_line():
            process.send_signal(signal.SIGUSR1)
            if b"1 running" not in process.stderr.readline():
                return False
            line = process.stderr.readline()
            self.assertRegex(line, rb"#1 pid \d+ +\d+\.\ds .*sleep 1000")
            return b"working" in line
        wait_until(shows_its_line, "the job and its line")
        process.terminate()
        process.communicate(timeout=60)

    def test_what_came_before_a_signal_is_shown(self):
        process = self.start("-s", "echo first; touch $DIR/up; sleep 1000",
                             ":::", "1")
        self.wait_for_file("up")
        process.terminate()
        out, _ = process.communicate(timeout=60)
        self.assertEqual(out, b"first\n")

    def test_ctrl_z_suspends_the_jobs_too(self):
        self.suspend_and_continue(
            "-s 'echo $$ > $DIR/job; exec sleep 1000' ::: 1")


if __name__ == "__main__":
    main()
