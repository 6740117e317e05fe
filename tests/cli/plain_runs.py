"""Runs of the program from start to end, with bytes, as a command line has
them: what goes in, what comes out, and the exit code."""

import subprocess

from program import LIMIT, PROGRAM, ProgramTest

__all__ = ["LIMIT", "PROGRAM", "PlainTest"]


class PlainTest(ProgramTest):

    maxDiff = None

    def run_program(self, *arguments, stdin=b"", stdin_file=None,
                    program=PROGRAM, **options):
        """Its CompletedProcess; `stdin` are the bytes that it reads."""
        how = {"capture_output": True, **options}
        if stdin_file is not None:
            how["stdin"] = stdin_file
        else:
            how["input"] = stdin
        return subprocess.run([program, *arguments], env=self.environment(),
                              timeout=LIMIT, check=False, **how)

    def start_program(self, *arguments, **streams):
        """Its Popen; killed at the end of the test, if it still runs."""
        streams.setdefault("stdout", None)
        process = self.start(*arguments, **{"stderr": None, **streams})

        def end():
            if process.poll() is None:
                process.kill()
            process.wait(LIMIT)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()

        self.addCleanup(end)
        return process

    def out(self, *arguments, **options):
        """What it prints; it must succeed and say nothing else."""
        done = self.run_program(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return done.stdout.decode()

    def assert_refused(self, arguments, text, code=2):
        """It ends with `code` and one line that has the text."""
        done = self.run_program(*arguments)
        said = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (code, b""), said)
        self.assertIn(text, said)
        self.assertTrue(said.startswith("brood: "), said)
        self.assertEqual(said.count("\n"), 1, said)
