#include "cli/run_jobs.hpp"

#include "cli/engine.hpp"
#include "cli/guard.hpp"
#include "cli/machine_limits.hpp"
#include "cli/signal_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace cli {

namespace {

std::unique_ptr<jobserver> make_jobserver(const options& asked)
{
    using use = limit_options::jobserver_use;
    if (asked.limits.jobserver == use::serve) {
        const auto slots = slots_of(asked.limits.jobs);
        return jobserver::serve(slots != 0 ? slots : available_processors());
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char* const flags = std::getenv("MAKEFLAGS");
    if (asked.limits.jobserver == use::off || flags == nullptr ||
        asked.as == options::form::one)
        return nullptr;
    return jobserver::of_parent(flags, asked.inherited);
}

// Nothing that is opened from now on may take the place of a standard stream
// that we were started without. Writing to what stands there fails, as it
// would have.
void fill_standard_streams()
{
    for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(each, F_GETFD) < 0 && open("/", O_PATH | O_DIRECTORY) != each)
            return;
}

}  // namespace

int run_jobs(const options& asked, std::unique_ptr<job_source> source,
             const run_listeners& listeners)
{
    try {
        fill_standard_streams();
        block_signals();
        auto tokens = make_jobserver(asked);
        guard_duties duties;
        duties.slots = slots_of(asked.limits.jobs);
        if (tokens)
            duties.passed = tokens->passed();
        const auto guard = start_guard(asked, duties);
        engine runs(asked, guard, duties.slots, std::move(tokens),
                    std::move(source), listeners);
        return runs.run();
    } catch (const std::exception& failure) {
        // The guard, if there is one already, ends with our socket.
        std::fprintf(stderr, "brood: %s\n", failure.what());
        return 125;
    }
}

}  // namespace cli
