"""Nothing is left running, whatever ends the run."""

import os
import random
import signal
import subprocess
import sys
import time
import unittest

from program import LIMIT, ProgramTest, main, state_of, wait_until

# What a job looks like; each says that it is there, and then stays.
SHAPES = {
    "child": 'sleep 1000 & touch $DIR/ready.$0; wait',
    "ignore": 'trap "" TERM INT; sleep 1000 & touch $DIR/ready.$0; wait',
    "leader dies":
        '(trap "" TERM INT; touch $DIR/ready.$0; exec sleep 1000) & wait',
    "setsid":
        'setsid sh -c "touch $DIR/ready.$0; exec sleep 1000" & wait',
    "daemon":
        '(setsid sh -c "touch $DIR/ready.$0; exec sleep 1000" &); sleep 1000',
}
# One, and so many that some are still being started.
COUNTS = (1, int(os.environ.get("BROOD_TEST_JOBS", "8")))
USERS = [False, True] if os.getuid() == 0 else [False]


class Matrix(ProgramTest):
    """Each shape, ended in each way, alone and among many, by anybody."""

    def each_case(self, end):
        for name, script in SHAPES.items():
            for jobs in COUNTS:
                for as_nobody in USERS:
                    with self.subTest(shape=name, jobs=jobs,
                                      as_nobody=as_nobody):
                        for number in range(jobs):
                            if os.path.exists(self.path(f"ready.{number}")):
                                os.unlink(self.path(f"ready.{number}"))
                        end(["-j0", "--kill-after", "200ms", "sh", "-c",
                             script, "{}", ":::", *range(jobs)],
                            jobs, as_nobody)

    def wait_for_all(self, jobs):
        for number in range(jobs):
            self.wait_for_file(f"ready.{number}")

    def test_a_signal_to_the_program_alone_ends_all(self):
        def end(arguments, jobs, as_nobody):
            process = self.start(*arguments, as_nobody=as_nobody)
            self.wait_for_all(jobs)
            process.terminate()
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + signal.SIGTERM)
            self.assertEqual(self.marked(), {})
        self.each_case(end)

    def test_ctrl_c_ends_all(self):
        def end(arguments, jobs, as_nobody):
            process, terminal = self.start_on_terminal(
                *arguments, as_nobody=as_nobody)
            self.wait_for_all(jobs)
            os.write(terminal, b"\x03")
            self.assertEqual(process.wait(timeout=60), 128 + signal.SIGINT)
            self.assertEqual(self.marked(), {})
        self.each_case(end)

    def test_the_death_of_the_program_ends_all(self):
        def end(arguments, jobs, as_nobody):
            process = self.start(*arguments, as_nobody=as_nobody)
            self.wait_for_all(jobs)
            process.kill()
            process.communicate(timeout=60)
            wait_until(lambda: not self.marked(), "the end of all")
        self.each_case(end)

    def test_the_death_of_the_guard_ends_all(self):
        def end(arguments, jobs, as_nobody):
            process = self.start(*arguments, as_nobody=as_nobody)
            self.wait_for_all(jobs)
            os.kill(self.guard_of(process), signal.SIGKILL)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 125)
            self.assertIn(b"the guard process was killed", err)
            self.assertEqual(self.marked(), {})
        self.each_case(end)


