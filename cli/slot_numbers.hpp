// slot_numbers: which of the numbers 1, 2, 3, ... are free. Of any number of
// jobs that run at once, each has one of its own, and none is higher than it
// must be.

#pragma once

#include <set>

namespace cli {

class slot_numbers {
public:
    unsigned lowest() const
    {
        return given_back_.empty() ? used_ + 1 : *given_back_.begin();
    }
    void take(unsigned number)
    {
        while (used_ < number)
            given_back_.insert(++used_);
        given_back_.erase(number);
    }
    void give_back(unsigned number) { given_back_.insert(number); }

private:
    std::set<unsigned> given_back_;  // all that are free, up to used_
    unsigned used_ = 0;
};

}  // namespace cli
