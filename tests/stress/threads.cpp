#include "support/fixture.hpp"
