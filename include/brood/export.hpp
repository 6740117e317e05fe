// export.hpp: which symbols a shared libbrood makes visible.
#pragma once

#if defined(_WIN32)
#if defined(BROOD_BUILDING_SHARED)
#define BROOD_API __declspec(dllexport)
#elif defined(BROOD_USING_SHARED)
#define BROOD_API __declspec(dllimport)
#else
#define BROOD_API
#endif
#else
#define BROOD_API [[gnu::visibility("default")]]
#endif
