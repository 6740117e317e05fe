# FindAsio.cmake: standalone Asio as the target Asio::Asio.
#
# Debian's libasio-dev has neither a CMake package nor a .pc file. Looks in
# BROOD_ASIO_INCLUDE (the folder that holds asio.hpp) and nowhere else if that
# is set; otherwise in Asio_ROOT, CMAKE_PREFIX_PATH and the system's folders.
#
# Sets Asio_FOUND, Asio_VERSION (like 1.22.1) and Asio_INCLUDE_DIR.

if(BROOD_ASIO_INCLUDE)
  set(Asio_INCLUDE_DIR "${BROOD_ASIO_INCLUDE}")
else()
  find_path(Asio_INCLUDE_DIR asio.hpp)
  mark_as_advanced(Asio_INCLUDE_DIR)
endif()

unset(Asio_VERSION)
if(EXISTS "${Asio_INCLUDE_DIR}/asio/version.hpp")
  # "#define ASIO_VERSION 102201 // 1.22.1": major * 100000 + minor * 100 + sub
  file(STRINGS "${Asio_INCLUDE_DIR}/asio/version.hpp" _asio_number
    REGEX "^#define ASIO_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+" _asio_number "${_asio_number}")
  math(EXPR _asio_major "${_asio_number} / 100000")
  math(EXPR _asio_minor "${_asio_number} / 100 % 1000")
  math(EXPR _asio_sub "${_asio_number} % 100")
  set(Asio_VERSION "${_asio_major}.${_asio_minor}.${_asio_sub}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio
  REQUIRED_VARS Asio_INCLUDE_DIR Asio_VERSION
  VERSION_VAR Asio_VERSION
  REASON_FAILURE_MESSAGE
    "Install standalone Asio (Debian: libasio-dev), or set BROOD_ASIO_INCLUDE \
to the folder that holds asio.hpp."
)

if(Asio_FOUND AND NOT TARGET Asio::Asio)
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)

  # Imported, so its headers are system headers: no warnings from inside Asio.
  add_library(Asio::Asio INTERFACE IMPORTED)
  target_include_directories(Asio::Asio INTERFACE "${Asio_INCLUDE_DIR}")
  target_compile_definitions(Asio::Asio INTERFACE ASIO_STANDALONE)
  target_link_libraries(Asio::Asio INTERFACE Threads::Threads)
  # Otherwise a file that includes <asio.hpp> first of all would differ from
  # all others in how it allocates (see brood/asio.hpp).
  target_compile_definitions(Asio::Asio INTERFACE
    $<$<PLATFORM_ID:Linux>:ASIO_HAS_STD_ALIGNED_ALLOC=1>)
  if(Asio_VERSION VERSION_LESS 1.26)
    # Before 1.26 Asio takes clang for a compiler without C++20 coroutines.
    target_compile_definitions(Asio::Asio INTERFACE
      $<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_CO_AWAIT=1>)
  endif()
endif()
