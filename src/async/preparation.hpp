// preparation.hpp: everything that is made ready before a child is started.
//
// Turns a command into a spawn_plan: opens files, makes pipes, finds the
// candidates, resolves identities. What it opened goes with it, so a failure
// at any point, also in what comes after it, leaves nothing behind.
#pragma once

#include "core/command_data.hpp"
#include "core/environment.hpp"
#include "os/cgroup.hpp"
#include "os/spawn.hpp"

#include <brood/errors.hpp>

#include <memory>
#include <string>
#include <vector>

namespace brood::detail {

// Our end of one of the child's pipes.
struct our_end {
    int number;  // the child's descriptor at the other end
    bool we_write;
    os::descriptor fd;
    bool is_terminal = false;
    bool may_grow = false;  // a pipe whose size nobody chose
};

class preparation {
public:
    // Throws std::invalid_argument or spawn_error.
    explicit preparation(const command_data& command);
    preparation(const preparation&) = delete;
    preparation& operator=(const preparation&) = delete;

    // Good as long as this object lives.
    const os::spawn_plan& plan() const noexcept { return plan_; }
    // For a child that may still read its environment when the program has
    // changed its own.
    void keep_environment();
    void want_pidfd(bool wanted) noexcept { plan_.want_pidfd = wanted; }
    std::vector<our_end>& our_ends() noexcept { return our_ends_; }
    // What resizes the child's terminal; not open where it has none of ours.
    os::descriptor& terminal() noexcept { return master_; }
    // The child has its copies: closes ours of its ends.
    void close_child_ends() noexcept { held_.clear(); }

    // What the child is born in; null: nothing of its own.
    const std::shared_ptr<os::cgroup>& cgroup() const noexcept
    {
        return cgroup_;
    }

    // What to throw when the plan failed.
    spawn_error explain(const os::spawn_failure& failure) const;

private:
    void prepare_program();
    void prepare_environment();
    void prepare_identity();
    void prepare_attributes();
    void prepare_terminal();
    void prepare_cgroup();
    void require_callers_descriptors() const;
    void prepare_descriptors();
    int source_of(const redirection& to, int number, bool child_reads);
    void add_wish(int number, const redirection& to, bool child_reads);
    int source_of_out() const;
    int add_pipe(int number, bool child_reads);
    int hold(os::opened opened, const std::string& path);
    void require_open(int number, const std::string& what) const;
    // Why exec failed, and the missing interpreter if that is why.
    std::string explain_exec(int error, std::string& interpreter) const;
    std::string explain_attribute(const os::spawn_failure& failure,
                                  std::string& path) const;
    [[noreturn]] void fail(spawn_step step, int error,
                           const std::string& path) const;

    const command_data& command_;
    os::spawn_plan plan_;
    std::vector<our_end> our_ends_;
    std::vector<os::descriptor> held_;
    os::descriptor master_;
    int terminal_ = -1;  // the child's side, as long as it is held
    std::vector<core::fd_wish> wishes_;
    std::vector<core::fd_step> steps_;
    std::string path_;
    std::vector<std::string> candidates_;
    std::vector<const char*> candidate_pointers_;
    std::vector<const char*> argv_;
    core::environment_list environment_;  // unless it is the parent's
    std::string kept_;                    // copied, if it was to be kept
    std::vector<const char*> envp_;
    std::vector<std::uint32_t> groups_;
    std::vector<os::resource_limit> limits_;
    std::vector<unsigned long> processors_;
    std::shared_ptr<os::cgroup> cgroup_;
};

}  // namespace brood::detail
