"""The report as a user gets it: --report, and `brood report` from it."""

import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import report_lines
import schema
from program import LIMIT, PROGRAM, ProgramTest

DOCS = pathlib.Path(__file__).parents[2] / "docs"


class InAFolder(ProgramTest):
    def run_raw(self, *arguments, text="", **options):
        """As run_program(), but bytes are bytes."""
        return subprocess.run([PROGRAM, *arguments], input=text.encode(),
                              capture_output=True, timeout=LIMIT,
                              env=self.environment(), cwd=self.folder,
                              **options)


class WritingAReport(InAFolder):
    def run_mixed(self):
        return self.run_raw("-j2", "--report", self.path("r"), "--retries", "2",
                   "--timeout", "2.5", "--kill-after", "0.1", "sh", "-c",
                   "{}", ":::", "true", "echo out; echo err >&2; exit 3",
                   "kill -9 $$", "trap '' TERM; while :; do sleep 1; done",
                   "echo caf\udce9")

    def test_every_line_is_as_the_schema_says(self):
        rules = json.loads((DOCS / "report.schema.json").read_text())
        self.assertEqual(self.run_mixed().returncode, 123)
        lines = pathlib.Path(self.path("r")).read_text().splitlines()
        records = [json.loads(line) for line in lines]
        for record in records:
            self.assertEqual(schema.problems(record, rules, rules), [])
        self.assertEqual([record["ev"] for record in records],
                         ["run"] + ["job"] * 8 + ["end"])
        jobs = [record for record in records if record["ev"] == "job"]
        final = {job["seq"]: job for job in jobs if job["final"]}
        self.assertEqual([final[seq]["status"] for seq in range(1, 6)],
                         ["ok", "exit", "signal", "timeout", "ok"])
        self.assertEqual(final[2]["code"], 3)
        self.assertEqual(final[2]["err_tail"], "err\n")
        self.assertEqual(final[3]["signal"], 9)
        self.assertRegex(" ".join(final[4]["kill_path"]),
                         r"^TERM@\d\d?\.\d+ KILL@\d\d?\.\d+$")
        self.assertEqual(final[5]["values"],
                         [report_lines.b64(b"echo caf\xe9")])
        self.assertEqual(records[0]["limits"], {
            "timeout_s": 2.5, "idle_timeout_s": None, "deadline_s": None,
            "attempts": 2})
        self.assertEqual({job["cwd"] for job in jobs}, {self.folder})
        self.assertEqual(records[-1]["ok"], 2)
        self.assertEqual(records[-1]["retried"], 3)

    def test_the_schema_refuses_what_is_no_record(self):
        rules = json.loads((DOCS / "report.schema.json").read_text())
        lines = report_lines.sample().splitlines()
        for line in lines:
            good = json.loads(line)
            self.assertEqual(schema.problems(good, rules, rules), [])
        for line in (lines[0], lines[1], lines[-1]):
            good = json.loads(line)
            for name, value in good.items():
                without = {key: good[key] for key in good if key != name}
                self.assertTrue(schema.problems(without, rules, rules), name)
                wrong = 5 if isinstance(value, (str, bool, list)) \
                    or value is None and name in ("name", "halted") else "5"
                self.assertTrue(
                    schema.problems({**good, name: wrong}, rules, rules),
                    name)

    def test_every_field_is_in_the_documentation(self):
        text = (DOCS / "report-format.md").read_text()
        for line in report_lines.sample().splitlines():
            for name in json.loads(line):
                self.assertIn(f"| `{name}` |", text)

    def test_a_report_that_cannot_be_written_ends_the_run(self):
        for path, why in (("/dev/full", "No space left on device"),
                          (self.path("no/such"), "No such file"),
                          (self.folder, "Is a directory"),
                          ("fd:77", "it is not open")):
            for option, what in (("--report", "report"),
                                 ("--joblog", "job log")):
                with self.subTest(path=path, option=option):
                    done = self.run_raw(option, path, "true", ":::", "1", "2")
                    self.assertEqual(done.returncode, 125)
                    message = done.stderr.decode()
                    self.assertEqual(message.count("\n"), 1, message)
                    self.assertTrue(message.startswith(
                        f"brood: cannot write the {what} to "), message)
                    self.assertIn(why, message)

    def test_to_stdout_and_to_a_descriptor(self):
        done = self.run_raw("--report", "-", "true", ":::", "1")
        self.assertEqual([json.loads(line)["ev"]
                          for line in done.stdout.splitlines()],
                         ["run", "job", "end"])
        reader, writer = os.pipe()
        done = self.run_raw("--report", f"fd:{writer}", "true", ":::", "1",
                   pass_fds=[writer])
        os.close(writer)
        with open(reader, "rb") as lines:
            self.assertEqual(len(lines.read().splitlines()), 3)
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def resumed(self, option, *extra, command="echo {}; test {} != b"):
        done = self.run_raw(*extra, option, command, ":::", "a", "b", "c")
        return done.stdout.decode().split(), done.stderr.decode()

    def test_resuming_from_a_report_and_from_a_job_log(self):
        for option in ("--report", "--joblog"):
            with self.subTest(option):
                record = (option, self.path(option.strip("-")))
                self.assertEqual(self.resumed("-k", *record)[0],
                                 ["a", "b", "c"])
                self.assertEqual(self.resumed("--resume", *record)[0], [])
                self.assertEqual(self.resumed("--resume-failed", *record)[0],
                                 ["b"])
                output, message = self.resumed(
                    "--resume", "-j1", *record,
                    command="echo new {}; test {} != b")
                self.assertEqual(output, "new a new b new c".split())
                self.assertEqual(message.count("is not the command"), 1)
                self.assertIn("brood: job 1 is not the command that",
                              message)

    def test_a_job_log_has_the_columns_of_gnu_parallel(self):
        self.run_raw("--joblog", self.path("l"), "-j1", "echo {}; exit {}",
                     ":::", "0", "7")
        lines = pathlib.Path(self.path("l")).read_text().splitlines()
        self.assertEqual(lines[0], "Seq\tHost\tStarttime\tJobRuntime\tSend\t"
                                   "Receive\tExitval\tSignal\tCommand")
        self.assertRegex(lines[2], r"^2\t:\t\d+\.\d{3}\t +\d+\.\d{3}\t0\t2\t"
                                   r"7\t0\techo 7; exit 7$")

    @unittest.skipUnless(shutil.which("parallel"), "no GNU parallel here")
    def test_gnu_parallel_goes_on_where_we_ended_and_we_where_it_did(self):
        jobs = ["echo {}; exit {}", ":::", "0", "1", "0"]
        log = ("--joblog", self.path("l"))
        self.run_raw(*log, *jobs)
        theirs = subprocess.run(
            ["parallel", "--will-cite", "--resume-failed", *log, *jobs],
            capture_output=True, timeout=LIMIT, cwd=self.folder,
            env=self.environment({"HOME": self.folder}),
            stdin=subprocess.DEVNULL)
        if b"GNU" not in subprocess.run(["parallel", "--version"],
                                        capture_output=True, timeout=LIMIT,
                                        stdin=subprocess.DEVNULL).stdout:
            self.skipTest("another parallel than GNU's")
        self.assertEqual(theirs.stdout, b"1\n")
        again = self.run_raw("--resume", *log, *jobs)
        self.assertEqual((again.stdout, again.stderr), (b"", b""))
        failed = self.run_raw("--resume-failed", *log, *jobs)
        self.assertEqual(failed.stdout, b"1\n")

    def test_the_summary(self):
        done = self.run_raw("--summary", "exit {}", ":::", "0", "1")
        self.assertRegex(done.stderr.decode(),
                         r"brood: 2 jobs: 1 ok, 1 failed\n"
                         r"brood: .* elapsed, .* user, .* system; "
                         r"largest process .*B \(job [12]\)\n$")


