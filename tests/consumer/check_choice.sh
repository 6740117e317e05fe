#!/usr/bin/env bash
# check_choice.sh: sees that a wrong choice of Asio is refused when brood is
# configured, and that the message says what to do.
#
# usage: check_choice.sh SOURCE_DIR WORK_DIR COMPILER
set -euo pipefail

source_dir=$1
work_dir=$2
compiler=$3

rm -rf "$work_dir"
mkdir -p "$work_dir/empty" "$work_dir/old/asio" "$work_dir/old/boost"
echo '#define ASIO_VERSION 101802 // 1.18.2' >"$work_dir/old/asio/version.hpp"
echo '#define BOOST_VERSION 107400' >"$work_dir/old/boost/version.hpp"
touch "$work_dir/old/asio.hpp" "$work_dir/old/boost/asio.hpp"

# refused TEXT OPTION... - each TEXT is words of the message, in any layout.
refused()
{
    local text=$1 said
    shift
    if said=$(cmake -G Ninja -S "$source_dir" -B "$work_dir/build" \
        -DCMAKE_CXX_COMPILER="$compiler" -DBROOD_BUILD_TESTS=OFF \
        -DBROOD_BUILD_EXAMPLES=OFF "$@" 2>&1); then
        echo "not refused: $*"
        exit 1
    fi
    rm -rf "$work_dir/build"
    if [[ $(tr -s ' \n' ' ' <<<"$said") != *"$text"* ]]; then
        echo "$said"
        echo "does not say '$text': $*"
        exit 1
    fi
}

refused "BROOD_ASIO is 'bost'; it can be standalone or boost" -DBROOD_ASIO=bost
refused "empty, which holds no asio.hpp. Install standalone Asio 1.22.1 or \
later (Debian: libasio-dev)" -DBROOD_ASIO_INCLUDE="$work_dir/empty"
refused "empty, which holds no boost/asio.hpp. Install Boost 1.81 or later \
(Debian: libboost1.81-dev)" \
    -DBROOD_ASIO=boost -DBROOD_ASIO_INCLUDE="$work_dir/empty"
refused 'unsuitable version "1.18.2", but required is at least "1.22.1"' \
    -DBROOD_ASIO_INCLUDE="$work_dir/old"
refused 'unsuitable version "1.74.0", but required is at least "1.81"' \
    -DBROOD_ASIO=boost -DBROOD_ASIO_INCLUDE="$work_dir/old"
# None in any of the system's folders.
refused "Install Boost 1.81 or later (Debian: libboost1.81-dev), or set \
BROOD_ASIO_INCLUDE to the folder that holds boost/asio.hpp" \
    -DBROOD_ASIO=boost -DCMAKE_FIND_ROOT_PATH="$work_dir/empty" \
    -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY
