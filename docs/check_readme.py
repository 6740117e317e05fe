#!/usr/bin/env python3
"""Checks that the pages show code that is compiled and run.

usage: check_readme.py

A comment before a fenced block says where the block is from:

    <!-- whole example 00_readme -->     the program without its first comment
    <!-- example 01_shell -->            some lines of it, as they stand there
    <!-- output of 00_readme -->         what it prints, its .expected file

README.md must hold a whole example and its output. And every relative link of
a page must lead to a file. Prints what is wrong and ends with 1.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

BLOCK = re.compile(
    r"^<!-- (whole example|example|output of) (\S+) -->\n+"
    r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_MARK = re.compile(r"^<!-- (?:whole |example|output)", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")


def without_first_comment(code):
    lines = code.splitlines(keepends=True)
    while lines and (lines[0].startswith("//") or not lines[0].strip()):
        del lines[0]
    return "".join(lines)


def holds(code, lines):
    """Whole lines, not the end of one and the beginning of another."""
    return ("\n" + code).find("\n" + lines) >= 0


def agrees(kind, name, block):
    example = ROOT / "examples" / name
    if kind == "output of":
        return block == example.with_suffix(".expected").read_text()
    code = example.with_suffix(".cpp").read_text()
    if kind == "whole example":
        return block == without_first_comment(code)
    return holds(code, block)


def check(page):
    text = page.read_text()
    name = page.relative_to(ROOT)
    blocks = BLOCK.findall(text)
    if len(blocks) != len(ANY_MARK.findall(text)):
        yield f"{name}: a mark without a fenced block after it"
    for kind, example, block in blocks:
        try:
            if not agrees(kind, example, block):
                yield f"{name}: a block differs from {kind} {example}"
        except FileNotFoundError as error:
            yield f"{name}: no such example: {error.filename}"
    for link in LINK.findall(FENCED.sub("", text)):
        if not (page.parent / link).exists():
            yield f"{name}: a link leads nowhere: {link}"


def main():
    faults = [fault for page in sorted(PAGES) for fault in check(page)]
    kinds = [kind for kind, _, _ in
             BLOCK.findall((ROOT / "README.md").read_text())]
    for kind in ("whole example", "output of"):
        if kind not in kinds:
            faults.append(f"README.md: no block marked '{kind} ...'")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
