#!/bin/sh
# Boots Debian's kernel in a virtual machine that has cgroup version 2 only, and runs a command in it:
#
#     tests/vm/boot.sh COMMAND [ARG...]
#
# The machine has a copy of this repository at /repo, Bun and Deno, and a static busybox; it has
# no network and no disk. Its output is the command's, its exit status too. Needs qemu-system, and
# once the network, for the kernel's package, which is kept in ${XDG_CACHE_HOME:-~/.cache}/ctr-vm.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ctr-vm
work=$(mktemp -d "${TMPDIR:-/tmp}/ctr-vm-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

# kernel: sets $kernel to the directory of Debian's kernel, fetched when it is not there yet.
kernel() {
  name=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
  kernel=$cache/$name
  [ -d "$kernel" ] && return
  mkdir -p "$cache"
  (cd "$work" && apt-get -qq download "$name" 2>"$work/apt.log") || {
    cat "$work/apt.log" >&2
    exit 1
  }
  dpkg-deb -x "$work/$name"_*.deb "$work/kernel"
  mv "$work/kernel" "$kernel"
}

# library FILE: copies the shared libraries that a program needs.
libraries() {
  ldd "$1" | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }' | while read -r library; do
    mkdir -p "$tree$(dirname "$library")"
    cp -L "$library" "$tree$library"
  done
}

kernel
tree=$work/tree
mkdir -p "$tree/bin" "$tree/repo" "$tree/modules" "$tree/etc" "$tree/root" "$tree/usr/bin"
cp /bin/busybox "$tree/bin/busybox"
for runtime in bun deno; do
  program=$(readlink -f "$root/node_modules/.bin/$runtime")
  cp "$program" "$tree/usr/bin/$runtime"
  libraries "$program"
done
for library in libnss_files.so.2 libgcc_s.so.1; do
  found=$(ldconfig -p | sed -n "s/.*$library .* => //p" | head -1)
  [ -z "$found" ] || cp -L "$found" "$tree$(dirname "$found")/"
done
# A systemd that tests can start, and what they ask it with.
for program in /lib/systemd/systemd systemctl busctl dbus-daemon unshare setpriv systemd-run; do
  program=$(command -v "$program") || continue
  mkdir -p "$tree$(dirname "$program")"
  cp -L "$program" "$tree$program"
  libraries "$program"
done
(cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$tree/repo")
cp -r "$root/node_modules/@types" "$root/node_modules/undici-types" "$tree/repo/" 2>/dev/null || true
echo root:x:0:0:root:/root:/bin/sh >"$tree/etc/passwd"
echo nobody:x:65534:65534:nobody:/:/bin/sh >>"$tree/etc/passwd"
echo root:x:0: >"$tree/etc/group"
find "$kernel" -name overlay.ko -exec cp {} "$tree/modules/" \;

# quote ARG...: the arguments as one line of shell.
quote() {
  for argument; do
    printf "'%s' " "$(printf %s "$argument" | sed "s/'/'\\\\''/g")"
  done
}

cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin HOME=/root
if [ ! -e /.switched ]; then
  # The kernel's first root cannot be pivoted away from.
  mkdir /new
  mount -t tmpfs -o size=90% tmpfs /new
  mkdir /new/bin
  cp /bin/busybox /new/bin/
  for entry in command etc lib lib64 modules repo root usr; do
    [ ! -e "/$entry" ] || mv "/$entry" /new/
  done
  cp /init /new/
  /new/bin/busybox touch /new/.switched
  exec /new/bin/busybox switch_root /new /init
fi
mkdir -p /proc /sys /dev /tmp /run /var/lib
chmod 1777 /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
ip link set lo up
for module in /modules/*.ko; do insmod "$module"; done
cd /repo
sh /command
echo "exit status $?"
poweroff -f
INIT
chmod 755 "$tree/init"
quote "$@" >"$tree/command"

(cd "$tree" && find . | cpio --quiet -o -H newc) >"$work/initrd"
accelerate="-cpu max"
[ -z "${VM_KVM-}" ] || accelerate="-enable-kvm -cpu host"
# shellcheck disable=SC2086
timeout "${VM_TIMEOUT:-600}" qemu-system-x86_64 $accelerate -m 3072 -smp 2 -nographic -no-reboot \
  -kernel "$kernel"/boot/vmlinuz-* -initrd "$work/initrd" -nic none \
  -append "console=ttyS0 quiet panic=-1 cgroup_no_v1=all random.trust_cpu=on" </dev/null |
  tr -d '\r' | tee "$work/output" | sed '/^exit status [0-9]*$/d'
status=$(sed -n 's/^exit status \([0-9]*\)$/\1/p' "$work/output" | tail -1)
exit "${status:-125}"