class RandomMoments(ProgramTest):
    """Killed at any moment, either of the two leaves nothing behind."""

    COUNT = int(os.environ.get("BROOD_TEST_KILLS", "20"))

    def kill_at_random(self, choose):
        seed = int(os.environ.get("BROOD_TEST_SEED", time.time_ns()))
        chance = random.Random(seed)
        for number in range(self.COUNT):
            with self.subTest(seed=seed, number=number):
                process = self.start(
                    "-j4", "--kill-after", "100ms", "sh", "-c",
                    "test $0 = 0 && exec sleep 1000; "
                    "(setsid sleep 1000 &); sleep 0.02; sleep 1000 & exit 0",
                    ":::", *range(200), stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                # The one wait for a time: the moment is meant to be any.
                time.sleep(chance.random() * 0.3)
                victim = choose(process)
                if victim:
                    try:
                        os.kill(victim, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                if victim == process.pid:
                    process.wait(timeout=60)
                else:
                    self.assertEqual(process.wait(timeout=60), 125)
                wait_until(lambda: not self.marked(), "the end of all")

    def test_the_program(self):
        self.kill_at_random(lambda process: process.pid)

    def test_the_guard(self):
        self.kill_at_random(self.guard_of)


def waits_for_many(pid):
    """In its loop, not in a wait for one thing."""
    with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
        return file.read().startswith(("ep_poll", "do_epoll"))


class StuckGuard(ProgramTest):
    def test_does_not_keep_a_run_from_ending(self):
        process = self.start("--kill-after", "0", "-s",
                             "echo > $DIR/in; exec sleep 1000", ":::", "1")
        self.wait_for_file("in")
        os.kill(self.guard_of(process), signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"brood: the guard process does not answer", err)
        self.assertEqual(self.marked(), {})


def sleeps(pid):
    """For a shell: whether a process is a sleep, of which exec, too, has set
    all that it sets."""
    return (f"grep -qs sleep /proc/{pid}/comm && "
            f"grep -qs sleep /proc/{pid}/cmdline")


class Leftovers(ProgramTest):
    """What a job leaves behind when it has ended by itself."""

    # Before exec it would be named as what it was then.
    IS_SLEEP = f"until {sleeps('$!')}; do :; done"
    HOLDER = f"sleep 1000 & {IS_SLEEP}; echo $! > $DIR/pid; echo done"

    def test_is_ended_and_named(self):
        done, jobs = self.report_of("-s", self.HOLDER, ":::", "1")
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"))
        with open(self.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        self.assertEqual(jobs[1]["leftover"], [
            {"pid": pid, "argv": ["sleep", "1000"], "action": "killed"}])
        self.assertIn(f"job 1 left processes behind: {pid} sleep 1000", done.stderr)
        self.assertEqual(self.marked(), {})

    def test_holds_nobody_up(self):
        begin = time.monotonic()
        self.run_program("-s", self.HOLDER, ":::", "1")
        # Far from the 1000 s of the sleep, on any machine.
        self.assertLess(time.monotonic() - begin, 30)

    def test_that_ignores_sigterm_is_killed(self):
        done, jobs = self.report_of(
            "-s", "trap '' TERM; sleep 1000 & echo done", ":::", "1")
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"))
        self.assertEqual(jobs[1]["leftover"][0]["action"], "killed")

    def test_in_another_session_is_found(self):
        _, jobs = self.report_of(
            "-s", "setsid sleep 1000 >&- 2>&- & " + self.IS_SLEEP, ":::", "1")
        self.assertEqual([each["argv"] for each in jobs[1]["leftover"]],
                         [["sleep", "1000"]])

    def test_without_environment_is_found(self):
        _, jobs = self.report_of(
            "-s", "env -i setsid sleep 1000 >&- 2>&- & " + self.IS_SLEEP,
            ":::", "1")
        self.assertEqual([each["argv"] for each in jobs[1]["leftover"]],
                         [["sleep", "1000"]])

    def test_is_told_from_what_others_left(self):
        script = 'setsid sleep 100$0 >&- 2>&- & ' + self.IS_SLEEP
        _, jobs = self.report_of("-j2", "sh", "-c", script, "{}", ":::",
                                 *range(1, 9))
        for seq, each in jobs.items():
            self.assertEqual([left["argv"] for left in each["leftover"]],
                             [["sleep", f"100{seq}"]])

    def test_is_only_told_with_warn_and_ends_with_the_run(self):
        done, jobs = self.report_of("--leftover", "warn", "-s", self.HOLDER,
                                    ":::", "1")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(jobs[1]["leftover"][0]["action"], "left")
        self.assertFalse(jobs[1].get("complete", True))
        self.assertEqual(self.marked(), {})

    def test_is_a_failure_with_fail(self):
        done, jobs = self.report_of("--leftover", "fail", "--joblog",
                                    self.path("log"), "-s", self.HOLDER,
                                    ":::", "1")
        with open(self.path("log"), encoding="ascii") as file:
            self.assertEqual(file.read().splitlines()[1].split("\t")[6], "123")
        self.assertEqual(done.returncode, 123)
        self.assertEqual(
            (jobs[1]["status"], jobs[1]["code"], jobs[1]["error"]),
            ("exit", 0, "it left processes behind"))
        self.assertEqual(self.marked(), {})

    def test_is_never_a_job_that_is_being_started(self):
        # While the guard looks for what every other job left behind, it
        # starts the next ones.
        _, jobs = self.report_of(
            "-q", "-j2", "sh", "-c",
            "[ $(($0 % 2)) = 0 ] && { sleep 1000 & }; exit 0", ":::",
            *range(400))
        self.assertEqual({each["status"] for each in jobs.values()}, {"ok"})

    def test_that_nobody_can_be_blamed_for_is_blamed_on_nobody(self):
        # It has no environment and its own session, the job that started it
        # ends first, and the other one is alone with it afterwards.
        script = ("if [ $0 = 1 ]; then env -i setsid sleep 1000 >&- 2>&- & "
                  f"{self.IS_SLEEP}; until test -e $DIR/two; do sleep 0.01; "
                  "done; else touch $DIR/two; "
                  "until grep -qs '\"seq\":1,.*\"slot\"' $DIR/report; do "
                  "sleep 0.01; done; fi")
        done, jobs = self.report_of("-j2", "sh", "-c", script, ":::", "1", "2")
        self.assertEqual([each["leftover"] for each in jobs.values()
                          if each.get("leftover")], [])
        self.assertRegex(done.stderr, r"some job left processes behind: "
                         r"\d+ sleep 1000 \(killed\)")

    def test_is_ended_though_the_guard_dies_last(self):
        # Held up by its output, the run is not over when its job is.
        process = self.start("--leftover", "warn", "--report",
                             self.path("report"), "-s",
                             f"{self.HOLDER}; head -c 1500000 /dev/zero",
                             ":::", "1")
        guard = self.guard_of(process)
        self.wait_for_file("pid")
        wait_until(lambda: self.records("job"), "the end of the job")
        os.kill(guard, signal.SIGSTOP)
        size = 0
        while size < 1500005:
            size += len(process.stdout.read1(65536))
        # Now the guard is asked to finish, and does not hear it.
        wait_until(lambda: not waits_for_many(process.pid), "the last wait")
        os.kill(guard, signal.SIGKILL)
        process.communicate(timeout=60)
        # 125 where the kernel does not say where it waits.
        self.assertIn(process.returncode, (0, 125))
        self.assertEqual(self.marked(), {})

    def test_goes_on_with_allow(self):
        done, jobs = self.report_of("--leftover", "allow", "-s", self.HOLDER,
                                    ":::", "1")
        self.assertEqual(done.returncode, 0)
        left = self.marked()
        self.assertEqual(list(left), [jobs[1]["leftover"][0]["pid"]])
        os.kill(next(iter(left)), signal.SIGKILL)
        wait_until(lambda: not self.marked(), "its end")

    def test_writes_until_the_drain_time_is_over(self):
        script = ("sh -c 'while kill -0 $0 2>&-; do sleep 0.01; done; "
                  "while echo late; do sleep 0.01; done' $$ & echo first")
        done = self.run_program("--leftover", "warn", "--drain", "1s", "-s",
                                script, ":::", "1")
        self.assertTrue(done.stdout.startswith("first\n"))
        self.assertIn("late\n", done.stdout)

    def test_may_finish_within_the_drain_time(self):
        # The default is over long before.
        for drain, time_needed, shown in (
                (("--drain", "1000s"), 1, "first\nlate\n"),
                ((), 1000, "first\n")):
            done, jobs = self.report_of(
                "--leftover", "warn", *drain, "-s",
                "{ sleep {}; echo late; } & echo first", ":::", time_needed)
            self.assertEqual(done.stdout, shown)
            self.assertEqual(jobs[1]["complete"], bool(drain))

    def test_without_containment_is_nobodys_business(self):
        done, jobs = self.report_of("--contain", "none", "-s", self.HOLDER,
                                    ":::", "1")
        self.assertEqual(done.stdout, "done\n")
        self.assertFalse(jobs[1].get("leftover"))


class Containment(ProgramTest):
    """What the end of a job takes with it, before the run ends."""

    BOTH_SLEEP = ("for name in group session; do pid=$(cat $DIR/$name); "
                  f"until {sleeps('$pid')}; do :; done; done")

    def ended(self, *options):
        """Of a child in the job's group and of one in a session of its own:
        which were gone when the job had been stopped."""
        script = ("sleep 1000 & echo $! > $DIR/group; "
                  "setsid sh -c 'echo $$ > $DIR/session; exec sleep 1000' & "
                  "until test -s $DIR/session; do sleep 0.01; done; "
                  f"{self.BOTH_SLEEP}; echo enough to be stopped; wait")
        look = ("for name in group session; do grep -qs sleep "
                "/proc/$(cat $DIR/$name)/cmdline || echo $name; done "
                "> $DIR/gone")
        self.run_program("-q", "-j1", "--max-output", "1", "--on-overflow",
                         "kill", *options, "sh", "-c", "{}", ":::", script,
                         look)
        with open(self.path("gone"), encoding="ascii") as file:
            return file.read().split()

    def test_of_the_tree_holds_all(self):
        self.assertEqual(self.ended(), ["group", "session"])
        self.assertEqual(self.ended("--contain", "tree"), ["group", "session"])

    def test_of_the_group_holds_the_group(self):
        self.assertEqual(self.ended("--contain", "group"), ["group"])

    def test_of_the_group_leaves_the_rest_to_the_end_of_the_run(self):
        script = ("sleep 1000 >&- 2>&- & echo $! > $DIR/group; "
                  "setsid sleep 1000 >&- 2>&- & echo $! > $DIR/session; "
                  + self.BOTH_SLEEP)
        done, jobs = self.report_of("--contain", "group", "-s", script, ":::",
                                    "1")
        pids = {name: int(self.text_of(name)) for name in ("group", "session")}
        self.assertEqual([each["pid"] for each in jobs[1]["leftover"]],
                         [pids["group"]])
        self.assertIn(f"brood: some job left processes behind: "
                      f"{pids['session']} sleep 1000 (killed)", done.stderr)

    def test_of_none_holds_none(self):
        self.assertEqual(self.ended("--contain", "none"), [])


def writable_cgroup():
    """The folder of our cgroup, where it is one that we may make others in;
    else None."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        point = next((line.split()[4] for line in file
                      if " - cgroup2 " in line), None)
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        own = next((line[4:-1] for line in file if line.startswith("0::/")), "")
    probe = f"{point}/{own}/brood-test-probe-{os.getpid()}"
    try:
        os.mkdir(probe)
    except OSError:
        return None
    try:
        return point if os.path.exists(probe + "/cgroup.kill") else None
    finally:
        os.rmdir(probe)


CGROUPS = writable_cgroup()


@unittest.skipUnless(CGROUPS, "no cgroup2 hierarchy that we may write to")
class Cgroups(ProgramTest):
    """A process that two forks, a session of its own and the loss of its
    environment took away from its job, while another job runs."""

    LEAVE = ("sed -n 's/^0:://p' /proc/self/cgroup; "
             "(env -i setsid sh -c 'echo $$ > \"$0\"; exec sleep 1000' "
             "$DIR/pid >&- 2>&- &); "
             "until test -e $DIR/two && pid=$(cat $DIR/pid) && "
             f"{sleeps('$pid')}; do sleep 0.01; done")
    LOOK = ("touch $DIR/two; "
            "until grep -qs '\"seq\":1,.*\"slot\"' $DIR/report; do "
            "sleep 0.01; done; grep -qs sleep /proc/$(cat $DIR/pid)/cmdline "
            "&& echo there || echo gone")

    def leave(self, *options):
        """What is in the record of who left, whether he was there after the
        job, his pid, and the folder of the job's cgroup."""
        done, jobs = self.report_of("-q", "-k", "-j2", *options, "sh", "-c",
                                    "{}", ":::", self.LEAVE, self.LOOK)
        self.assertEqual(done.returncode, 0, done)
        place, seen = done.stdout.split()
        left = [(each["argv"], each["action"]) for each in jobs[1]["leftover"]]
        pid = int(self.text_of("pid"))
        self.assertEqual([each["pid"] for each in jobs[1]["leftover"]],
                         [pid] if left else [])
        return left, seen, pid, CGROUPS + place

    def test_without_one_he_is_there(self):
        self.assertEqual(self.leave()[:2], ([], "there"))

    def test_hold_him(self):
        left, seen, _, place = self.leave("--contain", "cgroup")
        self.assertEqual((left, seen),
                         ([(["sleep", "1000"], "killed")], "gone"))
        self.assertFalse(os.path.exists(place), place)

    def test_let_him_stay_till_the_end_with_warn(self):
        left, seen, _, place = self.leave("--contain", "cgroup", "--leftover",
                                          "warn")
        self.assertEqual((left, seen),
                         ([(["sleep", "1000"], "left")], "there"))
        self.assertEqual(self.marked(), {})
        self.assertFalse(os.path.exists(place), place)

    def test_let_him_stay_with_allow(self):
        left, seen, pid, place = self.leave("--contain", "cgroup",
                                            "--leftover", "allow")
        self.assertEqual((left, seen),
                         ([(["sleep", "1000"], "left")], "there"))
        self.assertEqual(state_of(pid), "S")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: state_of(pid) in ("", "Z"), "his end")

        def removed():
            try:
                os.rmdir(place)
            except OSError:  # EBUSY until he is gone altogether
                return False
            return True

        wait_until(removed, "the end of his cgroup")

    def test_hold_who_ignores_a_stop(self):
        script = ("trap '' TERM; echo $$ > $DIR/pid; "
                  "while :; do sleep 1000; done")
        _, jobs = self.report_of("--contain", "cgroup", "--timeout", "2s",
                                 "--kill-after", "10ms", "-s", script, ":::",
                                 "1")
        self.assertEqual((jobs[1]["status"], jobs[1]["signal"]),
                         ("timeout", signal.SIGKILL))


class NoCgroups(ProgramTest):
    @unittest.skipUnless(os.getuid() == 0 or not CGROUPS,
                         "cgroups can be made by us")
    def test_are_told_plainly(self):
        why = "no cgroup2 hierarchy that we may write to"
        done, jobs = self.report_of("--contain", "cgroup", "echo", ":::", "1",
                                    as_nobody=os.getuid() == 0)
        self.assertEqual((done.returncode, done.stdout), (123, ""))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(why, done.stderr)
        self.assertIn("brood: job 1: not started: cannot start echo: ",
                      done.stderr)
        self.assertEqual(jobs[1]["status"], "spawn")
        self.assertIn(why, jobs[1]["error"])
        done = self.run_program("one", "--contain", "cgroup", "echo",
                                as_nobody=os.getuid() == 0)
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn(why, done.stderr)


if __name__ == "__main__":
    sys.argv[1:1] = ["-v"] if "BROOD_TEST_KILLS" in os.environ else []
    main()
