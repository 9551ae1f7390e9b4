#!/bin/sh
# Installs the Debian packages that the integration tests use, those that are missing only, and
# starts none of their services. Needs root and apt.
set -u

wanted="
  binutils-aarch64-linux-gnu binutils-x86-64-linux-gnu qemu-user-static
  runc crun podman docker.io containerd skopeo umoci docker-registry
  busybox-static debootstrap nftables iproute2 tmux strace zstd uidmap erofs-utils libcap2-bin
  attr acl procps e2fsprogs btrfs-progs xfsprogs systemd dbus-daemon
"
case "$(dpkg --print-architecture)" in
  amd64) wanted="$wanted binutils qemu-system-x86 cpio" ;;
  arm64) wanted="$wanted binutils" ;;
esac

missing=""
for package in $wanted; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=""
  [ "$status" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
echo "installing Debian packages:$missing"

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made_policy=""
cleanup() {
  [ -n "$made_policy" ] && rm -f "$policy"
  rm -f "$log"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
# The services of these packages must not start: the tests start their own, where they can stop them.
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made_policy=1
fi
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND

install() {
  apt-get -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@" >"$log" 2>&1 </dev/null
}
apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update >"$log" 2>&1 || tail -5 "$log"
failed=0
# shellcheck disable=SC2086
if ! install $missing; then
  # One package that this release does not have must not cost the others.
  for package in $missing; do
    install "$package" || {
      failed=1
      echo "cannot install $package: $(tail -1 "$log")"
    }
  done
fi
# Nor may they start with the next boot.
if command -v systemctl >/dev/null; then
  for unit in docker docker.socket containerd docker-registry podman podman.socket; do
    case "$missing " in
      *" ${unit%%.*}"*) systemctl disable "$unit" >/dev/null 2>&1 || true ;;
    esac
  done
fi
exit $failed
