"""Jobs that the guard has in hand, and that wait until another one is gone."""

import os
import resource
import signal
import subprocess
import time

from program import (LIMIT, PROGRAM, ProgramTest, main, parent_of, state_of,
                     wait_until)

# Runs until $DIR/go is there, and says before that it does.
HOLD = ("echo $$ > $DIR/tmp{}; mv $DIR/tmp{} $DIR/job{}; "
        "until test -e $DIR/go; do sleep 0.01; done")


class HeldJobs(ProgramTest):
    def go(self):
        with open(self.path("go"), "w", encoding="ascii"):
            pass

    def wait_for_jobs(self, *numbers):
        for each in numbers:
            self.wait_for_file(f"job{each}")


class WaitingJobs(HeldJobs):
    def test_are_never_started_when_the_run_is_stopped(self):
        process = self.start("-j2", "--report", self.path("report"), "-s",
                             HOLD, ":::", *range(1, 9))
        self.wait_for_jobs(1, 2)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 143)
        how = {each["seq"]: (each["status"], each["slot"])
               for each in self.records("job")}
        self.assertEqual(how, {
            1: ("canceled", 1), 2: ("canceled", 2),
            **{each: ("skipped", 0) for each in range(3, 9)}})
        self.assertEqual(self.records("end")[0]["skipped"], 6)
        self.assertFalse(os.path.exists(self.path("job3")))

    def test_begin_when_another_one_has_ended(self):
        process = self.start("-j2", "--report", self.path("report"), "-s",
                             HOLD, ":::", *range(1, 7))
        self.wait_for_jobs(1, 2)
        # Time for the others to be read, and to wait after that.
        time.sleep(2)
        self.go()
        process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 0)
        jobs = {each["seq"]: each for each in self.records("job")}
        first_end = min(jobs[each]["start"] + jobs[each]["wall_s"]
                        for each in (1, 2))
        for each in range(3, 7):
            # The clock of the records may be set meanwhile, by a little.
            self.assertGreater(jobs[each]["start"], first_end - 0.01)
            self.assertGreater(jobs[each]["queued_s"],
                               min(jobs[1]["wall_s"], jobs[2]["wall_s"]) / 2)

    def test_have_all_of_their_time(self):
        # The first two end by theirs; whoever was in hand all the while gets
        # no less.
        _, jobs = self.report_of("-j2", "--timeout", "300ms", "sleep", ":::",
                                 *[1000] * 4)
        for each in range(1, 5):
            self.assertEqual(jobs[each]["status"], "timeout")
            at = float(jobs[each]["kill_path"][0].split("@")[1])
            self.assertGreaterEqual(at, 0.29)

    def test_get_a_slot_that_is_free(self):
        script = ("mkdir $DIR/slot$PARALLEL_JOBSLOT || touch $DIR/clash; "
                  "echo $PARALLEL_JOBSLOT; rmdir $DIR/slot$PARALLEL_JOBSLOT")
        done, jobs = self.report_of("-j3", "--keep-order", "-s", script, ":::",
                                    *range(60))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        slots = [int(line) for line in done.stdout.split()]
        self.assertEqual([jobs[each]["slot"] for each in sorted(jobs)], slots)
        self.assertLessEqual(set(slots), {1, 2, 3})
        self.assertFalse(os.path.exists(self.path("clash")))

    def test_know_their_slot_where_the_command_says_it(self):
        done, jobs = self.report_of("-j3", "--keep-order", "-s",
                                    "echo {%} $PARALLEL_JOBSLOT", ":::",
                                    *range(30))
        self.assertEqual(done.returncode, 0)
        for seq, line in enumerate(done.stdout.splitlines(), 1):
            self.assertEqual(line.split()[:2], [str(jobs[seq]["slot"])] * 2)

    def test_that_cannot_be_started_make_room_for_the_next(self):
        with open(self.path("commands"), "w", encoding="ascii") as file:
            for each in range(20):
                print("true" if each % 4 == 3 else self.path("missing"),
                      file=file)
        _, jobs = self.report_of("-j2", "-a", self.path("commands"), "env")
        self.assertEqual([jobs[each]["code"] for each in sorted(jobs)],
                         ([127] * 3 + [0]) * 5)

    def test_with_long_commands_take_few_descriptors(self):
        # Those in hand have theirs in the guard, which runs out of them first;
        # and a command that is so long comes in one, too.
        with open(self.path("long"), "w", encoding="ascii") as file:
            for each in range(14):
                print(str(each) + "x" * 40000, file=file)
        self.go()
        done = self.run_program(
            "-j2", "-u", "--progress", "none", "--stdin-from",
            self.path("go"), "-a",
            self.path("long"), "-s", "x={}; echo ok",
            before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                              (20, 20)))
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "ok\n" * 14, ""))

    def test_are_not_started_while_all_are_suspended(self):
        shell, terminal = self.start_on_terminal(
            "one", "sh", "-c",
            f"set -m; {PROGRAM} -j2 -s '{HOLD}' ::: 1 2 3 4; "
            "touch $DIR/suspended; while ! test -e $DIR/on; do sleep 0.01; "
            "done; fg; echo rc $? > $DIR/rc")
        self.wait_for_jobs(1, 2)
        os.write(terminal, b"\x1a")
        self.wait_for_file("suspended")
        guard = None
        for each in (1, 2):
            pid = int(self.text_of(f"job{each}"))
            wait_until(lambda pid=pid: is_suspended(pid), "suspension")
            guard = guard or parent_of(pid)
            os.killpg(pid, signal.SIGKILL)
        wait_until(lambda: not children_of(guard), "their ends")
        self.assertFalse(os.path.exists(self.path("job3")))
        with open(self.path("on"), "w", encoding="ascii"):
            pass
        self.wait_for_jobs(3, 4)
        self.go()
        self.assertEqual(self.text_of("rc"), "rc 123\n")
        shell.wait(timeout=LIMIT)


