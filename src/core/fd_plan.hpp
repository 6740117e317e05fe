// fd_plan.hpp: how a child's descriptors are put in place, without cycles.
//
// Pure: numbers in, steps out. The one rule that makes any order of the
// duplications right: no source is anybody's destination.
#pragma once

#include <vector>

namespace brood::core {

// "The child's `target` is what the parent has as `source`." Targets are
// distinct. A source equal to its target is kept where it is.
struct fd_wish {
    int source;
    int target;
};

// One step on the child's side.
struct fd_step {
    enum class kind : unsigned char {
        duplicate,  // dup3(source, target)
        keep,       // clear close-on-exec on target
    };
    kind what;
    int source;
    int target;
};

struct fd_plan {
    // Which wishes' sources the parent must first duplicate to a number of
    // at least `above`, because they are the target of another wish.
    std::vector<std::size_t> lift;
    int above = 3;
};

// Finds the sources that a duplication would overwrite before they are used.
fd_plan plan_lifts(const std::vector<fd_wish>& wishes);

// The steps, once the lifted sources have their new numbers.
std::vector<fd_step> plan_steps(const std::vector<fd_wish>& wishes);

}  // namespace brood::core
