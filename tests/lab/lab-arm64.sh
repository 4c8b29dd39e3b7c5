#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The lab's promises with arm64 kernels, where something of its own keeps them: the
# drives, QEMU's models, options of a KVM that is no module, the panic of a hung VM.
# Prints 'ok NAME' or 'not ok NAME' a line.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/lab.sh
. "$top/tests/lib/lab.sh"

# One VM for all that works together.
head -c 300000 /dev/urandom > in.bin
cat > job <<'JOB'
#!/bin/sh
cat in.bin
cat in.bin >&2
{
	uname -m
	mount | awk '$3 == "/mnt/ext4" { print "disk", $5 }'
	awk 'NR == 2 { print "swap", ($3 > 65000) }' /proc/swaps
	echo "halt_poll_ns $(cat /sys/module/kvm/parameters/halt_poll_ns)"
	echo "cgroup $(grep -c memory /sys/fs/cgroup/cgroup.subtree_control)"
	ls /dev/kvm
	mmuscope-load anon-4k --pages 17 > /dev/null && echo "guest ran"
} > facts
sleep 1000 &
exit 7
JOB
chmod +x job
vm -k arm64/6.12 -q --push in.bin --push job --pull facts --pull in.bin:back.bin --disk ext4:64M --swap 64M \
	--opt kvm.halt_poll_ns=4321 -- job
cat > expected <<'END'
aarch64
disk ext4
swap 1
halt_poll_ns 4321
cgroup 1
/dev/kvm
guest ran
END
verdict status-of-command status_is 7
verdict stdout-binary cmp out in.bin
verdict stderr-binary cmp err in.bin
verdict push-pull cmp back.bin in.bin
verdict disk-swap-options diff expected facts

# QEMU's models: without VHE; with 52-bit addresses; and KVM's protected mode
said_by_kernel() {
	dmesg='dmesg | sed -n "s/^\\[[^]]*\\] kvm \\[1\\]: //p"'
	vm "$@" -- sh -c "$dmesg"
}
said_by_kernel -k arm64/7 --cpu cortex-a57
verdict cpu-without-vhe grep -q 'Hyp nVHE mode initialized' out
said_by_kernel -k arm64/7 --cpu max
verdict cpu-max grep -q 'VHE mode initialized' out
said_by_kernel -k arm64/7 --append kvm-arm.mode=protected
verdict pkvm grep -q 'Protected .*mode initialized' out

vm -k arm64/6.12 --no-retry -- sh -c 'echo before; echo c > /proc/sysrq-trigger'
verdict crash-status status_is 121
verdict crash-streamed-before grep -qx before out
console=$(sed -n 's/.*console is in //p' err)
verdict crash-console grep -q 'Kernel panic' "$console/console"

vm -k arm64/6.12 --no-retry --timeout 60 -- sh -c 'echo before; sleep 1000'
verdict hang-status status_is 122
verdict hang-streamed-before grep -qx before out
console=$(sed -n 's/.*console is in //p' err)
verdict hang-console-has-stacks grep -q 'sysrq triggered crash' "$console/console"

vm -k arm64/6.12 --no-retry -- poweroff -f
verdict no-result-status status_is 123

vm -k arm64/6.12 --icount -- sh -c 'nproc; echo "Unable to handle kernel paging request" > /dev/kmsg'
verdict icount-one-cpu grep -qx 1 out
verdict dirty-status status_is 124

exit $failed