class NobodyWaits(HeldJobs):
    """Where the end of one job decides about the next one."""

    def test_when_a_failure_ends_the_run(self):
        process = self.start(
            "-j2", "--halt", "soon,fail=1", "--report", self.path("report"),
            "-s", "test {} = 1 && { until test -e $DIR/job2; do sleep 0.01; "
            "done; exit 1; }; " + HOLD, ":::", *range(1, 7))
        self.wait_for_jobs(2)
        wait_until(lambda: [each for each in self.records("job")
                            if each["seq"] == 1], "the end of the first")
        self.go()
        process.communicate(timeout=LIMIT)
        self.assertFalse(os.path.exists(self.path("job3")))
        self.assertEqual({each["seq"] for each in self.records("job")
                          if each["status"] == "ok"}, {2})

    def test_when_a_job_is_to_be_tried_again(self):
        # It keeps its slot, so all that follow run in the other one.
        process = self.start(
            "-j2", "--retries", "2", "--retry-delay", "1h", "--report",
            self.path("report"), "-s", "test {} = 1 && exit 1; " + HOLD, ":::",
            *range(1, 5))
        self.wait_for_jobs(2)
        self.go()
        self.wait_for_jobs(4)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        slots = {each["seq"]: each["slot"] for each in self.records("job")}
        self.assertNotEqual(slots[1], slots[2])
        self.assertEqual(slots[3], slots[2])

    def test_when_each_is_shown_as_it_starts(self):
        process = self.start("-j2", "-u", "-t", "-s",
                             HOLD + "; echo end >&2", ":::", *range(1, 7))
        self.wait_for_jobs(1, 2)
        self.go()
        _, err = process.communicate(timeout=LIMIT)
        lines = err.decode().splitlines()
        third = next(at for at, line in enumerate(lines) if "job3" in line)
        self.assertIn("end", lines[:third])


def children_of(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)],
                           stdout=subprocess.PIPE, check=False)
    return [int(each) for each in found.stdout.split()]


def is_suspended(pid):
    # A shell whose child was suspended before exec waits in a vfork.
    return any(state_of(each) == "T" for each in [pid, *children_of(pid)])


if __name__ == "__main__":
    main()
