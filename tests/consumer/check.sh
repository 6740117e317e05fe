#!/usr/bin/env bash
# check.sh: builds and runs the foreign project beside this file in each way
# that brood can be used: installed and found by CMake, installed and found by
# pkg-config, and as a sub-folder; with a static and with a shared libbrood.
#
# usage: check.sh SOURCE_DIR WORK_DIR COMPILER ASIO_INCLUDE TESTING
#
# TESTING: ON where brood::testing can be built; then it is used as well.
#
# No precompiled headers here, so it also shows that every source file of the
# library includes what it uses.
set -euo pipefail

source_dir=$1
work_dir=$2
compiler=$3
asio_include=$4
testing=$5
consumer_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The environment, because the foreign project has no reason to set it.
if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi

log=$work_dir/log
mkdir -p "$work_dir"

# Runs a command, and shows what it printed only if it fails.
quietly()
{
    "$@" >"$log" 2>&1 || {
        cat "$log"
        echo "failed: $*"
        exit 1
    }
}

# configure_and_build SOURCE BUILD [OPTION...]
configure_and_build()
{
    # Neither optimised nor with debug information: nothing here has to run
    # fast, it has to build fast. Position-independent, so that ccache finds
    # for the one kind of library what it compiled for the other.
    quietly cmake -G Ninja -S "$1" -B "$2" \
        -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE= \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
        -DBROOD_PCH=OFF -DBROOD_ASIO_INCLUDE="$asio_include" \
        -DCONSUMER_TESTING="$testing" "${@:3}"
    quietly cmake --build "$2"
}

# run_consumer BUILD
run_consumer()
{
    quietly "$1/consumer"
    if [[ $testing == ON ]]; then
        quietly "$1/consumer_test"
    fi
}

check()
{
    local linkage=$1 shared=$2
    local prefix=$work_dir/$linkage/prefix build=$work_dir/$linkage

    echo "$linkage: install"
    configure_and_build "$source_dir" "$build/brood" \
        -DBUILD_SHARED_LIBS="$shared" \
        -DBROOD_BUILD_TESTS=OFF -DBROOD_BUILD_EXAMPLES=OFF
    rm -rf "$prefix"
    quietly cmake --install "$build/brood" --prefix "$prefix"

    echo "$linkage: find_package"
    configure_and_build "$consumer_dir" "$build/find_package" \
        -DCMAKE_PREFIX_PATH="$prefix"
    run_consumer "$build/find_package"

    echo "$linkage: pkg-config"
    local pc flags libdir
    pc=$(find "$prefix" -name brood.pc)
    # eval: pkg-config quotes what it prints for a shell.
    eval "flags=($(PKG_CONFIG_PATH=${pc%/*} pkg-config --cflags --libs brood))"
    libdir=$(dirname "${pc%/*}")
    quietly "$compiler" -std=c++20 "$consumer_dir/main.cpp" "${flags[@]}" \
        -o "$build/pkg-config"
    quietly env LD_LIBRARY_PATH="$libdir" "$build/pkg-config"

    echo "$linkage: add_subdirectory"
    configure_and_build "$consumer_dir" "$build/add_subdirectory" \
        -DBROOD_SOURCE_DIR="$source_dir" -DBUILD_SHARED_LIBS="$shared"
    run_consumer "$build/add_subdirectory"
}

check static OFF
check shared ON
