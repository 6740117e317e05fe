// testing/testing.hpp: all of brood::testing, for tests of code that runs
// commands by way of a launcher.
#pragma once

#include <brood/testing/matcher.hpp>
#include <brood/testing/recording_launcher.hpp>
#include <brood/testing/replies.hpp>
#include <brood/testing/scripted_launcher.hpp>
