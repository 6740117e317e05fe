#!/usr/bin/env python3
"""Writes shlex_table.inc beside this file: what CPython's own shlex answers.

shlex.cpp holds brood::shlex to that table. Run this again after a change
here, and commit both files; the same Python gives the same table each time.

A case is bytes, Python's shlex takes text. Each case is asked twice, with its
bytes read as Latin-1 and as UTF-8 with surrogate escapes: the answers must be
the same bytes, or this stops. So the table cannot depend on what shlex thinks
of letters outside ASCII.
"""

import itertools
import pathlib
import random
import shlex

CODECS = (("latin-1", "strict"), ("utf-8", "surrogateescape"))
INTERESTING = [bytes([c]) for c in b"'\"\\ \t\n#$`*;&|<>()~!a"]
QUOTING = [b"'", b'"', b"\\", b" ", b"a"]

# Also letters that Python's shlex lists as such, in Latin-1, and white space
# of Unicode that is none to it.
TEXTS = [
    b"",
    b"plain",
    b"/usr/bin/env",
    b"key=value",
    b"user@host:/a_b/c-d.e+f,g%h",
    b"two words",
    b"  leading and trailing  ",
    b"it's",
    b"'",
    b"''",
    b"'''",
    b"''''",
    b"'a'b'c'",
    b"$'b",
    b'say "hi"',
    b"back\\slash",
    b"trailing\\",
    b"$HOME and ${HOME} and $(id) and `id`",
    b"a;b&c|d>e<f",
    b"*.txt",
    b"~root",
    b"!history",
    b"# no comment",
    b"-n",
    b"--",
    b"line\nbreak\n",
    b"tab\tand\rreturn",
    b"\v and \f are no white space",
    b"\v",
    b"\f",
    b"??=??/??'",
    b"nul\0inside",
    b"\0",
    b"\x01\x1b[31m\x7f",
    "na\u00efve caf\u00e9".encode(),
    "\u65e5\u672c\u8a9e".encode(),
    "\u65e5 \u672c '\u8a9e'".encode(),
    "\U0001f423".encode(),
    "no\u00a0break\u2003space\u0085\u2028".encode(),
    b"\xc0\xd6\xd8\xdf\xe9\xf6\xf8\xff",
    b"\xaa\xb5\xba\xd7\xf7\xa0\x85",
    b"\xff\xfe \xc3",
    b"1234567890" * 50,
    b"a 'b' " * 8,
    b"'" * 100,
    b"\\" * 100,
    b" " * 300,
]

# More lines to split. All of these are quoted too, and all of TEXTS are split.
LINES = [
    b" ",
    b"\t\r\n",
    b"a b",
    b" a  b ",
    b"a\tb\rc\nd\r\ne",
    b"a\vb\fc",
    b"''",
    b'""',
    b"'' \"\" ''",
    b"''\"\"''",
    b"a'' ''b ''",
    b"'a''b'",
    b"'a' 'b'",
    b"'a'\"b\"c",
    b"a'b c'd\"e f\"g",
    b"\"it's\"",
    b"'say \"hi\"'",
    b"'don'\"'\"'t'",
    b"'don'\\''t'",
    b'"\\$"',
    b'"\\`"',
    b'"\\""',
    b'"\\\\"',
    b'"\\a\\n\\ "',
    b'"\\\n"',
    b'"a\\\\\\"b"',
    b"\"\\'\"",
    b"'\\'",
    b"'\\a' '\\\\'",
    b"\\a\\ \\'\\\"\\\\\\$",
    b"\\\n",
    b"a\\\nb",
    b"\\ ",
    b"\\\t a",
    b"\\#a #b a#b '#c'",
    b"a # b 'c d' # e",
    b"# all of it",
    b"#\na",
    b"echo a && echo b || c; d | e > f 2>&1 < g",
    b"$(a b) ${c d} `e f`",
    b"a=b 'c d'=e f=\"g h\"",
    b"prog --opt='a b' -x\"y z\" \\-- '-'",
    b"a\0b c\0 '\0'",
    b"\\\0 \"\\\0\"",
    "caf\u00e9 '\u65e5 \u672c' \"\u8a9e\" \\\u00e9".encode(),
    "a\u00a0b\u2003c\u0085d\u2028e \u3000".encode(),
    b"\xc0\xd6 \xdf\xa0\x85 '\xff' \"\\\xfe\" \\\xfd",
    b"\xaa\xb5\xba\xd7\xf7 \xe9#",
    # The errors.
    b"'",
    b'"',
    b"\\",
    b"'''",
    b"a 'b",
    b'a "b c',
    b"a b\\",
    b"'a\\",
    b'"a\\',
    b'"a\\"',
    b'"\\\\\\"',
    b"'\\''",
    b"'it's'",
    b"a 'b' 'c\n",
    b"'\"",
    b"\"'",
    b"\\\\\\",
    "'\u00e9".encode(),
    "\u00e9 \\".encode(),
]

LISTS = [
    [],
    [b""],
    [b"", b""],
    [b"", b"a", b""],
    [b"a"],
    [b"a", b"b", b"c"],
    [b"a b", b"c"],
    [b"it's", b'"', b"\\"],
    [b"'", b"'", b"'"],
    [b"\n", b"\t", b" "],
    [b"#", b"a"],
    [b"\0", b"a\0b"],
    ["\u65e5\u672c\u8a9e".encode(), b"\xff", b"\x80 "],
    [b"sh", b"-c", b"echo \"$1\"; printf '%s\\n' \"$@\"", b"sh", b"x y"],
    [b"find", b".", b"-name", b"*.c", b"-exec", b"rm", b"{}", b";"],
]

