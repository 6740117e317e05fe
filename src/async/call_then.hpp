// call_then.hpp: calls into the user's code from the loop.
#pragma once

namespace brood::detail {

// Whatever becomes of `call`, `next` is done: what the user's code throws goes
// to whoever runs the loop, and the transport goes on. `next` itself must not
// call into it: of two exceptions one would be lost.
template <class Call, class Next>
void call_then(Call call, Next next)
{
    try {
        call();
    } catch (...) {
        next();
        throw;
    }
    next();
}

}  // namespace brood::detail
