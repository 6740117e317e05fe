// initiate.hpp: begins an operation of a core from inside the library.
//
// What the public templates do for a user's token, for the awaitables that
// the library makes itself.
#pragma once

#include <brood/detail/any_handler.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)

#include <functional>
#include <memory>
#include <utility>

namespace brood::detail {

// `start` takes the core and the erased handler. The core is given away: an
// awaitable keeps its initiation as long as it waits, and what the core itself
// holds meanwhile must not hold the core.
template <class Signature, class Core, class Start>
struct initiation {
    using executor_type = executor;
    executor_type get_executor() const noexcept { return core->get_executor(); }
    template <class Handler>
    void operator()(Handler&& handler) &&
    {
        const auto begun = std::move(core);
        std::invoke(start, begun,
                    any_handler<Signature>(std::forward<Handler>(handler),
                                           begun->get_executor()));
    }
    std::shared_ptr<Core> core;
    Start start;
};

template <class Signature, class Core, class Start, class Token>
auto initiate(std::shared_ptr<Core> core, Start start, Token& token)
{
    return asio::async_initiate<Token, Signature>(
        initiation<Signature, Core, Start>{std::move(core), start}, token);
}

}  // namespace brood::detail
