#!/usr/bin/env python3
"""Compares the lists beside it with the tests that there are, and the page.

    check_conformance.py [--write] [TEST_BINARY...]

cpython.json lists every test of CPython's suites about subprocesses and their
streams, peers.json what other libraries test besides. Each has either
'shown_by', tests of ours that show the same, or 'does_not_apply', the reason
why there is nothing to show. 'not_yet' says what has to be built first; the
tests beside it are planned and need not exist.

Which tests there are is asked of the TEST_BINARIES (--gtest_list_tests), or,
without any, read from the TEST macros in tests/. A disabled test is none.

With --write, docs/conformance.md is written from the list; without, it must be
what would be written. Exits 1 if anything is wrong, with a line for each.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LISTS = [HERE / "cpython.json", HERE / "peers.json"]
PAGE = ROOT / "docs" / "conformance.md"

REQUIRED = {"suite", "case", "name", "shows"}
OPTIONAL = {"shown_by", "does_not_apply", "not_yet"}
TEST_MACRO = re.compile(
    r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)

INTRODUCTION = """\
# Conformance

Every test of CPython's own suites about subprocesses and their streams
(3.11 to 3.15), what it shows, and the test of brood that shows the same. Where
brood does better on purpose, ours shows the better behaviour: a line that is
too long is not lost, output read before a timeout is kept, and so on. After
them, what the suites of other libraries test about runs, stops and
descendants, and what none of them tests.

Written by `tests/conformance/check_conformance.py --write` from
`tests/conformance/cpython.json` and `peers.json`; change those. A test checks
that this page is up to date and that each test it names exists.

"""


def entry_faults(entry):
    """What is wrong with the form of one entry."""
    keys = set(entry)
    if not REQUIRED <= keys or keys - REQUIRED - OPTIONAL:
        yield f"needs {sorted(REQUIRED)} and one of {sorted(OPTIONAL)}"
        return
    answers = keys & {"shown_by", "does_not_apply"}
    if len(answers) == 2 or ("does_not_apply" in keys and "not_yet" in keys):
        yield "says that it applies and that it does not"
    elif not keys & OPTIONAL:
        yield "has none of " + ", ".join(sorted(OPTIONAL))
    if "shown_by" in keys and not entry["shown_by"]:
        yield "shown_by is empty"
    for test in entry.get("shown_by", []):
        if not re.fullmatch(r"[a-z]\w*\.[a-z]\w*", test):
            yield f"'{test}' is not suite.test_name"
    for reason in ("does_not_apply", "not_yet"):
        if reason in keys and not entry[reason].endswith("."):
            yield f"{reason} is not a sentence"


def tests_of_binary(binary):
    """The names a GoogleTest binary lists, without what parameters add."""
    listed = subprocess.run([binary, "--gtest_list_tests"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    suite = ""
    for line in listed.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if line.startswith(" "):
            # 'name/0' for one value of a parameter.
            yield suite + "." + words[0].split("/")[0]
        elif words[0].endswith("."):
            # 'prefix/suite.' or 'suite/0.'.
            parts = words[0].rstrip(".").split("/")
            suite = next((part for part in reversed(parts)
                          if not part.isdigit()), "")


def tests_of_sources():
    for path in (ROOT / "tests").rglob("*.cpp"):
        text = path.read_text(encoding="utf-8")
        for match in TEST_MACRO.finditer(text):
            yield match[1] + "." + match[2]


def answer(entry):
    """The last column of the page."""
    if "does_not_apply" in entry:
        return entry["does_not_apply"]
    if "not_yet" in entry:
        return entry["not_yet"]
    return ", ".join(f"`{test}`" for test in entry["shown_by"])


def summary(tests):
    lines = ["| suite | tests | shown | does not apply | not yet |",
             "|---|---|---|---|---|"]
    for suite in dict.fromkeys(entry["suite"] for entry in tests):
        own = [entry for entry in tests if entry["suite"] == suite]
        other = sum("does_not_apply" in entry for entry in own)
        later = sum("not_yet" in entry for entry in own)
        lines.append(f"| `{suite}` | {len(own)} | {len(own) - other - later} "
                     f"| {other} | {later} |")
    return lines


def page(tests):
    lines = summary(tests)
    place = (None, None)
    for entry in tests:
        suite, case = entry["suite"], entry["case"]
        if suite != place[0]:
            lines += ["", f"## {suite}"]
        if (suite, case) != place:
            lines += ["", f"### {case}", "",
                      "| test | what it shows | our test, or why not |",
                      "|---|---|---|"]
        place = (suite, case)
        lines.append(f"| `{entry['name']}` | {entry['shows']} "
                     f"| {answer(entry)} |")
    return INTRODUCTION + "\n".join(lines) + "\n"


def list_faults(tests, existing):
    seen = set()
    for entry in tests:
        where = ".".join(str(entry.get(key)) for key in
                         ("suite", "case", "name"))
        faults = list(entry_faults(entry))
        yield from (f"{where}: {fault}" for fault in faults)
        if where in seen:
            yield f"{where}: is there twice"
        seen.add(where)
        if faults or "not_yet" in entry:
            continue
        for test in entry.get("shown_by", []):
            if test not in existing:
                yield f"{where}: there is no test {test}"


def page_fault(wanted):
    name = PAGE.relative_to(ROOT)
    if not PAGE.exists():
        return f"{name}: is missing; run with --write"
    found = PAGE.read_text(encoding="utf-8")
    if found == wanted:
        return None
    pairs = zip(found.splitlines() + [""], wanted.splitlines() + [""])
    line = next((number for number, (a, b) in enumerate(pairs, 1) if a != b),
                1)
    return f"{name}:{line}: differs from the lists; run with --write"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true",
                        help="write docs/conformance.md")
    parser.add_argument("binaries", nargs="*", metavar="TEST_BINARY")
    options = parser.parse_args()

    tests = [entry for each in LISTS
             for entry in json.loads(each.read_text(encoding="utf-8"))["tests"]]
    existing = set(tests_of_sources())
    if options.binaries:
        existing = {test for binary in options.binaries
                    for test in tests_of_binary(binary)}
    faults = list(list_faults(tests, existing))
    well_formed = not any(any(entry_faults(entry)) for entry in tests)
    if well_formed and options.write:
        PAGE.write_text(page(tests), encoding="utf-8")
    elif well_formed:
        fault = page_fault(page(tests))
        faults += [fault] if fault else []
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
