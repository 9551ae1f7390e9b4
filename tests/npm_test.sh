#!/bin/sh
# What `npm test` runs: installs what is missing, then every test on both runtimes.
# Arguments go to tests/run.mjs: parts of file names, --runtime=bun|deno, --list.
set -u
cd "$(dirname "$0")/.." || exit 1

# node_modules as package-lock.json wants it; npm leaves its own lock file behind when it is done.
if [ ! -e node_modules/.package-lock.json ] || [ ! -x node_modules/.bin/bun ] ||
  [ ! -x node_modules/.bin/deno ] ||
  [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "installing what package-lock.json names"
  npm ci --no-audit --no-fund --loglevel=error || exit 1
  touch node_modules/.package-lock.json
fi

# Peers and tools that the integration tests compare with. CTR_TEST_APT=0 leaves the machine alone:
# tests that need something then skip and say so.
if [ "${CTR_TEST_APT:-1}" != 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null &&
  command -v dpkg-query >/dev/null; then
  sh tests/debian_packages.sh || echo "some packages could not be installed; their tests will skip"
fi

PATH="$PWD/node_modules/.bin:/usr/local/sbin:/usr/sbin:/sbin:$PATH"
export PATH
exec node tests/run.mjs "$@"
