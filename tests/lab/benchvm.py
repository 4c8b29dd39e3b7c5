# SPDX-License-Identifier: GPL-2.0-only
"""One boot in which mmuscope, empty programs on its hooks, and other tools watch the same work, for scripts/bench.

All tools run in the root directory of lab/peers, which is in the page cache before: with an instruction clock, time
that passes while a disk is waited for is no instructions.
"""
import json
import os
import re
import statistics
import tempfile

from costvm import DISK, SWAP, Work, ext4_image, rounds, script
from labvm import TOP, Lab

WORKS = {
    "anon": Work(rounds("backing=anon-4k", "write dontneed"), 1024,
                 {"4K fault": (["write"], 1), "4K zap, DONTNEED": (["dontneed"], 1)}),
    # the host's memory is there before, so that the clearing of 2M does not drown what is looked for
    "huge": Work(rounds("backing=anon-thp", "vmm-fill write dontneed"), 8192,
                 {"2M fault": (["write"], 512), "2M zap, DONTNEED": (["dontneed"], 512)}),
    "file": Work(rounds("backing=file", "write msync"), 512,
                 {"ext4 fault": (["write"], 1), "ext4 msync": (["msync"], 1), "ext4 fault + msync": (["write", "msync"], 1)}),
    "memfd": Work(rounds("backing=memfd", "write punch"), 512,
                  {"memfd fault": (["write"], 1), "memfd hole punched": (["punch"], 1)}),
    "dirty": Work(rounds("backing=anon-4k write dirty-on write", "dirty-get write") + " dirty-off", 1024,
                  {"dirty log read": (["dirty-get"], 1), "dirty log write": (["write"], 1)}),
    "reclaim": Work(rounds("backing=anon-4k", "swap-high write swap-high-off"), 1024,
                    {"memory.high, swapped out and in": (["swap-high", "write"], 1)}),
    # a guest that only computes: what is added here is not a hook's
    "loop": Work("backing=anon-4k write" + " check" * 25, 4096, {"read, no fault": (["check"], 1)}),
}
IDLE_SECONDS = 10

ROOT = "/mnt/peers"
PREPARE = f"""
mount -o rbind /proc {ROOT}/proc
mount -o rbind /sys {ROOT}/sys
mount -o rbind /dev {ROOT}/dev
for dir in tmp run mnt root; do
	mount -t tmpfs $dir {ROOT}/$dir
done
mount -o bind /job {ROOT}/job
mkdir {ROOT}/mnt/ext4 /job/bin
mount -t ext4 /dev/zram0 {ROOT}/mnt/ext4
cp /lab/bin/* /bin/busybox /job/bin
mv /job/floor /job/bpf_count /job/bin
for name in sed grep sleep kill seq usleep; do
	ln -s busybox /job/bin/$name
done
cd {ROOT}/usr || exit
cat bin/bpftrace bin/perf bin/trace-cmd sbin/funclatency* bin/sh bin/cat bin/ls > /dev/null 2>&1
find lib/x86_64-linux-gnu lib64 -name '*.so*' -exec cat {{}} + > /dev/null
uname -r"""

# works NAME [HOOKS]: what a tool watches; around it what the tool has taken and holds
FUNCTIONS = """
snap() {
	for p in /proc/[0-9]*; do
		read -r comm < $p/comm || continue
		case $comm in
		bpftrace | perf | trace-cmd | funclatency* | floor | mmuscope) ;;
		*) continue ;;
		esac
		echo "$comm $(sed -n 's/^\\(VmRSS\\|RssAnon\\):[^0-9]*\\([0-9]*\\).*/\\2/p' $p/status | tr '\\n' ' ')" \\
			"$(cat $p/task/*/schedstat | cut -d ' ' -f 1 | tr '\\n' ' ')"
	done 2> /dev/null
}
# tool NAME CMD...: how long it takes after the work, and until nothing of it is attached
tool() {
	name=$1
	shift
	bpf_count > $name.before
	floor clock > $name.start
	"$@" > $name.stdout 2> $name.stderr
	echo $? > $name.status
	floor clock > $name.back
	for _ in $(seq 400); do
		[ "$(bpf_count)" != "$(cat $name.before)" ] || break
		usleep 50000
	done
	floor clock > $name.gone
	bpf_count > $name.after
}
# until NAME TEXT SIGNAL CMD...: CMD is ready when it says TEXT, and is ended by SIGNAL
until_ended() {
	name=$1 text=$2 signal=$3
	shift 3
	"$@" &
	pid=$!
	for _ in $(seq 3000); do
		! grep -q "$text" $name.stdout $name.stderr || break
		kill -0 $pid || return 1
		usleep 20000
	done
	sh works $name
	kill -$signal $pid
	# one that does not heed it is not waited for
	(sleep 20; kill -KILL $pid) 2> /dev/null &
	guard=$!
	wait $pid
	floor clock > $name.ended
	kill $guard
}
"""
AROUND = """. ./functions
floor clock > $1.ready
snap > $1.snap-ready
[ -z "$2" ] || floor list > $2
%s
snap > $1.snap-worked
mmuscope-load -q --pages 1024 --hold-until-signal --dir /mnt/ext4 anon-4k > $1.held &
load=$!
until grep -q holding $1.held; do
	usleep 20000
done
sleep 1
snap > $1.snap-idle
sleep %d
snap > $1.snap-idled
kill -USR1 $load
wait $load
floor clock > $1.done
"""

