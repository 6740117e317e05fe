# FindAsio.cmake: an Asio as the target Asio::Asio.
#
# Which one, BROOD_ASIO says: standalone (the default) or boost. Neither
# Debian's libasio-dev nor every copy of Boost has a CMake package, so this
# looks for the headers: in BROOD_ASIO_INCLUDE (the folder that holds asio.hpp
# or boost/asio.hpp) and nowhere else if that is set; otherwise in Asio_ROOT or
# Boost_ROOT, CMAKE_PREFIX_PATH and the system's folders.
#
# Sets Asio_FOUND, Asio_VERSION (like 1.22.1; with Boost it is Boost's, like
# 1.81.0) and Asio_INCLUDE_DIR.

if(BROOD_ASIO STREQUAL "boost")
  set(_asio_header boost/asio.hpp)
  set(_asio_version_header boost/version.hpp)
  set(_asio_prefix BOOST)
  set(_asio_hint "Install Boost 1.81 or later (Debian: libboost1.81-dev)")
else()
  set(_asio_header asio.hpp)
  set(_asio_version_header asio/version.hpp)
  set(_asio_prefix ASIO)
  set(_asio_hint
    "Install standalone Asio 1.22.1 or later (Debian: libasio-dev)")
endif()
set(_asio_hint "${_asio_hint}, or set BROOD_ASIO_INCLUDE to the folder that \
holds ${_asio_header}.")

if(BROOD_ASIO_INCLUDE)
  set(Asio_INCLUDE_DIR "${BROOD_ASIO_INCLUDE}")
  if(NOT EXISTS "${Asio_INCLUDE_DIR}/${_asio_header}")
    set(_asio_hint "BROOD_ASIO_INCLUDE is ${BROOD_ASIO_INCLUDE}, which holds \
no ${_asio_header}. ${_asio_hint}")
  endif()
else()
  # A variable for each, so that a build folder can change from one to the
  # other.
  find_path(Asio_${_asio_prefix}_INCLUDE_DIR ${_asio_header}
    HINTS ${Boost_ROOT} ENV Boost_ROOT
    PATH_SUFFIXES include)
  mark_as_advanced(Asio_${_asio_prefix}_INCLUDE_DIR)
  set(Asio_INCLUDE_DIR "${Asio_${_asio_prefix}_INCLUDE_DIR}")
endif()

unset(Asio_VERSION)
if(EXISTS "${Asio_INCLUDE_DIR}/${_asio_header}")
  # "#define ASIO_VERSION 102201 // 1.22.1": major * 100000 + minor * 100 + sub
  file(STRINGS "${Asio_INCLUDE_DIR}/${_asio_version_header}" _asio_number
    REGEX "^#define ${_asio_prefix}_VERSION [0-9]+")
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
  REASON_FAILURE_MESSAGE "${_asio_hint}"
)

if(Asio_FOUND AND NOT TARGET Asio::Asio)
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)

  # Imported, so its headers are system headers: no warnings from inside Asio.
  add_library(Asio::Asio INTERFACE IMPORTED)
  target_include_directories(Asio::Asio INTERFACE "${Asio_INCLUDE_DIR}")
  target_link_libraries(Asio::Asio INTERFACE Threads::Threads)
  # Otherwise a file that includes Asio first of all would differ from all
  # others in how it allocates (see brood/asio.hpp).
  if(BROOD_ASIO STREQUAL "boost")
    target_compile_definitions(Asio::Asio INTERFACE
      $<$<PLATFORM_ID:Linux>:BOOST_ASIO_HAS_STD_ALIGNED_ALLOC=1>)
  else()
    target_compile_definitions(Asio::Asio INTERFACE
      ASIO_STANDALONE
      $<$<PLATFORM_ID:Linux>:ASIO_HAS_STD_ALIGNED_ALLOC=1>)
    if(Asio_VERSION VERSION_LESS 1.26)
      # Before 1.26 Asio takes clang for a compiler without C++20 coroutines.
      target_compile_definitions(Asio::Asio INTERFACE
        $<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_CO_AWAIT=1>)
    endif()
  endif()
endif()
