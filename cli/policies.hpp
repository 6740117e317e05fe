// policies: the small languages of --halt, --retry-on, --retry-delay, --limit
// and --term-seq.
//
// Pure. Empty: the text is not one of that language.

#pragma once

#include "cli/options.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

// "never", "soon,fail=3", "now,success=1", "soon,done=20%".
std::optional<halt_policy> parse_halt(std::string_view text);

// "fail,timeout,signal,signal=KILL,exit=75".
std::optional<std::vector<retry_policy::cause>>
parse_retry_causes(std::string_view text);

// "1s", "1s,x2", "1s,x2,30s": sets delay, factor and longest.
bool parse_retry_delay(std::string_view text, retry_policy& into);

// "mem=1G,cpu=10s,nproc=64,fsize=10M,nofile=256".
std::optional<std::vector<std::pair<std::string, std::uint64_t>>>
parse_resource_limits(std::string_view text);

// "TERM,200,TERM,1000,KILL": milliseconds after each signal.
std::optional<std::vector<std::pair<int, duration>>>
parse_term_seq(std::string_view text);

}  // namespace cli
