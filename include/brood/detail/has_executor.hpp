// detail/has_executor.hpp: what a verb takes in place of an executor.
#pragma once

#include <brood/asio.hpp>

namespace brood::detail {

// An execution context, such as an asio::io_context.
template <class Context>
concept has_executor =
    requires(Context& context) { executor(context.get_executor()); };

}  // namespace brood::detail
