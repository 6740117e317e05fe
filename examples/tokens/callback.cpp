// callback.cpp: the job with callbacks.
//
// Each step starts the next one. Two things may end the wait for the line: it
// comes, or the alarm goes off; the first of them goes on, the other one finds
// that it is late.

#include "job.hpp"

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

// Lives until the io_context has run out of work.
class conversation {
public:
    conversation(net::io_context& io, const job& what)
        : child_(brood::spawn_process(io, what.child())),
          alarm_(io, what.limit())
    {
        child_.out().async_readline(
            [this](brood::error_code ec, const std::string& line) {
                if (!ec)
                    go_on(line);
            });
        alarm_.async_wait([this](brood::error_code ec) {
            if (!ec)
                go_on(std::nullopt);
        });
    }

private:
    void go_on(const std::optional<std::string>& line)
    {
        if (is_over_)
            return;
        is_over_ = true;
        alarm_.cancel();
        tell_line(line);
        // The reading, if it still waits, ends with the child.
        child_.async_stop([](brood::error_code ec, int returncode) {
            if (!ec)
                tell_end(returncode);
        });
    }

    brood::process child_;
    net::steady_timer alarm_;
    bool is_over_ = false;
};

int main(int argc, char** argv)
{
    net::io_context io;
    conversation it(io, job(argc, argv));
    io.run();
}
