"""How many jobs at once, and with how much of the machine."""

import os
import resource
import subprocess
import unittest

from program import PROGRAM, ProgramTest, main

# Says how many of us there were at most: each notes itself, looks, and goes.
COUNT = ("touch $DIR/run.{#}; ls $DIR | grep -c '^run' ; sleep 0.2; "
         "rm $DIR/run.{#}")


class Slots(ProgramTest):
    def most(self, *options, jobs=6):
        done = self.run_program(*options, "-s", COUNT, ":::", *range(jobs))
        self.assertEqual(done.returncode, 0, done.stderr)
        return max(map(int, done.stdout.split()))

    def test_are_as_many_as_asked_for(self):
        self.assertEqual(self.most("-j1"), 1)
        self.assertLessEqual(self.most("-j3"), 3)

    def test_are_no_limit_with_0(self):
        # Each waits for all the others.
        script = ("touch $DIR/at.{#}; while test $(ls $DIR | grep -c '^at') "
                  "-lt 20; do sleep 0.01; done")
        done = self.run_program("-j0", "-s", script, ":::", *range(20))
        self.assertEqual(done.returncode, 0)

    def test_are_a_part_of_the_processors(self):
        one = len(os.sched_getaffinity(0)) == 1
        self.assertLessEqual(self.most("-j", "1%"), 1)
        if not one:
            done, _ = self.report_of("-j", "200%", "true", ":::", "1")
            self.assertEqual(self.records("run")[0]["jobs"],
                             2 * len(os.sched_getaffinity(0)))

    def test_are_more_than_the_processors(self):
        self.report_of("-j", "+3", "true", ":::", "1")
        self.assertEqual(self.records("run")[0]["jobs"],
                         len(os.sched_getaffinity(0)) + 3)

    def test_are_the_same_by_every_name(self):
        for option in ("-j", "--jobs", "-P"):
            self.report_of(option, "7", "true", ":::", "1")
            self.assertEqual(self.records("run")[0]["jobs"], 7)

    def test_follow_the_affinity(self):
        processor = min(os.sched_getaffinity(0))
        self.report_of("true", ":::", "1",
                       before=lambda: os.sched_setaffinity(0, [processor]))
        self.assertEqual(self.records("run")[0]["jobs"], 1)

    def test_have_numbers(self):
        done = self.run_program("-j2", "echo", "{%}", ":::", *range(20))
        self.assertLessEqual(set(done.stdout.split()), {"1", "2"})
        # No two at once have the same: each waits for the other's.
        done = self.run_program(
            "-j2", "-s", "touch $DIR/{%}.{#}; until test -e $DIR/1.* && "
            "test -e $DIR/2.*; do sleep 0.01; done", ":::", "a", "b")
        self.assertEqual(done.returncode, 0)


class Waiting(ProgramTest):
    def test_for_a_lower_load(self):
        # Somebody always wants the processor: the jobs come one by one.
        busy = subprocess.Popen(["sh", "-c", "while :; do :; done"])
        try:
            done = self.run_program("-j4", "--load", "0.5", "-s", COUNT,
                                    ":::", *range(3))
        finally:
            busy.kill()
            busy.wait()
        self.assertEqual(max(map(int, done.stdout.split())), 1)

    def test_for_memory(self):
        for option in ("--memfree", "--mem-per-job"):
            done = self.run_program("-j4", option, "1000T", "-s", COUNT, ":::",
                                    *range(3))
            self.assertEqual(max(map(int, done.stdout.split())), 1)

    def test_for_memory_that_others_have_not_used_yet(self):
        with open("/proc/meminfo", encoding="ascii") as file:
            free = next(int(line.split()[1]) for line in file
                        if line.startswith("MemAvailable:"))
        # There is room for one, and not for a second beside it.
        done = self.run_program("-j4", "--mem-per-job", f"{free * 9 // 10}K",
                                "-s", COUNT, ":::", *range(3))
        self.assertEqual(max(map(int, done.stdout.split())), 1)

    def test_between_two_starts(self):
        self.report_of("-j0", "--delay", "1s", "true", ":::", *range(3))
        starts = sorted(each["start"] for each in self.records("job"))
        for first, second in zip(starts, starts[1:]):
            self.assertGreaterEqual(second - first, 0.999)
        # From the second on, each was read and had to wait.
        for each in self.records("job")[1:]:
            self.assertGreater(each["queued_s"], 0.05)


