// serial_executor.hpp: an executor that runs one thing at a time.
#pragma once

#include <brood/asio.hpp>

namespace brood::detail {

// `current` itself where it is known to run one thing at a time: the loop of
// brood::run, or a strand. Anything else may be a pool of threads, and gets
// a strand upon it.
executor serial_executor(const executor& current);

}  // namespace brood::detail
