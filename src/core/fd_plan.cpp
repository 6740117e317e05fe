// fd_plan.cpp: see fd_plan.hpp.
#include "core/fd_plan.hpp"

#include <algorithm>

namespace brood::core {

fd_plan plan_lifts(const std::vector<fd_wish>& wishes)
{
    fd_plan plan;
    // What is kept where it is stays clear by being open, and may be above
    // the limit that holds for new ones.
    for (const auto& wish : wishes)
        if (wish.source != wish.target)
            plan.above = std::max(plan.above, wish.target + 1);
    for (std::size_t i = 0; i != wishes.size(); ++i) {
        const int source = wishes[i].source;
        if (source == wishes[i].target)
            continue;
        const bool overwritten = std::any_of(
            wishes.begin(), wishes.end(),
            [source](const fd_wish& other) { return other.target == source; });
        if (overwritten)
            plan.lift.push_back(i);
    }
    return plan;
}

std::vector<fd_step> plan_steps(const std::vector<fd_wish>& wishes)
{
    std::vector<fd_step> steps;
    steps.reserve(wishes.size());
    for (const auto& wish : wishes)
        steps.push_back({wish.source == wish.target ? fd_step::kind::keep
                                                    : fd_step::kind::duplicate,
                         wish.source, wish.target});
    return steps;
}

}  // namespace brood::core
