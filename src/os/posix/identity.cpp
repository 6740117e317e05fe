// identity.cpp: see identity.hpp.
#include "os/identity.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

namespace brood::os {

namespace {

struct account {
    std::int64_t uid = -1;
    std::int64_t gid = -1;
    std::string name;
};

// Calls one of the get..._r functions with a buffer that is large enough.
// Returns 0, ENOENT for an unknown name, or another errno.
template <class Entry, class Call>
int look_up(Entry& entry, std::vector<char>& buffer, Call call)
{
    buffer.resize(1024);
    for (;;) {
        Entry* found = nullptr;
        const int error = call(&entry, buffer.data(), buffer.size(), &found);
        if (error == ERANGE && buffer.size() < (1U << 20)) {
            buffer.resize(buffer.size() * 2);
            continue;
        }
        if (error == 0 && !found)
            return ENOENT;
        return error;
    }
}

int find_user(const detail::identity& who, account& found)
{
    passwd entry{};
    std::vector<char> buffer;
    int error = 0;
    if (const auto* name = std::get_if<std::string>(&who)) {
        error = look_up(entry, buffer, [name](auto... rest) {
            return ::getpwnam_r(name->c_str(), rest...);
        });
    } else {
        found.uid = std::get<std::int64_t>(who);
        error = look_up(entry, buffer, [&found](auto... rest) {
            return ::getpwuid_r(static_cast<uid_t>(found.uid), rest...);
        });
        // A number needs no entry; it just has no groups of its own then.
        if (error == ENOENT)
            return 0;
    }
    if (error)
        return error;
    found.uid = entry.pw_uid;
    found.gid = entry.pw_gid;
    found.name = entry.pw_name;
    return 0;
}

int find_group(const detail::identity& which, std::int64_t& gid)
{
    const auto* name = std::get_if<std::string>(&which);
    if (!name) {
        gid = std::get<std::int64_t>(which);
        return 0;
    }
    ::group entry{};
    std::vector<char> buffer;
    const int error = look_up(entry, buffer, [name](auto... rest) {
        return ::getgrnam_r(name->c_str(), rest...);
    });
    if (!error)
        gid = entry.gr_gid;
    return error;
}

std::vector<std::uint32_t> groups_of(const account& user)
{
    if (user.name.empty())
        return {};
    int count = 32;
    std::vector<gid_t> groups(32);
    while (::getgrouplist(user.name.c_str(), static_cast<gid_t>(user.gid),
                          groups.data(), &count) < 0 &&
           static_cast<std::size_t>(count) > groups.size())
        groups.resize(static_cast<std::size_t>(count));
    groups.resize(static_cast<std::size_t>(count));
    return {groups.begin(), groups.end()};
}

std::string text(const detail::identity& who)
{
    if (const auto* name = std::get_if<std::string>(&who))
        return *name;
    return std::to_string(std::get<std::int64_t>(who));
}

}  // namespace

resolved_identity resolve_identity(const detail::command_data& command,
                                   identity_failure& failure)
{
    resolved_identity resolved;
    if (command.user) {
        account user;
        failure.error = find_user(*command.user, user);
        if (failure.error) {
            failure.name = text(*command.user);
            return resolved;
        }
        resolved.uid = user.uid;
        if (user.uid != ::geteuid()) {
            resolved.gid = user.gid;
            resolved.groups = groups_of(user);
        }
    }
    if (command.group) {
        failure.error = find_group(*command.group, resolved.gid);
        if (failure.error)
            failure.name = text(*command.group);
    }
    if (command.extra_groups)
        resolved.groups.emplace(command.extra_groups->begin(),
                                command.extra_groups->end());
    return resolved;
}

}  // namespace brood::os
