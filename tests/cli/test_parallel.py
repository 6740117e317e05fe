"""The same command lines for brood and for GNU parallel."""

import os
import shutil
import subprocess
import tempfile
import unittest

from plain_runs import LIMIT, PlainTest

# Command lines that mean the same to both; PATHS stands for odd paths.
PATHS = ["a.b/c", "/a.b", "a/", "/", "a.b.c", ".hid", "x/.hid", "a b.c",
         "a/b/", "/usr/x.tar.gz", "it's", "$x", "*", "{}", "a\tb"]
SAME = [
    ["echo", ":::", *PATHS],
    *(["echo {} " + string, ":::", *PATHS]
      for string in ("{}", "{.}", "{/}", "{//}", "{/.}", "{#}", "{1}", "{1.}",
                     "{1/}", "{1//}", "{1/.}", "{-1}", "x{}y", "{}{}",
                     "'{foo}'", "'{1x}'")),
    ["echo", ":::", "a", "b", ":::", "c", "d"],
    ["echo {2} {1}", ":::", "a", "b", ":::", "c", "d"],
    ["echo {-1} {1}", ":::", "a", "b", ":::", "c", "d"],
    ["echo {#}", ":::", "a", "b"],
    ["echo", ":::", "a", "b", "c", ":::+", "1", "2", "3"],
    ["echo", ":::", "a", "b", "c", ":::+", "1", "2", "3", ":::", "X", "Y"],
    ["-n2", "echo x{}y", ":::", "a", "b", "c"],
    ["-n2", "echo {1} {2} {3}", ":::", "a", "b", "c"],
    ["--colsep", ",", "echo", ":::", "a,b", "c"],
    ["--colsep", ",", "echo {2} {1}", ":::", "a,b", "c,d"],
    ["--colsep", r"\s+", "echo {2}-{1}", ":::", "a  b", "c\td"],
    ["--header", ":", "echo {n} {m/} {n.}", ":::", "n", "1.x", ":::", "m",
     "x/1", "y"],
    ["-I", "@@", "echo @@ {.}", ":::", "a.b"],
    ["echo", "::::", "FILE"],
    ["-a", "FILE", "echo {} x"],
    ["-d", ",", "-a", "FILE", "echo {}"],
    ["--tag", "echo {}", ":::", "a", "b"],
    ["--tagstring", "{#}-{/}", "echo {}", ":::", "d/a", "b"],
    [":::", "echo $((1 + 1))", "echo 'a b'"],
]


class Parallel(PlainTest):

    def setUp(self):
        super().setUp()
        self.parallel = shutil.which("parallel")
        if not self.parallel:
            self.skipTest("GNU parallel is not here (Debian: parallel)")
        version = subprocess.run([self.parallel, "--version"],
                                 capture_output=True, timeout=LIMIT)
        if b"GNU parallel" not in version.stdout:
            self.skipTest("the parallel that is here is not GNU's")

    def test_both_print_the_same(self):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "list")
            with open(path, "w") as file:
                file.write("one two\n\n'x\nlast,")
            for line in SAME:
                line = [path if word == "FILE" else word for word in line]
                with self.subTest(line):
                    theirs = subprocess.run(
                        [self.parallel, "-j1", "-k", *line],
                        stdin=subprocess.DEVNULL, capture_output=True,
                        timeout=LIMIT,
                        env=self.environment({"HOME": home,
                                              "SHELL": "/bin/sh",
                                              "PARALLEL_SHELL": "/bin/sh"}))
                    ours = self.run_program("-j1", "-k", *line)
                    self.assertEqual(ours.stdout, theirs.stdout)
                    self.assertEqual(ours.stderr, b"")


if __name__ == "__main__":
    unittest.main()
