#!/usr/bin/env python3
"""Checks what the design says about files, by reading them.

    check_layers.py [--root DIR] [--compile CXX] [--self-test]

Rules, by the name that a message starts with:

layer         a file includes nothing of a layer above its own
public        a public header includes standard, Asio and public headers only
os-header     OS headers: not in include/ (native.hpp excepted), not in
              src/core; above src/os only in a folder of one platform
asio          no Asio below the async layer
asio-door     Asio's headers only as BROOD_ASIO_HEADER(...), in examples and
              tests, too, and only after <brood/asio.hpp>, which may come by
              way of an own header
unresolved    an include in quotes names a file of src/
unlisted      every public header has a layer in PUBLIC_LAYERS below
pragma-once   every header starts with #pragma once
compile       every public header compiles alone, and twice (with --compile)
length        public headers up to 400 lines, other C++ up to 700
columns       C++ up to 80 columns; a line that is one URL may be longer
name          no file or folder is called utils, helpers, common or misc
marker        no note to do something later

Exits 0 if all hold, 1 if not, with one 'file:line: rule: why' for each.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LAYERS = ["core", "os", "async", "flow", "launch", "testing", "cli"]
RANK = {layer: rank for rank, layer in enumerate(LAYERS)}

# The layer of each public header, without '.hpp'. A new header is added here:
# the lowest layer that can hold what it declares.
PUBLIC_LAYERS = {
    "core": """
        capture command containment detail/argument detail/callable
        detail/text_argument exit_status export keyboard_interrupt
        detail/line_window
        limit_kind pty redacted redirection
        resource_usage result shlex spawn_step stop_reason stop_sequence tee
        unlimited version
    """,
    "async": """
        adopt_process asio called_process_error child_watcher connect_pipe copy
        create_subprocess detail/any_handler detail/has_executor detail/is_awaitable
        detail/patient_starts
        detail/protocol_factory errc errors
        incomplete_read_error limit_overrun_error native observer output
        process protocol spawn_error spawn_process stream_reader stream_writer
        subprocess_exec timeout_error transport
    """,
    "flow": """
        aio brood check_output communicate completed_process create_task
        detail/body_nursery detail/child detail/gather detail/nursery gather
        launcher
        output_events pipeline run run_process sleep task task_group wait_for with_process
    """,
    "launch": "",
    "testing": """
        testing/matcher testing/recording_launcher testing/replies
        testing/scripted_launcher testing/testing
    """,
}

# The one file that may include a library that brood's users need not have.
JSON_USER = "src/testing/recording.cpp"

# Programs with other libraries, which have nothing of brood.
OTHERS = "bench/peers/"

# Files of these folders see one platform only.
PLATFORMS = {"linux", "posix", "windows"}

PUBLIC_HEADER_LINES = 400
SOURCE_LINES = 700
COLUMNS = 80

# ISO C++20, [headers]. The C headers by their C++ names: <signal.h> is the
# system's, <csignal> is the language's.
STANDARD = set("""
    algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv
    cfloat charconv chrono cinttypes climits clocale cmath codecvt compare
    complex concepts condition_variable coroutine csetjmp csignal cstdarg
    cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque
    exception execution filesystem format forward_list fstream functional
    future initializer_list iomanip ios iosfwd iostream istream iterator
    latch limits list locale map memory memory_resource mutex new numbers
    numeric optional ostream queue random ranges ratio regex scoped_allocator
    semaphore set shared_mutex source_location span sstream stack stdexcept
    stop_token streambuf string string_view strstream syncstream system_error
    thread tuple type_traits typeindex typeinfo unordered_map unordered_set
    utility valarray variant vector version
