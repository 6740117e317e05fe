// brood.hpp: all of brood.
#pragma once

#include <brood/adopt_process.hpp>
#include <brood/aio.hpp>
#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/completed_process.hpp>
#include <brood/connect_pipe.hpp>
#include <brood/errors.hpp>
#include <brood/exit_status.hpp>
#include <brood/launcher.hpp>
#include <brood/observer.hpp>
#include <brood/output.hpp>
#include <brood/output_events.hpp>
#include <brood/pipeline.hpp>
#include <brood/process.hpp>
#include <brood/protocol.hpp>
#include <brood/redacted.hpp>
#include <brood/redirection.hpp>
#include <brood/resource_usage.hpp>
#include <brood/run_process.hpp>
#include <brood/shlex.hpp>
#include <brood/stream_reader.hpp>
#include <brood/stream_writer.hpp>
#include <brood/subprocess_exec.hpp>
#include <brood/transport.hpp>
#include <brood/with_process.hpp>
