#!/bin/sh
# Installs Debian packages in an image, as they were on one day. With DEBIAN_SNAPSHOT (20260918T000000Z) they come from
# Debian's archive of that day, whose lists are signed but have expired; without it, from the image's own sources.
# usage: install-debian.sh PACKAGE...
set -eu
sources=/etc/apt/sources.list.d
if [ -n "${DEBIAN_SNAPSHOT:-}" ]; then
  . /etc/os-release
  mkdir /tmp/own-sources
  mv "$sources"/* /tmp/own-sources/
  source_of() {
    echo "deb [check-valid-until=no signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
      "http://snapshot.debian.org/archive/$1/$DEBIAN_SNAPSHOT $2 main"
  }
  {
    source_of debian "$VERSION_CODENAME"
    source_of debian "$VERSION_CODENAME-updates"
    source_of debian-security "$VERSION_CODENAME-security"
  } >"$sources/snapshot.list"
fi
apt-get -qq -o Acquire::Retries=5 update
DEBIAN_FRONTEND=noninteractive \
  apt-get -qq -o Acquire::Retries=5 install -y --no-install-recommends "$@" >/dev/null
rm -rf /var/lib/apt/lists/*
if [ -d /tmp/own-sources ]; then
  rm "$sources/snapshot.list"
  mv /tmp/own-sources/* "$sources/"
  rmdir /tmp/own-sources
fi