class Jobserver(ProgramTest):
    def parent(self, tokens, *arguments, form="pipe"):
        """Runs it below a jobserver with so many tokens; gives how many are
        left in the end as well."""
        if form == "pipe":
            reader, writer = os.pipe()
            auth = f"{reader},{writer}"
        else:
            path = self.path("fifo")
            os.mkfifo(path)
            reader = os.open(path, os.O_RDWR)
            writer = os.open(path, os.O_WRONLY)
            auth = "fifo:" + path
        os.write(writer, b"+" * tokens)
        done = self.run_program(
            *arguments, env={"MAKEFLAGS": f" -j --jobserver-auth={auth}"},
            pass_fds=(reader, writer))
        os.set_blocking(reader, False)
        try:
            left = len(os.read(reader, 100))
        except BlockingIOError:
            left = 0
        os.close(reader)
        os.close(writer)
        return done, left

    def test_of_make_limits_us(self):
        for form in ("pipe", "fifo"):
            for tokens in (0, 1):
                done, left = self.parent(tokens, "-j8", "-s", COUNT, ":::",
                                         *range(4), form=form)
                if form == "fifo":
                    os.unlink(self.path("fifo"))
                most = max(map(int, done.stdout.split()))
                self.assertLessEqual(most, tokens + 1)
                self.assertEqual(left, tokens)

    def test_gets_its_tokens_back_from_a_run_that_is_stopped(self):
        reader, writer = os.pipe()
        os.write(writer, b"+++")
        process = self.start(
            "-j4", "-s", "touch $DIR/up.{#}; sleep 1000", ":::", *range(4),
            env={"MAKEFLAGS": f"--jobserver-auth={reader},{writer}"},
            pass_fds=(reader, writer))
        for number in range(1, 5):
            self.wait_for_file(f"up.{number}")
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(os.read(reader, 100), b"+++")
        os.close(reader)
        os.close(writer)

    def test_descriptors_of_ours_are_no_jobserver(self):
        # As make tells a recipe without "+", which gets neither: the list is
        # read from 3, and the report is 4.
        os.mkfifo(self.path("list"))
        both = "test -e $DIR/at.1 && test -e $DIR/at.2"
        process = self.start(
            "-j2", "-a", "list", "--report", "report", "--timeout", "20s",
            "-s", "touch $DIR/at.{#}; until " + both + "; do sleep 0.01; done",
            env={"MAKEFLAGS": " -j2 --jobserver-auth=3,4"})
        with open(self.path("list"), "w", encoding="ascii") as file:
            file.write("a\n")
            file.flush()
            self.wait_for_file("at.1")
            file.write("b\n")
        _, error = process.communicate(timeout=60)
        self.assertEqual((process.returncode, error), (0, b""))

    def test_of_make_is_passed_on(self):
        with open(self.path("Makefile"), "w", encoding="ascii") as file:
            file.write(f"all:\n\t+@{PROGRAM} -j2 $(MAKE) --silent -f {{}} "
                       "::: sub.mk\n")
        with open(self.path("sub.mk"), "w", encoding="ascii") as file:
            file.write("all: a b\na b:\n\t@echo $@\n")
        done = subprocess.run(
            ["make", "--silent", "-j2"], cwd=self.folder, timeout=60,
            env=self.environment(), capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn(b"jobserver", done.stderr)
        self.assertEqual(sorted(done.stdout.split()), [b"a", b"b"])

    def test_token_stays_with_who_waits_to_be_tried_again(self):
        # With the one token that every process has, no other job may run
        # while the first waits, since it will not ask for one again.
        done, left = self.parent(
            0, "-j4", "-k", "--retries", "2", "--retry-delay", "100ms", "-s",
            "echo {} >> $DIR/log; test {} = 2 || test -e $DIR/tried || "
            "{ touch $DIR/tried; exit 1; }", ":::", "1", "2")
        self.assertEqual((done.returncode, left), (0, 0))
        with open(self.path("log"), encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["1", "1", "2"])

    def test_can_be_ignored(self):
        script = ("touch $DIR/at.{#}; while test $(ls $DIR | grep -c '^at') "
                  "-lt 4; do sleep 0.01; done")
        done, left = self.parent(0, "-j4", "--jobserver", "off", "-s", script,
                                 ":::", *range(4))
        self.assertEqual((done.returncode, left), (0, 0))

    def test_of_ours_limits_the_makes_below_us(self):
        with open(self.path("Makefile"), "w", encoding="ascii") as file:
            file.write("all: " + " ".join(f"t{i}" for i in range(6)) + "\n"
                       "t%:\n\t@touch $(DIR)/run.$(NAME).$@; "
                       "ls $(DIR) | grep -c '^run'; sleep 0.1; "
                       "rm $(DIR)/run.$(NAME).$@\n")
        done = self.run_program("-j3", "--jobserver", "serve", "make", "--silent",
                                "NAME={}", "-C", self.folder, ":::", "a", "b")
        self.assertEqual(done.returncode, 0, done.stderr)
        counts = list(map(int, done.stdout.split()))
        self.assertEqual(len(counts), 12)
        self.assertLessEqual(max(counts), 3)
        self.assertNotIn("jobserver", done.stderr)

    def test_of_ours_allows_as_many_as_slots(self):
        with open(self.path("Makefile"), "w", encoding="ascii") as file:
            file.write("all: t1 t2 t3\nt%:\n\t@touch $(DIR)/at.$@; while test "
                       "$$(ls $(DIR) | grep -c '^at') -lt 3; do sleep 0.01; "
                       "done\n")
        done = self.run_program("-j3", "--jobserver", "serve", "make", "--silent",
                                "-C", self.folder, ":::", "all")
        self.assertEqual(done.returncode, 0, done.stderr)


class Resources(ProgramTest):
    def test_are_limited(self):
        done = self.run_program("--limit", "nofile=64,cpu=100,fsize=1M", "-s",
                                "ulimit -n; ulimit -t; ulimit -f", ":::", "1")
        self.assertEqual(done.stdout.split(), ["64", "100", "2048"])
        _, most = resource.getrlimit(resource.RLIMIT_NPROC)
        most = 1000000 if most == resource.RLIM_INFINITY else most - 1
        done = self.run_program("--limit", f"mem=1G,nproc={most}", "-s",
                                "ulimit -v; ulimit -p", ":::", "1")
        self.assertEqual(done.stdout.split(), [str(1 << 20), str(most)])

    def test_are_asked_for_nicely(self):
        base = os.nice(0)
        done = self.run_program("--nice", "5", "-s", "nice", ":::", "1")
        self.assertEqual(done.stdout.strip(), str(min(base + 5, 19)))

    def test_few_descriptors_are_enough(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
        done = self.run_program("-j50", "-k", "-t", "--progress", "none", "echo",
                                ":::", *range(100), before=few)
        self.assertEqual(done.stdout.split(), [str(i) for i in range(100)])
        self.assertEqual(done.returncode, 0)
        # Also those whose start had to be repeated are named once.
        self.assertEqual(sorted(done.stderr.splitlines()),
                         sorted(f"echo {i}" for i in range(100)))

    def test_few_descriptors_are_enough_for_every_form(self):
        quiet = ("--progress", "none")

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
        for arguments, text in [
                (("all", "-j50", *quiet), "echo x\n" * 50),
                (("-j50", *quiet, "--pty", "echo"), "x\n" * 50),
                (("-j50", *quiet, "--results", "out", "echo"), "x\n" * 50),
                (("xargs", "-P50", "-n1", "echo"), "x\n" * 50)]:
            done = self.run_program(*arguments, text=text, before=few)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (0, "x\n" * 50, ""), arguments)

    @unittest.skipIf(os.environ.get("BROOD_SANITIZE"),
                     "a sanitized guard is not small")
    def test_peak_memory_is_the_jobs_own(self):
        # A child starts with its parent's peak: this holds if the parent of
        # the jobs is small, however large the engine.
        many = "x" * 100000
        _, jobs = self.report_of(
            "-j1", "-k", "true", text="".join(f"{many}\n" for _ in range(300)))
        peaks = [each["maxrss"] for each in jobs.values()]
        self.assertLess(max(peaks), 12 << 20)
        _, jobs = self.report_of("python3", "-c", "x = b'1' * (100 << 20)",
                                 ":::", "1")
        self.assertGreater(jobs[1]["maxrss"], 100 << 20)

    def test_that_were_used_are_in_the_record(self):
        script = ("import os, resource\n"
                  "with open('file', 'wb') as file:\n"
                  "    file.write(b'x' * 1000000)\n"
                  "used = resource.getrusage(resource.RUSAGE_SELF)\n"
                  "print(used.ru_inblock, used.ru_oublock, flush=True)\n"
                  "os._exit(0)")
        done, jobs = self.report_of("python3", "-B", "-c", script, ":::", "1")
        read, written = map(int, done.stdout.split())
        # Its last steps may have been read from a device as well.
        self.assertGreaterEqual(jobs[1]["inblock"], read)
        self.assertEqual(jobs[1]["oublock"], written)
        _, jobs = self.report_of("no-such-program", ":::", "1")
        self.assertEqual((jobs[1]["inblock"], jobs[1]["oublock"]),
                         (None, None))
        if written == 0:
            self.skipTest("what is written here goes to no device")


class ManyJobs(ProgramTest):
    def test_all_run(self):
        done = self.run_program("-j4", "-k", "echo",
                                text="".join(f"{i}\n" for i in range(500)))
        self.assertEqual(done.stdout.split(), [str(i) for i in range(500)])

    def test_input_is_read_only_as_far_as_needed(self):
        reader, writer = os.pipe()
        process = self.start("-j1", "--halt", "soon,fail=1", "false",
                             stdin=reader)
        os.close(reader)
        os.write(writer, b"1\n2\n3\n")
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 123)
        os.close(writer)

    def test_a_large_command_line(self):
        argument = "y" * 100000
        done = self.run_program("-n", "4", "-s", "echo {} | wc -c", ":::",
                                argument, argument, argument, argument)
        self.assertIn(done.returncode, (0, 123, 126))
        done = self.run_program("printf", "%s", *(["z" * 100000] * 3), "{}",
                                ":::", "end")
        self.assertTrue(done.stdout.startswith("z" * 100000))


