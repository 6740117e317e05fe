#!/usr/bin/env bash
# check.sh: builds and runs the foreign project beside this file in each way
# that brood can be used: installed and found by CMake, installed and found by
# pkg-config, and as a sub-folder; with a static and with a shared libbrood.
#
# usage: check.sh SOURCE_DIR WORK_DIR COMPILER ASIO ASIO_INCLUDE TESTING
#
# ASIO, ASIO_INCLUDE: BROOD_ASIO and BROOD_ASIO_INCLUDE of this build.
# TESTING: ON where brood::testing can be built; then it is used as well.
#
# No precompiled headers here, so it also shows that every source file of the
# library includes what it uses.
set -euo pipefail

source_dir=$1
work_dir=$2
compiler=$3
asio=$4
asio_include=$5
testing=$6
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
        -DBROOD_PCH=OFF -DBROOD_BUILD_PROGRAM=OFF \
        -DBROOD_ASIO_INCLUDE="$asio_include" \
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
        -DBROOD_ASIO="$asio" \
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
        -DBROOD_SOURCE_DIR="$source_dir" -DBUILD_SHARED_LIBS="$shared" \
        -DBROOD_ASIO="$asio"
    run_consumer "$build/add_subdirectory"
}

# fails_with TEXT COMMAND... - it must fail, and say TEXT.
fails_with()
{
    if "${@:2}" >"$log" 2>&1 || ! tr -s ' \n' ' ' <"$log" | grep -q "$1"; then
        cat "$log"
        echo "does not fail with '$1': ${*:2}"
        exit 1
    fi
}

# A program and a libbrood with different Asios do not fit together: neither
# the package nor the linker may let that pass.
check_mix()
{
    local prefix=$1 other=boost pc flags
    [[ $asio == standalone ]] || other=standalone

    echo "another Asio: find_package"
    fails_with "BROOD_ASIO=$asio, but BROOD_ASIO is $other" \
        cmake -G Ninja -S "$consumer_dir" -B "$work_dir/mix" \
        -DCMAKE_CXX_COMPILER="$compiler" \
        -DCMAKE_PREFIX_PATH="$prefix" -DBROOD_ASIO="$other"

    echo "another Asio: linking"
    pc=$(find "$prefix" -name brood.pc)
    eval "flags=($(PKG_CONFIG_PATH=${pc%/*} pkg-config --cflags --libs brood))"
    if [[ $other == boost ]]; then
        flags=(-DBROOD_ASIO_BOOST "${flags[@]}")
    else
        flags=("${flags[@]}" -UBROOD_ASIO_BOOST -DASIO_STANDALONE)
    fi
    if "$compiler" -std=c++20 "${flags[@]}" -fsyntax-only -x c++ - \
        <<<'#include <brood/asio.hpp>' 2>"$log"; then
        fails_with "libbrood_is_built_with<.*$other.*>::mark" \
            "$compiler" -std=c++20 "$consumer_dir/main.cpp" "${flags[@]}" \
            -o "$work_dir/mix/mixed"
    else
        echo "left out: the other Asio is not here"
    fi
}

check static OFF
check_mix "$work_dir/static/prefix"
check shared ON
check_mix "$work_dir/shared/prefix"
