// serial_executor.cpp: see serial_executor.hpp.
#include "flow/serial_executor.hpp"

#include "flow/task_registry.hpp"

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(strand.hpp)

#include <typeinfo>

namespace brood::detail {

namespace {

// By target_type: target<T>() of Asio 1.22.1 does not check the type.
template <typename Target>
bool is(const executor& current)
{
    return current.target_type() == typeid(Target);
}

// An io_context does not say how many threads run it; the one of brood::run
// says so in its registry.
bool is_loop_of_run(const executor& current)
{
    return is<asio::io_context::executor_type>(current) &&
           task_registry::of(current).belongs_to_run();
}

}  // namespace

executor serial_executor(const executor& current)
{
    if (is_loop_of_run(current) || is<asio::strand<executor>>(current) ||
        is<asio::strand<asio::io_context::executor_type>>(current))
        return current;
    return asio::make_strand(current);
}

}  // namespace brood::detail
