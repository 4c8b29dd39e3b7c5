# SPDX-License-Identifier: GPL-2.0-only
"""What costs are measured with, by tests/lab/cost.matrix.py and scripts/bench: workloads of mmuscope-load, and the
compressed memory that their files and swap are on, since a virtual disk's answers take no instructions and any time.
"""
import os
import subprocess

ROUNDS = 4	# of which the first, which makes page tables and files, is not counted
DISK = """
for module in $(cat /modules/fs.list); do
	insmod /modules/$module.ko
done
echo 40M > /sys/block/zram0/disksize
dd if=/job/ext4 of=/dev/zram0 bs=1M 2> /dev/null
rm /job/ext4
mkdir -p /mnt/ext4
mount -t ext4 /dev/zram0 /mnt/ext4"""
SWAP = """
n=$(cat /sys/class/zram-control/hot_add) || exit
echo 64M > /sys/block/zram$n/disksize
mkswap /dev/zram$n > /dev/null
swapon /dev/zram$n"""


def ext4_image(path):
    """Blocks of a page, as zram wants them, and as they are on large disks."""
    tool = next(d for d in ("/sbin/mke2fs", "/usr/sbin/mke2fs") if os.path.exists(d))
    subprocess.run([tool, "-q", "-F", "-t", "ext4", "-b", "4096", "-J", "size=4", path, "40M"], check=True)
    return path


class Work:
    """A run of mmuscope-load. rows: what is counted, as {name: (steps of a round, pages of one each)}."""

    def __init__(self, steps, pages, rows):
        self.steps = steps
        self.pages = pages
        self.rows = rows

    def command(self, folder):
        return f"mmuscope-load --json --pages {self.pages} --dir {folder} --steps '{self.steps}'"

    def figures(self, report):
        """{row: instructions a page in each round}, of a report under an instruction clock."""
        found = {}
        for name, (steps, unit) in self.rows.items():
            rounds = zip(*([row["seconds"] for row in report["steps"] if row["step"] == step][1:]
                           for step in steps))
            found[name] = [sum(parts) * 1e9 * unit / self.pages for parts in rounds]
        return found


def rounds(begin, body, n=ROUNDS):
    return begin + (" " + body) * n


def script(works, folder):
    """A shell script: all works one after another, their reports in $1-WORK.json."""
    return "".join(f"{work.command(folder)} > $1-{name}.json || exit\n" for name, work in works.items())
