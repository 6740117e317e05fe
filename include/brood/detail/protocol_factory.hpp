// detail/protocol_factory.hpp: what makes the protocol of a transport.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace brood::detail {

// Called without arguments; gives a std::shared_ptr or std::unique_ptr to a
// class derived from Base.
template <class Factory, class Base>
concept protocol_factory =
    std::invocable<Factory&> &&
    std::convertible_to<std::invoke_result_t<Factory&>, std::shared_ptr<Base>>;

template <class Factory>
using protocol_of =
    typename std::remove_cvref_t<std::invoke_result_t<Factory&>>::element_type;

// The library calls it when all that can fail before has been done.
template <class Base>
using make_protocol = std::function<std::shared_ptr<Base>()>;

// What `factory` makes; throws std::invalid_argument where that is nothing.
template <class Base>
std::shared_ptr<Base> made_by(const make_protocol<Base>& factory,
                              const char* verb)
{
    auto made = factory();
    if (!made)
        throw std::invalid_argument(std::string("brood: ") + verb +
                                    ": the factory gave no protocol");
    return made;
}

// The same factory, which leaves what it has made in `made` as well.
template <class Base, class Factory, class Protocol>
make_protocol<Base> noting(Factory& factory, std::shared_ptr<Protocol>& made)
{
    return [&]() -> std::shared_ptr<Base> {
        made = std::invoke(factory);
        return made;
    };
}

}  // namespace brood::detail