class Standing(ProgramTest):
    def test_stdin_is_empty(self):
        done = self.run_program("-j2", "wc", "-c", ":::", "-c")
        done = self.run_program("-s", "wc -c", text="1\n2\n")
        self.assertEqual(done.stdout.split(), ["0", "0"])

    def test_stdin_from_a_file(self):
        with open(self.path("in"), "w", encoding="ascii") as file:
            file.write("12345")
        done = self.run_program("--stdin-from", self.path("in"), "-s", "cat",
                                ":::", "1", "2")
        self.assertEqual(done.stdout, "1234512345")

    def test_our_descriptors_stay_ours(self):
        done = self.run_program("-s", "ls /proc/self/fd", ":::", "1")
        self.assertEqual(done.stdout.split(), ["0", "1", "2", "3"])


class ExitCodes(ProgramTest):
    def code(self, *arguments):
        return self.run_program(*arguments).returncode

    def test_say_how_the_jobs_ended(self):
        self.assertEqual(self.code("true", ":::", "1"), 0)
        self.assertEqual(self.code("-s", "exit {}", ":::", "0", "7"), 123)
        self.assertEqual(self.code("-s", "kill -KILL $$", ":::", "1"), 123)

    def test_tell_a_program_that_is_missing(self):
        done = self.run_program("no-such-program", ":::", "1")
        self.assertEqual(done.returncode, 127)
        self.assertIn("no-such-program", done.stderr)
        self.assertIn("No such file", done.stderr)

    def test_tell_a_program_that_is_missing_once(self):
        done = self.run_program("./nope{}", ":::", "1")
        self.assertEqual(done.returncode, 127)
        self.assertEqual(done.stderr.count("./nope1: exec: No such file"), 1)
        done = self.run_program("-q", "./nope{}", ":::", "1")
        self.assertEqual(done.stderr.count("./nope1: exec: No such file"), 1)

    def test_tell_a_program_that_cannot_run(self):
        with open(self.path("plain"), "w", encoding="ascii"):
            pass
        done = self.run_program(self.path("plain"), ":::", "1")
        self.assertEqual(done.returncode, 126)
        self.assertIn("Permission denied", done.stderr)

    def test_count_the_failures_where_asked(self):
        self.assertEqual(self.code("--exit-code", "count", "sh", "-c",
                                   "exit {}", ":::", "1", "0", "2"), 2)
        self.assertEqual(self.code("--exit-code", "count", "false", ":::",
                                   *range(150)), 101)
        self.assertEqual(self.code("--exit-code", "count", "--exit-code",
                                   "usual", "false", ":::", "1", "2"), 123)

    def test_are_the_same_for_commands_side_by_side(self):
        self.assertEqual(self.code("all", "true", "true"), 0)
        self.assertEqual(self.code("all", "true", "exit 7"), 123)
        self.assertEqual(self.code("all", "--timeout", "100ms", "true",
                                   "sleep 1000"), 124)
        self.assertEqual(self.code("all", "--report", "/dev/full", "true"),
                         125)
        self.assertEqual(self.code("all", "--bogus", "true"), 2)
        process = self.start("all", "touch $DIR/up; sleep 1000")
        self.wait_for_file("up")
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)


if __name__ == "__main__":
    main()