PAIR = "%s:hva_to_pfn { @s[tid] = nsecs; } %s:hva_to_pfn /@s[tid]/ { @h = hist(nsecs - @s[tid]); delete(@s[tid]); } "
NEAR = (PAIR % ("fentry:kvm", "fexit:kvm") +
        "tracepoint:kvmmmu:kvm_tdp_mmu_spte_changed { @lvl[args.level] = count(); } "
        "fentry:vmlinux:folio_clear_dirty_for_io { @clr = count(); } "
        "fentry:kvm:kvm_mmu_notifier_invalidate_range_start { @inv = count(); }")
TRACEPOINTS = "kvmmmu:kvm_tdp_mmu_spte_changed,kvm:kvm_page_fault,kvm:kvm_unmap_hva_range"
BPFTRACE = "bpftrace -e '%s' -c '/job/bin/busybox sh works NAME'"
# name: its command; nothing comes first, and what tells its hooks before the empty programs on them
TOOLS = {
    "none": "sh works NAME",
    "mmuscope levels": "mmuscope levels --json -- sh works NAME levels.hooks",
    "mmuscope check": "mmuscope check --json -- sh works NAME check.hooks",
    "mmuscope record": "mmuscope record --json -o /tmp/a.mms -- sh works NAME",
    "mmuscope serve --count-only": "until_ended NAME 'serving on' TERM mmuscope serve --count-only",
    "mmuscope serve": "until_ended NAME 'serving on' TERM mmuscope serve",
    "empty, levels' hooks": "floor run levels.hooks sh works NAME",
    "empty, check's hooks": "floor run check.hooks sh works NAME",
    "bpftrace, fentry": BPFTRACE % (PAIR % ("fentry:kvm", "fexit:kvm")),
    "bpftrace, kprobe": BPFTRACE % (PAIR % ("kprobe", "kretprobe")),
    "bpftrace, near our job": BPFTRACE % NEAR,
    "funclatency": "until_ended NAME Tracing INT stdbuf -oL funclatency-libbpf hva_to_pfn",
    "perf record": f"perf record -o /tmp/perf.data -a -e {TRACEPOINTS} -- sh works NAME",
    "trace-cmd record": "trace-cmd record -e kvm -e kvmmmu -o /tmp/trace.dat sh works NAME",
}
AFTER = {
    "mmuscope record": "ls -l /tmp/a.mms; rm -f /tmp/a.mms",
    "perf record": "ls -l /tmp/perf.data; rm -f /tmp/perf.data",
    "trace-cmd record": "ls -l /tmp/trace.dat; trace-cmd report --stat -i /tmp/trace.dat 2>&1 | grep -E "
                        "'CPU|overrun|dropped|entries'; rm -f /tmp/trace.dat*",
}


def file_of(tool):
    return re.sub("[^a-z-]", "-", tool)


