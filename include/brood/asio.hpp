// asio.hpp: the one door to Asio. Every other file says brood::asio.
//
// Hides which Asio it is: the standalone one (1.22.1 and later), or Boost's
// (1.81 and later) where BROOD_ASIO_BOOST is defined, as it is by CMake's
// brood::brood and by pkg-config's flags for a libbrood built with that one.
// It brings in only what nearly every user of brood needs; a file that needs
// more (timers, co_spawn, ...) includes that Asio header after this one:
//
//   #include BROOD_ASIO_HEADER(co_spawn.hpp)
//
// Nothing else in brood needs to know which Asio it is built with.
#pragma once

#include <brood/export.hpp>

// Asio before 1.26 enables co_await under clang only for the old TS.
#if !defined(ASIO_HAS_CO_AWAIT) && defined(__clang__)
#define ASIO_HAS_CO_AWAIT 1
#endif

// Before any Asio header: Asio decides by a macro of the standard library's
// whether to use aligned_alloc, and a file in which that is not yet defined
// would allocate one way and free the other.
#include <cstddef>

#if defined(BROOD_ASIO_BOOST)
#define BROOD_ASIO_HEADER(X) <boost/asio/X>
#else
#define BROOD_ASIO_HEADER(X) <asio/X>
#endif

#include BROOD_ASIO_HEADER(any_io_executor.hpp)
#include BROOD_ASIO_HEADER(awaitable.hpp)
#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(use_awaitable.hpp)
#include BROOD_ASIO_HEADER(version.hpp)

#if defined(BROOD_ASIO_BOOST)
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <boost/version.hpp>
#if BOOST_VERSION < 108100
#error "brood needs Boost 1.81 or later (Debian: libboost1.81-dev)"
#endif
#if !defined(BOOST_ASIO_HAS_CO_AWAIT)
#error "brood needs Asio with C++20 coroutines: compile with -std=c++20"
#endif
#else
#include <system_error>
#if ASIO_VERSION < 102201
#error "brood needs standalone Asio 1.22.1 or later (Debian: libasio-dev)"
#endif
#if !defined(ASIO_HAS_CO_AWAIT)
#error "brood needs Asio with C++20 coroutines: compile with -std=c++20"
#endif
#endif

#if defined(BROOD_ASIO_BOOST) || ASIO_VERSION >= 102300
#include BROOD_ASIO_HEADER(as_tuple.hpp)
#include BROOD_ASIO_HEADER(deferred.hpp)
#else
#include BROOD_ASIO_HEADER(experimental/as_tuple.hpp)
#include BROOD_ASIO_HEADER(experimental/deferred.hpp)
#endif

namespace brood {

#if defined(BROOD_ASIO_BOOST)
namespace asio = ::boost::asio;
// Where this Asio has its error codes from.
namespace error_types = ::boost::system;
#else
namespace asio = ::asio;
namespace error_types = ::std;
#endif

using asio::any_io_executor;
using asio::awaitable;
using asio::use_awaitable;
using error_types::error_category;
using error_types::error_code;
using error_types::system_category;
using error_types::system_error;

#if defined(BROOD_ASIO_BOOST) || ASIO_VERSION >= 102300
using asio::as_tuple;
using asio::deferred;
#else
using asio::experimental::as_tuple;
using asio::experimental::deferred;
#endif

/// The executor every brood object runs on unless told otherwise.
using executor = any_io_executor;

namespace detail {

template <int Major, int Minor>
struct BROOD_API boost_of_version;
template <int Major, int Minor>
struct BROOD_API standalone_asio;

#if defined(BROOD_ASIO_BOOST)
using this_asio =
    boost_of_version<BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000>;
#else
using this_asio =
    standalone_asio<ASIO_VERSION / 100000, ASIO_VERSION / 100 % 1000>;
#endif

// Every file that includes this asks for a symbol that libbrood has only if it
// was built with the same Asio. A mix of two would link otherwise, and crash;
// as it is, the linker names the Asio that the file was compiled with.
template <class Asio>
struct BROOD_API libbrood_is_built_with {
    static const char mark;
};
template <>
const char libbrood_is_built_with<this_asio>::mark;
#if defined(__GNUC__)
[[gnu::used]] inline const char* const asio_mark =
    &libbrood_is_built_with<this_asio>::mark;
#endif

}  // namespace detail

}  // namespace brood
