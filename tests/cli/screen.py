"""A small terminal: what stays on the screen of what a program writes.

Knows what screen_block uses, and fails on any other escape sequence.
"""

import re
import unicodedata

SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


def width_of(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    def __init__(self, columns=80, rows=24):
        self.columns = columns
        self.rows = rows
        # Every row since the start, each a list of characters; and whether
        # it goes on in the next one. What scrolled out of sight is still here.
        self.cells = [[]]
        self.wrapped = [False]
        self.row = 0
        self.column = 0
        self.attributes = ""
        self.styled = []

    @property
    def top(self):
        return max(0, len(self.cells) - self.rows)

    def feed(self, text):
        at = 0
        while at < len(text):
            character = text[at]
            if character == "\x1b":
                match = SEQUENCE.match(text, at)
                assert match, f"unknown sequence: {text[at:at + 12]!r}"
                self.sequence(*match.groups())
                at = match.end()
                continue
            at += 1
            if character == "\r":
                self.column = 0
            elif character == "\n":
                # The line discipline of a terminal makes it CR LF.
                self.line_feed()
            else:
                assert character >= " ", f"control character {character!r}"
                self.put(character)

    def line_feed(self):
        self.row += 1
        if self.row == len(self.cells):
            self.cells.append([])
            self.wrapped.append(False)

    def put(self, character):
        width = width_of(character)
        if self.column + width > self.columns:
            # Only now: a character in the last column does not wrap yet.
            self.wrapped[self.row] = True
            self.line_feed()
            self.column = 0
        line = self.cells[self.row]
        while len(line) < self.column:
            line.append(" ")
        line[self.column:self.column + width] = [character] + [""] * (width - 1)
        if self.attributes:
            self.styled.append((self.attributes, character))
        self.column += width

    def sequence(self, numbers, letter):
        if letter == "A":
            self.row = max(self.top, self.row - int(numbers or 1))
        elif letter == "K" and numbers in ("", "0"):
            del self.cells[self.row][self.column:]
            self.wrapped[self.row] = False
        elif letter == "J" and numbers in ("", "0"):
            del self.cells[self.row][self.column:]
            del self.cells[self.row + 1:]
            del self.wrapped[self.row + 1:]
            self.wrapped[self.row] = False
        elif letter == "m":
            self.attributes = "" if numbers in ("", "0") else numbers
        else:
            raise AssertionError(f"unknown sequence: ESC[{numbers}{letter}")

    def resize(self, columns, rows=None):
        """As a terminal does that wraps its lines anew."""
        logical = [[]]
        for line, goes_on in zip(self.cells, self.wrapped):
            if goes_on:
                line = line + [" "] * (self.columns - len(line))
            logical[-1] += line
            if not goes_on:
                logical.append([])
        logical.pop()
        assert self.column == 0, "only with the cursor at the start of a line"
        below = len(self.cells) - 1 - self.row
        self.columns = columns
        self.rows = rows or self.rows
        self.cells, self.wrapped = [], []
        for line in logical:
            parts = [line[at:at + columns]
                     for at in range(0, len(line), columns)] or [[]]
            self.cells += parts
            self.wrapped += [True] * (len(parts) - 1) + [False]
        self.row = len(self.cells) - 1 - below

    def lines(self):
        """Everything that was ever written and not erased."""
        text = ["".join(line).rstrip() for line in self.cells]
        while text and not text[-1]:
            text.pop()
        return text
