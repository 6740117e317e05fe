// capture.hpp: which part of a long output is kept.
#pragma once

namespace brood {

/// What run_process keeps of an output that is longer than its limit.
///
/// The rest is read and dropped, so that the child never blocks; the result
/// says `truncated`, and how many bytes were left out.
enum class keep {
    head,           ///< The beginning.
    tail,           ///< The end.
    head_and_tail,  ///< Half of each, with a line between that gives the
                    ///< number of bytes left out.
};

}  // namespace brood
