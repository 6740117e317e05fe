// qt.cpp: the works with Qt's QProcess.

#include "../measure.hpp"

#include <QCoreApplication>
#include <QEventLoop>
#include <QProcess>
#include <QTimer>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace {

// A QProcess makes pipes for both outputs unless it is told not to.
void inherit_all(QProcess& child)
{
    child.setProcessChannelMode(QProcess::ForwardedChannels);
    child.setInputChannelMode(QProcess::ForwardedInputChannel);
}

// Only its output comes through a pipe.
void read_output(QProcess& child)
{
    child.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    child.setInputChannelMode(QProcess::ForwardedInputChannel);
}

// Runs the event loop until `child` has finished.
void finish(QProcess& child)
{
    if (child.state() != QProcess::NotRunning) {
        QEventLoop loop;
        QObject::connect(&child, &QProcess::finished, &loop, &QEventLoop::quit);
        loop.exec();
    }
    if (child.exitStatus() != QProcess::NormalExit || child.exitCode() != 0)
        bench::fail("a child");
}

void spawn_wait(const char* tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        QProcess child;
        inherit_all(child);
        child.start(tiny, {});
        finish(child);
        watch.lap();
    }
    bench::report(watch, count);
}

void spawn_communicate(const char* tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        QProcess child;
        read_output(child);
        child.start(tiny, {"line"});
        finish(child);
        if (child.readAllStandardOutput().size() != bench::line_size)
            bench::fail("the output");
        watch.lap();
    }
    bench::report(watch, count);
}

// Keeps `at_once` children running until there were `count`. A QProcess can be
// started again once it has finished.
void keep_running(const char* tiny, long count, int at_once,
                  bench::stalls* seen)
{
    QEventLoop loop;
    long to_start = count;
    long to_end = count;
    std::vector<std::unique_ptr<QProcess>> children;
    const auto start = [&](QProcess& child) {
        const auto began = bench::stalls::clock::now();
        child.start(tiny, {});
        if (seen)
            seen->held(began);
    };
    for (int i = 0; i != at_once; ++i) {
        children.push_back(std::make_unique<QProcess>());
        auto& child = *children.back();
        inherit_all(child);
        QObject::connect(&child, &QProcess::finished, &loop, [&] {
            if (--to_end == 0)
                loop.quit();
            // Not from within its own signal.
            if (--to_start >= 0)
                QMetaObject::invokeMethod(
                    &child, [&] { start(child); }, Qt::QueuedConnection);
        });
        --to_start;
        start(child);
    }
    loop.exec();
}

void many(const char* tiny, long count, int at_once)
{
    const bench::stopwatch watch;
    keep_running(tiny, count, at_once, nullptr);
    bench::report(watch, count);
}

void in_flight(const char* tiny, long count)
{
    many(tiny, count, bench::children_in_flight);
}

void two_in_flight(const char* tiny, long count)
{
    many(tiny, count, bench::few_in_flight);
}

void read_some(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    long total = 0;
    QProcess child;
    read_output(child);
    QObject::connect(&child, &QProcess::readyReadStandardOutput,
                     [&] { total += child.readAllStandardOutput().size(); });
    child.start(tiny, {"flood", QString::number(bytes)});
    finish(child);
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

void read_all(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    QProcess child;
    read_output(child);
    child.start(tiny, {"flood", QString::number(bytes)});
    finish(child);
    const auto all = child.readAllStandardOutput();
    bench::report(watch, bytes);
    if (all.size() != bytes)
        bench::fail("the output");
}

// Writes the next block whenever the last has gone.
void feed(QProcess& child, const QByteArray& block, long& left)
{
    const auto next = [&child, &block, &left] {
        if (child.bytesToWrite() > 0)
            return;
        if (left <= 0)
            return child.closeWriteChannel();
        left -= block.size();
        child.write(block);
    };
    QObject::connect(&child, &QProcess::bytesWritten, next);
    QObject::connect(&child, &QProcess::started, next);
}

void write_some(const char* tiny, long bytes)
{
    const QByteArray block(bench::block_size, 'x');
    const bench::stopwatch watch;
    long left = bytes;
    QProcess child;
    child.setProcessChannelMode(QProcess::ForwardedChannels);
    feed(child, block, left);
    child.start(tiny, {"sink"});
    finish(child);
    bench::report(watch, bytes);
}

void duplex(const char* tiny, long bytes)
{
    const QByteArray block(bench::block_size, 'x');
    const bench::stopwatch watch;
    long left = bytes;
    long total = 0;
    QProcess child;
    child.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    feed(child, block, left);
    QObject::connect(&child, &QProcess::readyReadStandardOutput,
                     [&] { total += child.readAllStandardOutput().size(); });
    child.start(tiny, {"cat"});
    finish(child);
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

void readline(const char* tiny, long count)
{
    const bench::stopwatch watch;
    long seen = 0;
    QProcess child;
    read_output(child);
    QObject::connect(&child, &QProcess::readyReadStandardOutput, [&] {
        while (child.canReadLine()) {
            const auto line = child.readLine();
            seen += !line.isEmpty();
        }
    });
    child.start(tiny, {"lines", QString::number(count)});
    finish(child);
    bench::report(watch, count);
    if (seen != count)
        bench::fail("the lines");
}

void alive(const char* tiny, long count)
{
    bench::allow_many_descriptors();
    QProcess first;
    inherit_all(first);
    first.start(tiny, {});
    finish(first);
    const auto before = bench::footprint::now();
    bench::stopwatch watch;
    std::vector<std::unique_ptr<QProcess>> children;
    for (long i = 0; i != count; ++i) {
        children.push_back(std::make_unique<QProcess>());
        inherit_all(*children.back());
        children.back()->start(tiny, {"pause"});
        watch.lap();
    }
    bench::report(watch, count, before, bench::footprint::now());
    for (const auto& each : children)
        each->kill();
    for (const auto& each : children)
        each->waitForFinished();
}

void stall(const char* tiny, long count)
{
    bench::stalls seen;
    QTimer ticker;
    ticker.setTimerType(Qt::PreciseTimer);
    QObject::connect(&ticker, &QTimer::timeout, [&] {
        seen.ticked();
        ticker.start();  // due a tick from now
    });
    ticker.start(bench::tick);
    const bench::stopwatch watch;
    keep_running(tiny, count, bench::stall_in_flight, &seen);
    seen.report(watch, count);
}

}  // namespace

int main(int argc, char** argv)
{
    const QCoreApplication application(argc, argv);
    using work = void (*)(const char*, long);
    const std::pair<const char*, work> works[] = {
        {"spawn_wait", spawn_wait}, {"spawn_communicate", spawn_communicate},
        {"in_flight", in_flight},   {"two_in_flight", two_in_flight},
        {"read_some", read_some},   {"read_all", read_all},
        {"write_some", write_some}, {"duplex", duplex},
        {"readline", readline},     {"alive", alive},
        {"stall", stall},
    };
    return bench::run_named_work(argc, argv, works);
}
