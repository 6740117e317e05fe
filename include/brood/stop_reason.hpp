// stop_reason.hpp: why a run was ended before it ended by itself.
#pragma once

namespace brood {

enum class stop_reason {
    none,          ///< It ended by itself.
    timeout,       ///< command::timeout was over.
    idle_timeout,  ///< command::idle_timeout passed without any output.
    output_limit,  ///< More came than command::output_limit allows.
    cancelled,     ///< The caller cancelled it.
};

}  // namespace brood
