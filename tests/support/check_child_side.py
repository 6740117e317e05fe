#!/usr/bin/env python3
"""Checks that nothing of the C library runs between a child's birth and exec.

    check_child_side.py [--nm NM] --impure OBJECT OBJECT...

A child shares its parent's memory until it calls exec. A function of the C
library there could wait for a lock that a thread of the parent holds, write
the parent's errno, or allocate. So the compiled object of the child's side
must not refer to anything outside itself.

The object after --impure is one that does, and must be found out: it shows
that the check can fail.

Exits 0 if all is well, 1 if not, with a line for each symbol.
"""

import argparse
import platform
import subprocess
import sys

ALLOWED = {
    # The linker's own.
    "_GLOBAL_OFFSET_TABLE_",
    # Called by the dynamic loader as the program starts, not by the child.
    "__asan_init",
    "__asan_register_globals",
    "__asan_unregister_globals",
    "__asan_version_mismatch_check_v8",
    "__tsan_init",
    # Only reached when the stack is already overwritten.
    "__stack_chk_fail",
    # child_main, where the clone leads to.
    "_ZN5brood2os10child_mainERKNS0_10child_taskE",
    # The seam of the fault injection, in builds for testing.
    "_ZN5brood2os15fault_injection5errorE",
    "_ZN5brood2os15fault_injection8injectedE",
    "_ZN5brood2os15fault_injection9remainingE",
}

# Where system_call.hpp has no assembly it has to ask the C library.
WITH_ASSEMBLY = {"x86_64", "aarch64"}
WITHOUT_ASSEMBLY = {"syscall", "__errno_location"}


def undefined_symbols(nm, path):
    """The names that the object at `path` needs from elsewhere."""
    listed = subprocess.run([nm, "-u", path], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    return {line.split()[-1] for line in listed.splitlines() if line.strip()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--impure", required=True)
    parser.add_argument("objects", nargs="+")
    arguments = parser.parse_args()

    allowed = set(ALLOWED)
    if platform.machine() not in WITH_ASSEMBLY:
        allowed |= WITHOUT_ASSEMBLY

    faults = 0
    for path in arguments.objects:
        for name in sorted(undefined_symbols(arguments.nm, path) - allowed):
            print(f"{path}: refers to {name}")
            faults += 1
    if not undefined_symbols(arguments.nm, arguments.impure) - allowed:
        print(f"{arguments.impure}: should refer to the C library; "
              "this check sees nothing")
        faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
