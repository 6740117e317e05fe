// checked_output.hpp: the output of a run that somebody counts on.
//
// All of it, of a command that did not fail; else called_process_error.
#pragma once

#include <brood/pipeline.hpp>

#include <string>
#include <utility>

namespace brood::detail {

inline std::string checked_output(completed_process ended)
{
    if (!ended.ok() || ended.out_left_out != 0)
        throw called_process_error(std::move(ended));
    return std::move(ended.out);
}

inline std::string checked_output(completed_pipeline ended)
{
    auto& last = ended.stages.back();
    if (!ended.ok() || last.out_left_out != 0)
        throw called_process_error(ended.failed() ? *ended.failed() : last);
    return std::move(last.out);
}

}  // namespace brood::detail
