#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The lab's promises: streams, status, files, disks and options arrive; a crash,
# a hang, a lost VM and a dirty log are told apart; nothing is left behind.
# Prints 'ok NAME' or 'not ok NAME' a line.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/lab.sh
. "$top/tests/lib/lab.sh"

# No VM: what is wrong is said before anything boots.
vm
verdict usage-no-command status_is 120
vm -k 4.19 -- true
verdict usage-unknown-kernel status_is 120
vm --cpu cortex-a76 -- true
verdict usage-cpu-of-another-architecture status_is 120
vm -k arm64/6.12 --kvm "$dir" -- true
verdict usage-arm64-no-kvm-module status_is 120
vm -k arm64/6.12 --no-kvm -- true
verdict usage-arm64-kvm-built-in said 'kvm-arm.mode=none'
verdict usage-unknown-kernel-names-list said '6\.12'
vm --bogus -- true
verdict usage-unknown-option status_is 120
vm --disk ntfs:10M -- true
verdict usage-unknown-fs status_is 120
vm --mem lots -- true
verdict usage-size status_is 120
vm --push "$dir/none" -- true
verdict usage-push-missing status_is 120

# One VM for all that works together.
head -c 3000000 /dev/urandom > in.bin
cat > job <<'JOB'
#!/bin/sh
cat in.bin
cat in.bin >&2
{
	mount | awk '$3 == "/mnt/ext4" { print "disk", $5 }'
	awk 'NR == 2 { print "swap", ($3 > 65000) }' /proc/swaps
	echo "tdp_mmu $(cat /sys/module/kvm/parameters/tdp_mmu)"
	echo "npt $(cat /sys/module/kvm_amd/parameters/npt)"
	echo "cgroup $(grep -c memory /sys/fs/cgroup/cgroup.subtree_control)"
	echo "btf $(test -e /sys/kernel/btf/kvm && echo yes)"
} > facts
sleep 1000 &
exit 7
JOB
chmod +x job
vm -q --push in.bin --push job --pull facts --pull in.bin:back.bin --disk ext4:64M --swap 64M \
	--opt kvm.tdp_mmu=0 --opt kvm-amd.npt=0 -- job
cat > expected <<'END'
disk ext4
swap 1
tdp_mmu N
npt N
cgroup 1
btf yes
END
verdict status-of-command status_is 7
verdict stdout-binary cmp out in.bin
verdict stderr-binary cmp err in.bin
verdict push-pull cmp back.bin in.bin
verdict disk-swap-options diff expected facts

vm --no-retry -- sh -c 'echo before; echo c > /proc/sysrq-trigger'
verdict crash-status status_is 121
verdict crash-streamed-before grep -qx before out
console=$(sed -n 's/.*console is in //p' err)
verdict crash-console grep -q 'Kernel panic' "$console/console"

vm --no-retry --timeout 20 -- sh -c 'echo before; sleep 1000'
verdict hang-status status_is 122
verdict hang-streamed-before grep -qx before out

vm --append rdinit=/none -- true
verdict crash-early-status status_is 121
verdict crash-retried-once test "$(grep -c 'trying once more' err)" = 1

vm --no-retry -- poweroff -f
verdict no-result-status status_is 123

vm --icount -- sh -c 'nproc; echo "WARNING: CPU: 0 PID: 1 at here" > /dev/kmsg'
verdict icount-one-cpu grep -qx 1 out
verdict dirty-status status_is 124
verdict dirty-names-line said 'PID: 1 at here'

status=0
"$top/lab/module" 6.18 "$dir" out.ko 2> err || status=$?
verdict module-usage-no-makefile status_is 1
mkdir module
echo 'obj-m := x.o' > module/Makefile
status=0
"$top/lab/module" 6.18 module out.ko 2> err || status=$?
verdict module-no-headers-status status_is 4

# SIGINT in the middle: the VM goes with us.
mkfifo started
"$lab" -- sh -c 'echo up; sleep 1000' > started 2> err &
pid=$!
read -r line < started || line=
verdict interrupt-started test "$line" = up
kill -INT "$pid"
status=0
wait "$pid" || status=$?
verdict interrupt-status status_is 130
verdict interrupt-nothing-left test -z "$(find "$dir" -maxdepth 1 -name 'mmuscope-lab-[!k]*')"

exit $failed
