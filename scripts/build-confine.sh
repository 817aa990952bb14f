#!/usr/bin/env bash
# Compiles the program that starts the engine without a network: src/engine/confine.cpp says how, this takes a second.
# usage: build-confine.sh OUTPUT
set -euo pipefail
source=$(dirname "${BASH_SOURCE[0]}")/../src/engine/confine.cpp
mkdir -p "$(dirname "$1")"
c++ -std=c++17 -O2 -Wall -Wextra -Werror -Wl,--as-needed -o "$1" "$source"
strip "$1"