source = random.Random(20)


def pick(choices):
    # Only random() is promised to give the same numbers in every version.
    return choices[int(source.random() * len(choices))]


def random_bytes(alphabet, longest):
    return b"".join(pick(alphabet) for _ in range(pick(range(longest + 1))))


def ask(function, case):
    """What `function` makes of `case`: bytes, a list, or an error's text."""
    answers = []
    for codec in CODECS:
        try:
            if isinstance(case, list):
                answer = function([item.decode(*codec) for item in case])
            else:
                answer = function(case.decode(*codec))
        except ValueError as error:
            if isinstance(error, UnicodeError):
                raise
            answers.append(error.args[0])
            continue
        if isinstance(answer, list):
            answers.append([item.encode(*codec) for item in answer])
        else:
            answers.append(answer.encode(*codec))
    assert answers[0] == answers[1], case
    return answers[0]


def unique(cases):
    return list(dict.fromkeys(cases))


def literals(case, indent):
    """A C++ string_view literal, as many pieces as 80 columns need."""
    room = 72 - len(indent)
    pieces = [""]
    for byte in case:
        if byte in b'"\\':
            text = "\\" + chr(byte)
        elif 32 <= byte < 127 and byte != ord("?"):
            text = chr(byte)
        else:  # octal ends after three digits; "?" could begin a trigraph
            text = f"\\{byte:03o}"
        if len(pieces[-1]) + len(text) > room:
            pieces.append("")
        pieces[-1] += text
    return ("\n" + indent).join(f'"{piece}"' for piece in pieces) + "sv"


def row(fields):
    """One row of a table: on one line where it fits."""
    inner = "     "
    text = "    {" + ", ".join(fields) + "},"
    if "\n" in text or len(text) > 80:
        text = "    {" + (",\n" + inner).join(fields) + "},"
    return text + "\n"


def words_of(items, indent):
    """A count and a braced list, one word a line where they do not fit."""
    words = [literals(item, indent) for item in items]
    text = "{" + ", ".join(words) + "}"
    if "\n" in text or len(text) > 70:
        text = "{" + (",\n" + indent).join(words) + "}"
    return [str(len(items)), text]


def table(kind, name, rows):
    return f"constexpr {kind} {name}[] = {{\n" + "".join(rows) + "};\n"


def main():
    printable = [bytes([c]) for c in range(32, 127)]
    pairs = [a + b for a, b in itertools.product(INTERESTING, repeat=2)]
    triples = [b"".join(t) for t in itertools.product(QUOTING, repeat=3)]
    some = INTERESTING + [bytes([c]) for c in b"bXYZ09_/.,:+@=%-?[]{}^\r"]
    anything = [bytes([c]) for c in range(256)]
    # Many spaces and quotes, so that random lines have words and close quotes.
    lines = QUOTING * 2 + [b" ", b"b", b"\n", b"$", b"#", b"\xe9", b"\0"]
    randoms = [random_bytes(some, 24) for _ in range(60)]
    randoms += [random_bytes(anything, 60) for _ in range(20)]
    random_lines = [random_bytes(lines, 24) for _ in range(200)]
    lists = LISTS + [
        [random_bytes(pick([some, anything, QUOTING]), 12)
         for _ in range(pick(range(9)))]
        for _ in range(60)
    ]

    quotes = unique(printable + TEXTS + LINES + pairs + randoms)
    splits = unique(printable + TEXTS + LINES + pairs + triples + randoms
                    + random_lines)
    for case in quotes:
        assert ask(shlex.split, ask(shlex.quote, case)) == [case], case

    indent = " " * 6
    quote_rows, join_rows, split_rows, error_rows = [], [], [], []
    for case in quotes:
        answer = ask(shlex.quote, case)
        quote_rows.append(row([literals(case, indent[1:]),
                               literals(answer, indent[1:])]))
    for case in lists:
        answer = ask(shlex.join, case)
        join_rows.append(row([literals(answer, indent[1:]),
                              *words_of(case, indent)]))
    capacity = max(map(len, lists))
    for case in splits:
        answer = ask(shlex.split, case)
        if isinstance(answer, str):
            error_rows.append(row([literals(case, indent[1:]),
                                   literals(answer.encode(), indent[1:])]))
            continue
        capacity = max(capacity, len(answer))
        split_rows.append(row([literals(case, indent[1:]),
                               *words_of(answer, indent)]))

    text = (
        "// shlex_table.inc: what CPython's shlex answers, for shlex.cpp."
        "\n//\n// Made by make_shlex_table.py; change that, not this.\n\n"
        f"constexpr std::size_t most_words = {capacity};\n\n"
        + "struct quote_row {\n    std::string_view argument;\n"
        "    std::string_view quoted;\n};\n\n"
        "struct words_row {\n    std::string_view line;\n"
        "    std::size_t count;\n"
        "    std::string_view words[most_words];\n};\n\n"
        "struct error_row {\n    std::string_view line;\n"
        "    std::string_view error;\n};\n\n"
        + table("quote_row", "quote_table", quote_rows) + "\n"
        + table("words_row", "join_table", join_rows) + "\n"
        + table("words_row", "split_table", split_rows) + "\n"
        + table("error_row", "split_error_table", error_rows)
    )
    path = pathlib.Path(__file__).resolve().with_name("shlex_table.inc")
    path.write_text(text, encoding="ascii", newline="\n")


main()