class Figures:
    """What one tool's files say."""

    def __init__(self, files, tool):
        self.files = files
        self.tool = tool
        self.name = file_of(tool)

    def text(self, what):
        return self.files.get(f"{self.name}.{what}", "")

    def clock(self, what):
        return int(self.text(what) or 0)

    def snap(self, what):
        """(RSS, anonymous memory, CPU ns) of all its processes."""
        rows = [line.split() for line in self.text("snap-" + what).splitlines()]
        rows = [row for row in rows if len(row) > 3]
        return (sum(int(row[1]) for row in rows), sum(int(row[2]) for row in rows),
                sum(int(ns) for row in rows for ns in row[3:]))

    def works(self):
        found = {}
        for name, work in WORKS.items():
            for row, costs in work.figures(json.loads(self.files[f"{self.name}-{name}.json"])).items():
                found[row] = {"median": round(statistics.median(costs)), "min": round(min(costs)),
                              "max": round(max(costs))}
        return found

    def seen(self):
        """(calls of hva_to_pfn or events that it has told of, those it says it has lost); None: it does not say."""
        out, err = self.text("stdout"), self.text("stderr")
        if self.tool.startswith("mmuscope serve"):
            return None, None
        if self.tool.startswith("mmuscope"):
            report = json.loads(out)
            return sum(vm["hva_to_pfn"]["calls"] for vm in report["vms"]), sum(report["losses"].values())
        if self.tool.startswith("bpftrace"):
            histogram = re.findall(r"^[\[(].*?\s(\d+) \|", out, re.M)
            return sum(map(int, histogram)), sum(map(int, re.findall(r"[Ll]ost (\d+) events", out + err)))
        if self.tool == "funclatency":
            return sum(map(int, re.findall(r"-> \d+\s*: (\d+)", out))), 0
        if self.tool == "perf record":
            samples = re.search(r"\((\d+) samples\)", err)
            return int(samples[1]) if samples else None, sum(map(int, re.findall(r"lost (\d+)", err)))
        if self.tool == "trace-cmd record":
            return None, sum(map(int, re.findall(r"(?:overrun|dropped events): (\d+)", self.text("after-text"))))
        return None, None

    def all(self):
        rss, anon, cpu = self.snap("ready")
        worked, idled = self.snap("worked"), self.snap("idled")
        events, lost = self.seen()
        ended = self.clock("ended") or self.clock("back")
        return {"works": self.works(),
                "start": {"cpu_ns": cpu, "ns": self.clock("ready") - self.clock("start")},
                "rss_kib": max(rss, worked[0]), "anon_kib": max(anon, worked[1]),
                "idle_cpu_ns_a_second": (idled[2] - self.snap("idle")[2]) // IDLE_SECONDS,
                "prompt_ns": ended - self.clock("done"), "gone_ns": self.clock("gone") - self.clock("done"),
                "left": self.text("after") != self.text("before"), "status": int(self.text("status") or -1),
                "events": events, "lost": lost}


def lab_of(kernel, image, peers, tools):
    lab = Lab(kernel)
    lab.option("--icount", "--mem", "3G", "--push", image + ":ext4", "--image", f"{peers}:{ROOT}")
    lab.step("disk", DISK.replace("mount -t ext4", ": mount") + SWAP)
    lab.step("prepare", PREPARE)
    lab.step("scripts", "cat > functions <<'END'\n" + FUNCTIONS + "END\ncat > works <<'END'\n" +
             AROUND % (script(WORKS, "/mnt/ext4"), IDLE_SECONDS) + "END")
    for tool in tools:
        name = file_of(tool)
        command = TOOLS[tool].replace("NAME", name)
        after = f"({AFTER[tool]}) > {name}.after-text 2>&1" if tool in AFTER else ":"
        lab.step(name, f"""cat > {name}.sh <<'END'
cd /job/results
. ./functions
tool {name} {command}
{after}
END
export PATH=/job/bin:/usr/bin:/usr/sbin HOME=/root
chroot {ROOT} /job/bin/busybox sh /job/results/{name}.sh""")
    lab.step("files", "for f in *.*; do case $f in *.sh | *.out | *.err | *.rc) continue;; esac; echo \"=== $f\"; cat $f; echo; done")
    return lab


def files_of(text):
    files = {}
    for part in re.split(r"^=== ", text, flags=re.M)[1:]:
        name, _, content = part.partition("\n")
        files[name] = content[:-1]
    return files


def measure(kernel, peers, tools=TOOLS, timeout=5400):
    """{"kernel": release, "tools": {tool: figures}}, or None; what every step has said is in lab.results."""
    with tempfile.TemporaryDirectory() as folder:
        lab = lab_of(kernel, ext4_image(os.path.join(folder, "ext4")), peers, tools)
        booted = lab.boot(timeout)
    raw = os.path.join(TOP, "build/bench")
    os.makedirs(raw, exist_ok=True)
    for name, result in lab.results.items():
        with open(os.path.join(raw, f"{kernel}-{name}"), "w", encoding="utf-8") as f:
            f.write(f"{result.out}\n--- stderr, status {result.status}\n{result.err}")
    if not booted:
        return None
    return figures(lab["prepare"].out.strip(), lab["files"].out, tools)


def figures(release, text, tools=TOOLS):
    """What measure() gives, of the text that its last step has printed."""
    files = files_of(text)
    found = {}
    for tool in tools:
        try:
            found[tool] = Figures(files, tool).all()
        except (KeyError, ValueError, IndexError) as e:
            print(f"{tool}: {type(e).__name__} {e}; what it has said: {files.get(file_of(tool) + '.stderr', '')[-2000:]}")
            return None
    return {"kernel": release, "tools": found}
