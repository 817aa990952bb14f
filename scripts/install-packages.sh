#!/usr/bin/env bash
# Makes sure that commands are there: installs their Debian packages where it may, else names them and stops.
# usage: install-packages.sh COMMAND[:PACKAGE]...      (the package is named like the command unless told)
# INSTALL_PACKAGES=no names them only.
set -euo pipefail
missing=()
for need; do command -v "${need%%:*}" >/dev/null || missing+=("${need#*:}"); done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
if [ "${INSTALL_PACKAGES-}" = no ] || ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "Missing: ${missing[*]}. Install them, on Debian: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
# The package lists may be absent or old: fetched only when it does not work without.
install 2>/dev/null || { "${as_root[@]}" apt-get update -qq && install; }