""".split())

TREES = ["include", "src", "cli", "tests", "examples", "bench", "cmake",
         "docs"]
CPP = {".hpp", ".cpp", ".h", ".ipp"}
HEADERS = {".hpp", ".h", ".ipp"}
TEXT = CPP | {".inc", ".py", ".cmake", ".md", ".txt", ".sh"}

NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}
# Put together here, so that this file does not contain them.
MARKER = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "X" "XX"]) +
                    r")\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
DOOR = "BROOD_ASIO_HEADER"
ASIO_INCLUDE = re.compile(r"^\s*#\s*include\s*" + DOOR + r"\((.*)\)")
ASIO = re.compile(r"(boost/)?asio(/|\.hpp$)")


class Tree:
    """The files below one root, and what is wrong with them."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.problems = []
        self.layer_of_public = {
            f"include/brood/{name}.hpp": layer
            for layer, names in PUBLIC_LAYERS.items()
            for name in names.split()
        }
        self.lines = {}
        for tree in TREES:
            for path in sorted((self.root / tree).rglob("*")):
                if "__pycache__" in path.parts or not path.is_file():
                    continue
                name = path.relative_to(self.root).as_posix()
                if path.suffix in TEXT:
                    self.lines[name] = self.read(path, name)
                else:
                    self.lines[name] = []
        self.door_users = {}

    def read(self, path, name):
        try:
            return path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            self.report(name, 1, "columns", "this is not UTF-8")
            return []

    def report(self, name, line, rule, why):
        self.problems.append((name, line, rule, why))

    # --- includes -------------------------------------------------------

    def includes(self, name):
        """Yields (line number, is it in quotes, what) for each include.

        For an include of Asio by way of the macro, DOOR/ and its argument.
        """
        for number, line in enumerate(self.lines[name], 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match[1] == '"', match[2]
                continue
            match = ASIO_INCLUDE.match(line)
            if match:
                yield number, False, f"{DOOR}/{match[1]}"

    def resolve(self, name, quoted, what):
        """The file of this tree that an include means, or None."""
        places = [f"include/{what}"]
        if quoted:
            folder = pathlib.PurePosixPath(name).parent
            places = [os.path.normpath(folder / what), f"src/{what}",
                      f"tests/{what}", *places]
        return next((place for place in places if place in self.lines), None)

    def layer(self, name):
        """The layer of a file in include/ or src/, or None."""
        if name.startswith("include/"):
            return self.layer_of_public.get(name)
        parts = name.split("/")
        return parts[1] if len(parts) > 2 and parts[1] in RANK else None

    def reaches_door(self, name):
        """Whether including `name` brings in <brood/asio.hpp>."""
        if name == "include/brood/asio.hpp":
            return True
        if name not in self.door_users:
            self.door_users[name] = False    # ends a circle of includes
            self.door_users[name] = any(
                target and self.reaches_door(target)
                for target in (self.resolve(name, quoted, what)
                               for _, quoted, what in self.includes(name)))
        return self.door_users[name]

    def check_includes(self, name):
        own = self.layer(name)
        is_public = name.startswith("include/")
        if own is None:
            if is_public:
                self.report(name, 1, "unlisted",
                            "give this header a layer in PUBLIC_LAYERS of "
                            "tests/support/check_layers.py")
            else:
                self.report(name, 1, "layer", "not in a folder of a layer: "
                            "src/{core,os,async,flow,launch,testing}")
            return
        for number, quoted, what in self.includes(name):
            target = self.resolve(name, quoted, what)
            if target:
                self.check_own(name, number, own, target)
            elif what.startswith(DOOR) or ASIO.match(what):
                if RANK[own] < RANK["async"]:
                    self.report(name, number, "asio",
                                f"{own} sees no Asio: <{what}>")
            elif quoted or what.startswith("brood/"):
                self.report(name, number, "unresolved", f"no file {what}")
            elif name == JSON_USER and what == "nlohmann/json.hpp":
                continue
            elif (name == "include/brood/asio.hpp"
                  and what.startswith("boost/")):
                continue
            elif what not in STANDARD:
                self.check_os_header(name, number, own, what)

    def check_own(self, name, number, own, target):
        if name.startswith("include/") and not target.startswith("include/"):
            self.report(name, number, "public", f"{target} is not installed "
                        "with the public headers")
        if name.startswith("include/") and target.endswith("/native.hpp"):
            self.report(name, number, "public",
                        "brings OS headers into another public header")
        theirs = self.layer(target)
        if theirs and RANK[theirs] > RANK[own]:
            self.report(name, number, "layer",
                        f"{own} includes {target}, which is {theirs}")

    def check_door(self, name):
        """The same rule for all C++, users' examples among it."""
        if name == "include/brood/asio.hpp" or name.startswith(OTHERS):
            return
        if RANK.get(self.layer(name), len(LAYERS)) < RANK["async"]:
            return    # check_includes has said more
        door_is_open = False
        for number, quoted, what in self.includes(name):
            target = self.resolve(name, quoted, what)
            if target:
                door_is_open = door_is_open or self.reaches_door(target)
            elif ASIO.match(what):
                self.report(name, number, "asio-door",
                            f"<{what}>: write {DOOR}(...), which knows which "
                            "Asio it is")
            elif what.startswith(DOOR) and not door_is_open:
                self.report(name, number, "asio-door",
                            f"{what} before <brood/asio.hpp>")

    def check_os_header(self, name, number, own, what):
        if name.startswith("include/"):
            if name != "include/brood/native.hpp":
                self.report(name, number, "os-header",
                            f"<{what}> in a public header")
        elif own == "core":
            self.report(name, number, "os-header",
                        f"<{what}>: core has no operating system")
        elif own != "os" and not PLATFORMS & set(name.split("/")):
            self.report(name, number, "os-header",
                        f"<{what}>: only in a folder of one platform")

    # --- files ----------------------------------------------------------

    def check_text(self, name):
        lines = self.lines[name]
        path = pathlib.PurePosixPath(name)
        if path.suffix in CPP:
            is_public = name.startswith("include/")
            limit = PUBLIC_HEADER_LINES if is_public else SOURCE_LINES
            if len(lines) > limit:
                self.report(name, limit + 1, "length",
                            f"{len(lines)} lines, at most {limit}")
            for number, line in enumerate(lines, 1):
                if len(line) > COLUMNS and not is_one_url(line):
                    self.report(name, number, "columns",
                                f"{len(line)} columns, at most {COLUMNS}")
        if path.suffix in HEADERS:
            code = (line for line in lines
                    if line.strip() and not line.startswith("//"))
            if next(code, "") != "#pragma once":
                self.report(name, 1, "pragma-once", "is not the first line "
                            "after the comment at the top")
        for number, line in enumerate(lines, 1):
            match = MARKER.search(line)
            if match:
                self.report(name, number, "marker",
                            f"{match[0]}: do it, or open an issue")

    def check_name(self, name):
        for part in pathlib.PurePosixPath(name).parts:
            words = re.split(r"[_-]", part.split(".")[0].lower())
            if words[-1] in NAMES:
                self.report(name, 1, "name", f"'{part}' says nothing of what "
                            "is in it")

    # --- compiling ------------------------------------------------------

    def public_headers(self):
        return [name for name in self.lines
                if name.startswith("include/brood/") and name.endswith(".hpp")]

    def check_compiles(self, compiler, flags):
        def compile_alone(name):
            header = name.removeprefix("include/")
            return name, subprocess.run(
                [*compiler, "-std=c++20", "-fsyntax-only",
                 f"-I{self.root / 'include'}", *flags, "-x", "c++", "-"],
                input=f"#include <{header}>\n" * 2, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, done in pool.map(compile_alone, self.public_headers()):
                if done.returncode != 0:
                    error = next((line for line in done.stdout.splitlines()
                                  if "error" in line), done.stdout.strip())
                    self.report(name, 1, "compile", error)

    def check(self):
        for name in self.lines:
            is_layered = name.startswith(("include/", "src/"))
            if pathlib.PurePosixPath(name).suffix in CPP:
                if is_layered:
                    self.check_includes(name)
                self.check_door(name)
            self.check_text(name)
            self.check_name(name)


def is_one_url(line):
    return "://" in line and len(line.removeprefix("//").split()) == 1


def problems_in(root, compiler=None, flags=()):
    tree = Tree(root)
    tree.check()
    if compiler:
        tree.check_compiles(compiler, flags)
    return tree.problems


# --- self-test ------------------------------------------------------------

GOOD = {
    "include/brood/asio.hpp": "// The door.\n#pragma once\n"
                              "#include <boost/asio/version.hpp>\n"
                              "#include <boost/version.hpp>\n",
    "include/brood/command.hpp": "#pragma once\n#include <string>\n",
    "include/brood/native.hpp": "#pragma once\n#include <unistd.h>\n",
    "include/brood/process.hpp": "#pragma once\n#include <brood/asio.hpp>\n"
                                 "#include <brood/command.hpp>\n"
                                 "#include BROOD_ASIO_HEADER(post.hpp)\n",
    "include/brood/run_process.hpp": "#pragma once\n"
                                     "#include <brood/process.hpp>\n",
    "src/core/fd_plan.hpp": "#pragma once\n#include <brood/command.hpp>\n",
    "src/core/fd_plan.cpp": '#include "fd_plan.hpp"\n#include <csignal>\n',
    "src/os/spawn.hpp": '#pragma once\n#include "core/fd_plan.hpp"\n',
    "src/os/linux/spawn.cpp": '#include "os/spawn.hpp"\n'
                              "#include <sys/wait.h>\n",
    "src/async/posix/pipe.cpp": '#include "../../os/spawn.hpp"\n'
                                "#include <brood/process.hpp>\n"
                                "#include BROOD_ASIO_HEADER(write.hpp)\n"
                                "#include <fcntl.h>\n",
    "src/flow/run_process.cpp": "#include <brood/run_process.hpp>\n"
                                "// https://example.org/" + "a" * 80 + "\n",
    "docs/tour.md": "mkdtemp takes brood-XXXXXX. " * 5,
}

# Each: (rule that must fire, file, its text). Alone on top of GOOD, it must
# cause exactly that one message.
BAD = [
    ("layer", "src/os/a.cpp", "#include <brood/process.hpp>\n"),
    ("layer", "src/core/a.cpp", '#include "os/spawn.hpp"\n'),
    ("layer", "src/async/a.cpp", "#include <brood/run_process.hpp>\n"),
    ("layer", "src/core/a.cpp", "#include <brood/asio.hpp>\n"),
    ("layer", "include/brood/command.hpp",
     "#pragma once\n#include <brood/process.hpp>\n"),
    ("layer", "src/a.cpp", "int a;\n"),
    ("public", "include/brood/command.hpp",
     '#pragma once\n#include "core/fd_plan.hpp"\n'),
    ("public", "include/brood/process.hpp",
     "#pragma once\n#include <brood/asio.hpp>\n#include <brood/native.hpp>\n"),
    ("os-header", "include/brood/process.hpp",
     "#pragma once\n#include <brood/asio.hpp>\n#include <sys/types.h>\n"),
    ("os-header", "include/brood/process.hpp",
     "#pragma once\n#include <brood/asio.hpp>\n#include <boost/version.hpp>\n"),
    ("os-header", "src/core/a.cpp", "#  include <signal.h>\n"),
    ("os-header", "src/core/a.cpp", "#include <windows.h>\n"),
    ("os-header", "src/async/a.cpp", "#include <unistd.h>\n"),
    ("os-header", "src/flow/a.cpp", "#include <pthread.h>\n"),
    ("asio", "src/os/a.cpp", "#include BROOD_ASIO_HEADER(post.hpp)\n"),
    ("asio", "src/core/a.cpp", "#include <boost/asio.hpp>\n"),
    ("asio-door", "src/async/a.cpp", "#include BROOD_ASIO_HEADER(post.hpp)\n"),
    ("asio-door", "src/async/a.cpp",
     "#include <asio.hpp>\n#include <brood/asio.hpp>\n"),
    ("asio-door", "include/brood/process.hpp",
     "#pragma once\n#include <brood/asio.hpp>\n#include <asio/post.hpp>\n"),
    ("asio-door", "examples/a.cpp",
     "#include <brood/asio.hpp>\n#include <boost/asio/post.hpp>\n"),
    ("unresolved", "src/core/a.cpp", '#include "core/none.hpp"\n'),
    ("unresolved", "src/core/a.cpp", "#include <brood/none.hpp>\n"),
    ("unlisted", "include/brood/surprise.hpp", "#pragma once\n"),
    ("pragma-once", "include/brood/shlex.hpp", "// Text.\nint a;\n"),
    ("pragma-once", "src/os/a.hpp", "int a;\n#pragma once\n"),
    ("length", "include/brood/shlex.hpp", "#pragma once\n" + "\n" * 400),
    ("length", "src/core/a.cpp", "\n" * 701),
    ("columns", "cli/a.cpp", "// " + "a " * 40 + "\n"),
    ("name", "tests/support/utils.py", ""),
    ("name", "src/core/string_helpers.cpp", ""),
    ("name", "examples/common/a.txt", ""),
    ("marker", "src/core/a.cpp", "// TO" "DO: later\n"),
    ("marker", "docs/a.md", "FIX" "ME\n"),
    ("marker", "bench/a.py", "# X" "XX\n"),
]


def write_tree(root, files):
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def self_test(compiler, flags):
    failures = []

    def expect(what, files, rules, use_compiler=None):
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, files)
            found = problems_in(root, use_compiler, flags)
        if [rule for _, _, rule, _ in found] != rules:
            failures.append(f"{what}: expected {rules}, found {found}")

    expect("a tree without faults", GOOD, [])
    for rule, name, text in BAD:
        expect(f"{rule}: {name}: {text[:60]!r}", {**GOOD, name: text}, [rule])
    tested = {rule for rule, _, _ in BAD}
    if compiler:
        alone = "#pragma once\ninline std::string s;\n"
        expect("a header that needs another", {
            "include/brood/shlex.hpp": alone,
            "include/brood/command.hpp": "#pragma once\n#include <string>\n",
        }, ["compile"], compiler)
        tested.add("compile")
    documented = set(re.findall(r"^([a-z-]+) {2,}", __doc__, re.MULTILINE))
    if not compiler:
        documented.discard("compile")
    if tested != documented:
        failures.append(f"rules without a test: {documented - tested}, "
                        f"without a line at the top: {tested - documented}")
    for failure in failures:
        print(failure)
    print(f"self-test: {len(BAD)} faults, {len(failures)} failures")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", help="where include/ and src/ are",
                        default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--compile", metavar="CXX",
                        help="also compile each public header alone")
    parser.add_argument("--flag", action="append", default=[],
                        help="one more flag for CXX: --flag=-DX; repeatable")
    parser.add_argument("--self-test", action="store_true",
                        help="check that every rule can fail")
    options = parser.parse_args()
    compiler = options.compile.split() if options.compile else None
    if options.self_test:
        return self_test(compiler, options.flag)
    found = problems_in(options.root, compiler, options.flag)
    for name, line, rule, why in found:
        print(f"{name}:{line}: {rule}: {why}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
