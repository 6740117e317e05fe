# install.cmake: the library, its headers, a CMake package and a .pc file.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/brood)

if(BROOD_BUILD_TESTS)
  install(CODE [[message(WARNING
    "This libbrood was built for the tests: it can be told to fail. For one "
    "to keep, configure with -DBROOD_BUILD_TESTS=OFF.")]])
endif()

install(TARGETS brood EXPORT broodTargets FILE_SET HEADERS)
if(TARGET brood_testing)
  install(TARGETS brood_testing EXPORT broodTargets FILE_SET HEADERS)
endif()
install(EXPORT broodTargets NAMESPACE brood:: DESTINATION ${package_dir})

string(REGEX MATCH "^[0-9]+\\.[0-9]+" Asio_VERSION_MINOR ${Asio_VERSION})
if(BROOD_ASIO STREQUAL "boost")
  set(asio_name Boost)
else()
  set(asio_name Asio)
endif()
configure_package_config_file(
  cmake/broodConfig.cmake.in
  ${PROJECT_BINARY_DIR}/broodConfig.cmake
  INSTALL_DESTINATION ${package_dir}
)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/broodConfigVersion.cmake
  COMPATIBILITY SameMinorVersion
)
install(
  FILES
    ${PROJECT_BINARY_DIR}/broodConfig.cmake
    ${PROJECT_BINARY_DIR}/broodConfigVersion.cmake
    cmake/FindAsio.cmake
  DESTINATION ${package_dir}
)

# brood.pc names no absolute path of ours, so the installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  OUTPUT_VARIABLE pc_to_prefix)
if(BROOD_ASIO STREQUAL "boost")
  set(pc_asio_flags
    "-DBROOD_ASIO_BOOST -DBOOST_ASIO_HAS_STD_ALIGNED_ALLOC=1")
else()
  set(pc_asio_flags "-DASIO_STANDALONE -DASIO_HAS_STD_ALIGNED_ALLOC=1")
  if(Asio_VERSION VERSION_LESS 1.26)
    # For clang; g++ sets it itself, to the same value.
    string(APPEND pc_asio_flags " -DASIO_HAS_CO_AWAIT=1")
  endif()
endif()
if(NOT Asio_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
  string(APPEND pc_asio_flags " -I\"${Asio_INCLUDE_DIR}\"")
endif()
configure_file(cmake/brood.pc.in ${PROJECT_BINARY_DIR}/brood.pc @ONLY)
install(
  FILES ${PROJECT_BINARY_DIR}/brood.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
)

if(BROOD_BUILD_PROGRAM)
  set(texts ${PROJECT_BINARY_DIR}/cli)
  if(BUILD_SHARED_LIBS AND NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    # The installed tree can be moved.
    set_target_properties(brood_program PROPERTIES
      INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  endif()
  install(TARGETS brood_program)
  install(FILES ${texts}/brood.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${texts}/brood.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME brood)
  install(FILES ${texts}/_brood
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${texts}/brood.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
