// asio.hpp: the one door to Asio. Every other file says brood::asio.
//
// Hides the differences between Asio versions (1.22.1 and later), so that
// nothing else in brood needs to know which one it is built with. It brings
// in only what nearly every user of brood needs; a file that needs more
// (timers, co_spawn, ...) includes that Asio header after this one:
// #include BROOD_ASIO_HEADER(co_spawn.hpp)
#pragma once

// Asio before 1.26 enables co_await under clang only for the old TS.
#if !defined(ASIO_HAS_CO_AWAIT) && defined(__clang__)
#define ASIO_HAS_CO_AWAIT 1
#endif

// Before any Asio header: Asio decides by a macro of the standard library's
// whether to use aligned_alloc, and a file in which that is not yet defined
// would allocate one way and free the other.
#include <cstddef>

// The header X of the Asio that brood is built with.
#define BROOD_ASIO_HEADER(X) <asio/X>

#include BROOD_ASIO_HEADER(any_io_executor.hpp)
#include BROOD_ASIO_HEADER(awaitable.hpp)
#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(system_error.hpp)
#include BROOD_ASIO_HEADER(use_awaitable.hpp)
#include BROOD_ASIO_HEADER(version.hpp)

#if ASIO_VERSION < 102201
#error "brood needs standalone Asio 1.22.1 or later (Debian: libasio-dev)"
#endif
#if !defined(ASIO_HAS_CO_AWAIT)
#error "brood needs Asio with C++20 coroutines: compile with -std=c++20"
#endif

#if ASIO_VERSION >= 102300
#include BROOD_ASIO_HEADER(as_tuple.hpp)
#include BROOD_ASIO_HEADER(deferred.hpp)
#else
#include BROOD_ASIO_HEADER(experimental/as_tuple.hpp)
#include BROOD_ASIO_HEADER(experimental/deferred.hpp)
#endif

namespace brood {

namespace asio = ::asio;

using asio::any_io_executor;
using asio::awaitable;
using asio::error_code;
using asio::system_error;
using asio::use_awaitable;

#if ASIO_VERSION >= 102300
using asio::as_tuple;
using asio::deferred;
#else
using asio::experimental::as_tuple;
using asio::experimental::deferred;
#endif

/// The executor every brood object runs on unless told otherwise.
using executor = any_io_executor;

}  // namespace brood
