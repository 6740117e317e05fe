// xargs_command: `brood xargs`, and brood under the name of xargs.
//
// Its commands are not jobs of the other forms: they write to our own output,
// belong to our process group, and are not stopped when we are, as users of
// xargs have it. docs/xargs.md tells how far it is xargs.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cli {

// `program` stands before each message. Gives the exit code of xargs: 0; 123,
// some command failed; 124, one ended with 255; 125, one was killed; 126 and
// 127, it cannot be run or found; 1, anything else.
int xargs_command(const std::string& program,
                  const std::vector<std::string>& words);

}  // namespace cli
