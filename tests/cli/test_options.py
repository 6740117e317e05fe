"""Every option has a test, and every name of an option is the option."""

import os
import pathlib
import re
import unittest

from plain_runs import PlainTest

HERE = pathlib.Path(__file__).parent
FORMS = ("each", "all", "one", "xargs", "report")


def tests_of(form):
    """The text of the tests that try what options do; command_line.cpp tries
    what they are parsed to."""
    own = {"xargs": "*xargs*", "report": "test_report*"}
    return "\n".join(
        path.read_text() for path in HERE.glob(own.get(form, "*"))
        if path.suffix in (".py", ".cpp") and path.name != "command_line.cpp"
        and not (form not in own and "xargs" in path.name))


class Options(PlainTest):

    def names_in_help(self, form):
        """Of each option, from the lines "  -j, --jobs, -P N  Run up to"."""
        rows = [re.split(r" {2,}", line.strip())[0]
                for line in self.out(form, "--help").splitlines()
                if line.startswith("  -")]
        return [re.findall(r"(?<![\w-])--?[\w-]+", row) for row in rows]

    def test_each_is_mentioned_by_a_test(self):
        for form in FORMS:
            rows = self.names_in_help(form)
            self.assertIn(["-h", "--help"], rows)
            text = tests_of(form)
            for name in sum(rows, []):
                # As a word of a command line, "-n2" or "--pty=91x17".
                if not re.search(rf"[\"']{name}(?![a-z-])", text):
                    self.fail(f"no test of brood {form} uses {name}")


if __name__ == "__main__":
    unittest.main()
