// detail/patient_starts.hpp: how a gather with a limit tells the starts of
// children that they may wait for room.
#pragma once

#include <brood/asio.hpp>
#include <brood/export.hpp>

#include <memory>

namespace brood::detail {

// As long as what it returns lives, an asynchronous start on the execution
// context of `io` that fails for want of descriptors, memory or processes is
// tried again. May outlive the context.
[[nodiscard]] BROOD_API std::shared_ptr<void>
patient_starts(const executor& io);

}  // namespace brood::detail
