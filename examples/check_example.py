#!/usr/bin/env python3
"""Runs an example and compares its standard output with what is expected.

usage: check_example.py PROGRAM EXPECTED [ARGUMENT...]

The output must have the same lines as the file EXPECTED, and the program must
end with code 0. A line of EXPECTED that begins with "~ " is, after these two
characters, a regular expression that must match the whole line. Where its
first line is "~~ paragraphs in any order", what stands between empty lines
may come in another order: things that run at the same time end as they like.
"""

import difflib
import re
import subprocess
import sys

ANY_ORDER = "~~ paragraphs in any order"


def matches(expected, line):
    if expected.startswith("~ "):
        return re.fullmatch(expected[2:], line) is not None
    return expected == line


def all_match(expected, lines):
    return len(lines) == len(expected) and all(map(matches, expected, lines))


def paragraphs(lines):
    """The lines in groups; each but the last ends with an empty line."""
    groups = [[]]
    for line in lines:
        groups[-1].append(line)
        if not line:
            groups.append([])
    return groups


def in_order_of(expected, lines):
    """The paragraphs of the output where EXPECTED has them."""
    rest = paragraphs(lines)
    ordered = []
    for wanted in paragraphs(expected):
        found = next((p for p in rest if all_match(wanted, p)), None)
        if found is not None:
            rest.remove(found)
            ordered += found
    return ordered + sum(rest, [])


def main(program, expected_file, *arguments):
    with open(expected_file, encoding="utf-8") as file:
        expected = file.read().splitlines()
    # Standard error is left alone: where something fails, it says why.
    ran = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE)
    lines = ran.stdout.decode(errors="replace").splitlines()
    if expected[:1] == [ANY_ORDER]:
        del expected[0]
        lines = in_order_of(expected, lines)

    failed = False
    if ran.returncode != 0:
        print(f"{program}: ended with {ran.returncode}, expected 0")
        failed = True
    if not all_match(expected, lines):
        # A line that its pattern matches is no difference: show it as equal.
        shown = [line if matches(pattern, line) else pattern
                 for pattern, line in zip(expected, lines)]
        shown += expected[len(shown):]
        print(*difflib.unified_diff(shown, lines, expected_file, "output",
                                    lineterm=""), sep="\n")
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
