// stand_in.hpp: a small real child that does what a reply says.
#pragma once

#include <brood/process.hpp>
#include <brood/testing/replies.hpp>

#include <source_location>

namespace brood::testing {

// Starts it, with the streams that `what` asks for.
awaitable<process> start_stand_in(command what, scripted_reply reply,
                                  std::source_location where);

}  // namespace brood::testing
