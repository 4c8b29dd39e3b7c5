// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at the host: one function for each thing that a tier needs, and the sentence and the remedy when it
 * is missing.
 */
#include "tier.h"
#include "kernel.h"
#include "kvm_stats.h"
#include "user/base/log.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KVM_BTF "/sys/kernel/btf/kvm"

static void __attribute__((format(printf, 4, 5)))
missing(struct tiers *t, enum need n, const char *remedy, const char *why, ...)
{
	va_list ap;

	t->need[n].there = false;
	va_start(ap, why);
	vsnprintf(t->need[n].why, sizeof(t->need[n].why), why, ap);
	va_end(ap);
	snprintf(t->need[n].remedy, sizeof(t->need[n].remedy), "%s", remedy);
}

/*
 * stat(), as access() of a device asks the control group's device policy even with F_OK
 * (inode_permission(), fs/namei.c), and a systemd unit has one.
 */
static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* The first line of a file, "" without one. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool got;

	*line = '\0';
	if (!f)
		return false;
	got = fgets(line, (int)size, f);
	fclose(f);
	return got;
}

static long read_long(const char *path, long otherwise)
{
	char line[32];

	return read_line(path, line, sizeof(line)) ? strtol(line, NULL, 10) : otherwise;
}

/* Does this process have a capability in effect? */
static bool capable(unsigned int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return false;
	return data[cap / 32].effective & (1u << (cap % 32));
}

/* Is there something to read?  A file that is hidden under another one is empty, or no file. */
static bool has_content(const char *path)
{
	FILE *f = fopen(path, "re");
	bool has = f && fgetc(f) != EOF;

	if (f)
		fclose(f);
	return has;
}

static void look_at_kvm(struct tiers *t)
{
	if (!exists("/sys/module/kvm"))
		missing(t, NEED_KVM, "run `modprobe kvm_amd` or `modprobe kvm_intel` first", "KVM is not loaded");
	if (!exists("/dev/kvm"))
		missing(t, NEED_DEVICE, "load kvm_amd or kvm_intel, and see that virtualization is switched on in the firmware",
			"there is no /dev/kvm");
}

static void look_at_btf(struct tiers *t)
{
	if (!has_content("/sys/kernel/btf/vmlinux"))
		missing(t, NEED_BTF, "use one built with CONFIG_DEBUG_INFO_BTF=y",
			"this kernel has no BTF (/sys/kernel/btf/vmlinux)");
	/* KVM as a module has BTF of its own; built in, its functions are in vmlinux's */
	if (!exists("/sys/module/kvm/initstate"))
		return;
	if (!has_content(KVM_BTF))
		missing(t, NEED_KVM_BTF, "use one built with CONFIG_DEBUG_INFO_BTF_MODULES=y (Linux 5.11 or later)",
			"the kvm module of this kernel has no BTF (" KVM_BTF ")");
}

static void look_at_privilege(struct tiers *t)
{
	bool admin = capable(CAP_SYS_ADMIN);
	long paranoid = read_long("/proc/sys/kernel/perf_event_paranoid", 2);
	long restrict_ = read_long("/proc/sys/kernel/kptr_restrict", 0);
	unsigned int id;

	if (!admin && !capable(CAP_BPF))
		missing(t, NEED_CAP_BPF, "run as root",
			"no privilege to load tracing programs: %s missing",
			capable(CAP_PERFMON) ? "CAP_BPF is" : "CAP_BPF and CAP_PERFMON are");
	if (!admin && !capable(CAP_PERFMON))
		missing(t, NEED_CAP_PERFMON, "run as root", "no privilege to load tracing programs: CAP_PERFMON is missing");
	if (exists("/sys/module/kvm/initstate") && !admin && bpf_btf_get_next_id(0, &id) && errno == EPERM)
		missing(t, NEED_CAP_SYS_ADMIN, "run as root",
			"no privilege to ask for the BTF of the kvm module: CAP_SYS_ADMIN is missing");
	if (restrict_ > 1)
		missing(t, NEED_SYMBOLS, "sysctl kernel.kptr_restrict=1", "the kernel shows addresses to nobody (kernel.kptr_restrict is %ld)",
			restrict_);
	else if (!capable(CAP_SYSLOG) && (restrict_ || paranoid > 1))
		missing(t, NEED_SYMBOLS, "run as root", "no privilege to see kernel symbols: CAP_SYSLOG is missing");
}

/* Load a program of no use, of the kind that tracepoints have.  0 or negative errno. */
static int load(const struct bpf_insn *code, size_t n)
{
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, "GPL", code, n, NULL);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void look_at_bpf(struct tiers *t)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int err = t->need[NEED_CAP_BPF].there && t->need[NEED_CAP_PERFMON].there ? load(code, 2) : 0;

	if (err)
		missing(t, NEED_BPF, "a container's seccomp filter, an LSM or the kernel's configuration forbids it; run on the host itself",
			"loading a BPF program: %s, although CAP_BPF and CAP_PERFMON are there", strerror(-err));
}

/* Does a program load that reads kernel memory?  (libbpf's probe looks for words that 7.x says otherwise.) */
static bool reads_kernel(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return !load(code, sizeof(code) / sizeof(code[0]));
}