class Converting(InAFolder):
    def convert(self, to, text=None, *extra):
        done = self.run_raw("report", "-", "--to", to, *extra,
                   text=report_lines.sample() if text is None else text)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    def test_summary(self):
        text = self.convert("summary")
        self.assertIn("Jobs      12: 3 ok, 2 failed, 1 ended by a signal, "
                      "1 timed out, 1 without output for too long, 1 with too "
                      "much output, 1 not started, 1 canceled, 1 skipped; "
                      "1 attempt repeated\n", text)
        self.assertIn("Time      60.0 s elapsed", text)
        self.assertIn("Leftover  1 process that outlived a job\n", text)
        self.assertIn("  job 2: exit code 3\n      cc -c file2.c\n"
                      "      | first\n      | last words\n", text)
        self.assertIn("  job 5: timed out after 35.5 s, stopped with TERM, "
                      "KILL\n", text)
        self.assertIn("  job 9: not started: No such file", text)
        self.assertNotIn("\x1b", text)
        slowest = text[text.index("Slowest jobs"):].splitlines()
        self.assertRegex(slowest[2], r"^ +5 +35\.5 s .*cc -c file5\.c$")

    def test_junit(self):
        suites = ElementTree.fromstring(self.convert("junit"))
        self.assertEqual(suites.tag, "testsuites")
        suite = suites[0]
        cases = suite.findall("testcase")
        self.assertEqual(len(cases), 12)
        for name, number in (("tests", 12), ("failures", 6), ("errors", 1),
                             ("skipped", 2)):
            self.assertEqual(suite.get(name), str(number), name)
            self.assertEqual(suites.get(name), str(number), name)
        self.assertEqual(len(suite.findall("testcase/failure")), 6)
        self.assertEqual(len(suite.findall("testcase/error")), 1)
        self.assertEqual(len(suite.findall("testcase/skipped")), 2)
        self.assertEqual(cases[1].get("name"), "2: cc -c file2.c")
        self.assertEqual(cases[1].get("time"), "1.5")
        self.assertEqual(cases[1].find("failure").get("message"),
                         "exit code 3")
        self.assertEqual(cases[1].find("system-err").text,
                         "first\nlast words\n")
        self.assertEqual(cases[2].get("name"), "3: na<m>e")
        self.assertIn("</script><script>", cases[2].find("system-err").text)
        self.assertIn("]]> &amp; \"'red\ufffd", cases[2].find(
            "system-err").text)
        self.assertEqual(cases[10].find("flakyFailure").get("message"),
                         "exit code 75")
        self.assertEqual(suite.get("timestamp"), "2026-11-23T16:02:42Z")

    def test_trace(self):
        events = json.loads(self.convert("trace"))["traceEvents"]
        slices = [event for event in events if event["ph"] == "X"]
        # All attempts that ran.
        self.assertEqual(len(slices), 11)
        names = {event["tid"]: event["args"]["name"] for event in events
                 if event["name"] == "thread_name"}
        self.assertEqual(names, {n: f"slot {n}" for n in (1, 2, 3, 4)})
        timed_out = [event for event in slices if event["cat"] == "timeout"]
        self.assertEqual(timed_out[0]["dur"], 35500000)
        self.assertEqual(timed_out[0]["ts"], 1795449762175000)
        self.assertEqual(timed_out[0]["tid"], 3)
        self.assertEqual([event["name"] for event in events
                          if event.get("cat") == "kill"],
                         ["SIGTERM", "SIGKILL", "SIGTERM"])

    def test_trace_begins_with_the_first_job_that_started(self):
        text = (report_lines.run_line() + report_lines.job_line(1) +
                report_lines.job_line(2, "canceled", start=0, wall_s=0,
                                      out_bytes=None, err_bytes=None) +
                report_lines.end_line())
        events = json.loads(self.convert("trace", text))["traceEvents"]
        self.assertEqual([event["args"]["seq"] for event in events
                          if event["ph"] == "X"], [1])

    def test_csv_and_tsv(self):
        text = self.convert("csv")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual(len(rows), 13)
        self.assertTrue(text.endswith("\r\n"))
        self.assertEqual(rows[2]["err_tail"], report_lines.NASTY)
        self.assertEqual(rows[4]["kill_path"], "TERM@30 KILL@35")
        self.assertEqual(rows[12]["command"], "cat 'caf\ufffd'")
        self.assertEqual(rows[12]["leftover"],
                         "991 node server.js (killed)")
        self.assertEqual(set(rows[0]) - {"command"},
                         set(json.loads(report_lines.job_line(1)))
                         - {"v", "ev", "argv", "values"}
                         | {"error", "err_tail"})
        lines = self.convert("tsv").split("\n")
        self.assertEqual(len(lines), 15)
        self.assertEqual({line.count("\t") for line in lines[:-1]},
                         {len(rows[0]) - 1})
        self.assertIn("\\ttab\\n10%\\rcarriage\\n=1+1,\\n", lines[3])

    def test_a_run_that_was_cut_off_is_converted_and_said_to_be(self):
        lines = report_lines.sample().splitlines(keepends=True)
        for to in ("summary", "junit", "trace", "csv", "tsv", "html"):
            for rest in ("", lines[1][:50]):
                done = self.run_raw("report", "-", "--to", to,
                           text="".join(lines[:6]) + rest)
                self.assertEqual(done.returncode, 0)
                message = done.stderr.decode()
                self.assertIn("there is no end record: the run was killed, "
                              "or still goes on", message)
                self.assertEqual("the last line is cut short" in message,
                                 bool(rest))
                self.assertIn("file2.c", done.stdout.decode())
        self.assertIn("Cut off   the run was killed", self.run_raw(
            "report", "-", text=lines[0]).stdout.decode())

    def test_what_a_resumed_run_made_good_counts_once(self):
        text = (report_lines.sample() + report_lines.run_line() +
                "".join(report_lines.job_line(seq) for seq in range(2, 10)) +
                report_lines.end_line(ok=8))
        self.assertIn("Jobs      12: 11 ok, 1 skipped;",
                      self.convert("summary", text))
        suite = ElementTree.fromstring(self.convert("junit", text))[0]
        self.assertEqual(suite.get("tests"), "12")
        self.assertEqual(suite.get("failures"), "0")
        self.assertEqual(len(suite.findall("testcase")), 12)
        self.assertEqual(suite.findall("testcase/failure"), [])

    def test_damaged_lines_are_passed_over_and_counted(self):
        bad = "broken\n" * 5 + '{"v":9,"ev":"job"}\n'
        done = self.run_raw("report", "-", text=report_lines.run_line() + bad +
                   report_lines.job_line(1) + report_lines.end_line())
        self.assertEqual(done.returncode, 0)
        self.assertIn("Jobs      1: 1 ok", done.stdout.decode())
        message = done.stderr.decode()
        self.assertIn("brood: standard input: line 2 is passed over: no JSON",
                      message)
        self.assertIn("brood: standard input: 3 more lines passed over\n",
                      message)

    def test_files_that_cannot_be_used(self):
        report = pathlib.Path(self.path("r"))
        report.write_text(report_lines.sample())
        other = pathlib.Path(self.path("other"))
        other.write_text("hello\n")
        for arguments, why in (
                ((self.path("none"),), "No such file or directory"),
                ((self.folder,), "Is a directory"),
                ((str(other),), "no line of it is a record of brood's"),
                ((str(report), "-o", str(report)),
                 "is the report itself; give -o another file"),
                ((str(report), "-o", "/dev/full"), "No space left on device"),
                ((str(report), "-o", self.path("no/such")), "No such file")):
            done = self.run_raw("report", *arguments)
            message = done.stderr.decode()
            self.assertEqual(done.returncode, 125, message)
            self.assertIn(why, message)
            self.assertEqual(message.count("\n"), 1, message)
        self.assertEqual(report.read_text(), report_lines.sample())
        for option in ("-o", "--output"):
            out = pathlib.Path(self.path("out" + option))
            done = self.run_raw("report", str(report), "--to", "csv", option,
                                str(out))
            self.assertEqual((done.returncode, done.stdout), (0, b""))
            self.assertEqual(out.read_text()[:9], "seq,slot,")

    def test_help(self):
        for name in ("-h", "--help"):
            self.assertIn(b"usage: brood report", self.run_raw(
                "report", name).stdout)

    def test_an_empty_report(self):
        for to in ("summary", "junit", "trace", "csv", "tsv", "html"):
            self.assertEqual(self.run_raw("report", "/dev/null", "--to",
                                 to).returncode, 0)


if __name__ == "__main__":
    unittest.main()
