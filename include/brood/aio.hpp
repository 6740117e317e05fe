// aio.hpp: the part of asyncio that subprocess code needs, all of it.
#pragma once

#include <brood/gather.hpp>
#include <brood/keyboard_interrupt.hpp>
#include <brood/result.hpp>
#include <brood/run.hpp>
#include <brood/sleep.hpp>
#include <brood/task.hpp>
#include <brood/task_group.hpp>
#include <brood/timeout_error.hpp>
#include <brood/wait_for.hpp>