static void look_at_lockdown(struct tiers *t)
{
	static const char *const levels[] = { "none", "integrity", "confidentiality" };
	char line[128], word[32];
	bool locked = false;

	if (read_line("/sys/kernel/security/lockdown", line, sizeof(line))) {
		for (int i = 0; i < 3; i++) {
			snprintf(word, sizeof(word), "[%s]", levels[i]);
			if (strstr(line, word))
				snprintf(t->lockdown, sizeof(t->lockdown), "%s", levels[i]);
		}
		locked = !strcmp(t->lockdown, "confidentiality");
	} else if (t->need[NEED_CAP_BPF].there && t->need[NEED_CAP_PERFMON].there &&
		   t->need[NEED_BPF].there) {
		/* securityfs is not mounted: by trying */
		locked = !reads_kernel();
	}
	if (locked)
		missing(t, NEED_UNLOCKED, "boot with lockdown=integrity or none",
			"the kernel is locked down (confidentiality): BPF may not read kernel memory");
}

static void look_at_functions_hooked(struct tiers *t)
{
	if (read_long("/proc/sys/kernel/ftrace_enabled", 1) == 0)
		missing(t, NEED_FTRACE, "sysctl kernel.ftrace_enabled=1",
			"the kernel calls no hooks at the entries of functions (kernel.ftrace_enabled is 0)");
	if (!exists("/sys/bus/event_source/devices/kprobe/type"))
		missing(t, NEED_KPROBES, "use one built with CONFIG_KPROBE_EVENTS=y", "this kernel has no kprobes");
	else if (read_long("/sys/kernel/debug/kprobes/enabled", 1) == 0)
		missing(t, NEED_KPROBES, "echo 1 > /sys/kernel/debug/kprobes/enabled",
			"kprobes are switched off (/sys/kernel/debug/kprobes/enabled is 0)");
}

/* The folder of an event, in tracefs wherever that is.  False: tracefs cannot be read. */
static bool event_folder(const char *event, char *path, size_t size)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

	for (int i = 0; i < 2; i++) {
		snprintf(path, size, "%s/events/enable", roots[i]);
		if (!exists(path))
			continue;
		snprintf(path, size, "%s/events/%s", roots[i], event);
		return true;
	}
	return false;
}

/* Does the description of an event have this field? */
static bool event_has(const char *event, const char *field)
{
	char path[160], line[256];
	bool has = false;
	FILE *f;

	if (!event_folder(event, path, sizeof(path)))
		return false;
	strncat(path, "/format", sizeof(path) - strlen(path) - 1);
	f = fopen(path, "re");
	while (f && !has && fgets(line, sizeof(line), f))
		has = strstr(line, "field:") && strstr(line, field);
	if (f)
		fclose(f);
	return has;
}

static void look_at_tracepoints(struct tiers *t)
{
	static const char *const fields[] = { " gfn;", " old_spte;", " new_spte;", " level;", " as_id;" };
	const char *event = "kvmmmu/kvm_tdp_mmu_spte_changed";
	char path[160], yes[4];

	t->tdp_mmu = read_line("/sys/module/kvm/parameters/tdp_mmu", yes, sizeof(yes)) && *yes == 'Y';
	if (!event_folder(event, path, sizeof(path))) {
		missing(t, NEED_TRACEPOINTS, "mount -t tracefs tracefs /sys/kernel/tracing, and read it as root",
			"what tracepoints there are cannot be read (/sys/kernel/tracing)");
		return;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!event_has(event, fields[i]))
			missing(t, NEED_TRACEPOINTS, "use one of 5.12 or later", "KVM has no tracepoint %s", event);
	t->faults = event_has("kvm/kvm_page_fault", " error_code;");
	t->faults_have_vcpu = event_has("kvm/kvm_page_fault", " vcpu_id;");
	t->unmaps = event_has("kvm/kvm_unmap_hva_range", " start;");
}

static void look_at_stats(struct tiers *t)
{
	struct kvm_stats *k = kvm_stats_open();

	if (!k)
		missing(t, NEED_STATS, errno == EACCES ? "run as root" : "mount -t debugfs debugfs /sys/kernel/debug",
			"KVM's statistics cannot be read (" KVM_STATS_FOLDER "): %s", strerror(errno));
	else if (!kvm_stats_has_levels(k))
		missing(t, NEED_STATS, "use one of 5.14 or later", "KVM's statistics do not tell levels (" KVM_STATS_FOLDER "/pages_4k)");
	kvm_stats_close(k);
}

/* Names are there for everybody; the table is long, and read only if it matters. */
static void look_at_functions(struct tiers *t)
{
	static const char *const names[] = { "kvm_arch_init_vm", "kvm_destroy_vm", "hva_to_pfn",
					     "kvm_mmu_notifier_invalidate_range_start" };
	struct kernel k = { 0 };
	bool changes;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		kernel_want(&k, names[i]);
	kernel_want(&k, "handle_changed_spte");
	kernel_want(&k, "__handle_changed_spte");
	if (kernel_read_symbols(&k)) {
		missing(t, NEED_FUNCTIONS, "see that /proc is not restricted", "/proc/kallsyms cannot be read");
		return;
	}
	changes = kernel_saw_symbol(&k, "handle_changed_spte") || kernel_saw_symbol(&k, "__handle_changed_spte");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!kernel_saw_symbol(&k, names[i]))
			missing(t, NEED_FUNCTIONS, "none is known", "%s is not in this kernel", names[i]);
	if (!changes)
		missing(t, NEED_FUNCTIONS, "none is known", "handle_changed_spte is not in this kernel");
}

void tiers_look(struct tiers *t, bool all)
{
	*t = (struct tiers){ 0 };
	for (enum need n = 0; n < NEED_NR; n++)
		t->need[n].there = true;
	look_at_kvm(t);
	look_at_btf(t);
	look_at_privilege(t);
	look_at_bpf(t);
	look_at_lockdown(t);
	look_at_functions_hooked(t);
	if (!all && tier_misses(t, TIER_FENTRY) == NEED_NR)
		return;
	look_at_tracepoints(t);
	look_at_stats(t);
	look_at_functions(t);
}
