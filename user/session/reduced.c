// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs come from KVM's statistics, by process and file descriptor; what the BPF programs count, if there are
 * any, goes by process: it is a VM's where its process has one, and nobody's where it has several.
 */
#include "reduced.h"
#include "session_state.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/host/kvm_stats.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/tiers.h"
#include "tiers.skel.h"

enum {
	LINKS_MAX = 10,
	PARENTS_MAX = 32,
	GONE_MAX = 1024,	/* rows of VMs that ended, when as many as may be followed live */
	NO_FD = UINT32_MAX,	/* only the programs have seen it */
};

/* a VM, from when it was first seen */
struct reduced_vm {
	uint32_t pid;
	uint32_t fd;
	bool late;
	bool there;		/* at the last look */
	bool gone;
	bool known;		/* pages[] */
	bool readable;		/* at the last look */
	uint64_t gone_ns;
	uint64_t pages[LEVELS];
	char name[VM_NAME_LEN];
	char comm[COMM_LEN];
};

struct reduced {
	struct session_options options;
	struct tiers tiers;
	enum tier tier;
	struct tiers_bpf *skel;		/* NULL: tier stats */
	struct bpf_link *links[LINKS_MAX];
	size_t nlinks;
	struct kvm_stats *stats;	/* NULL: they cannot be had */
	struct reduced_vm *vms;		/* index - 1 */
	size_t nvms, size;
	uint64_t forgotten;		/* VMs that ended and have no row any more */
	uint64_t over;			/* at the last look: VMs that found no row */
	bool looked;
	uint64_t started_ns, stopped_ns;
	bool shape_said;
};

enum tier reduced_tier(const struct reduced *r)
{
	return r->tier;
}

struct bpf_object *reduced_object(struct reduced *r)
{
	return r->skel ? r->skel->obj : NULL;
}

int reduced_folder(const struct reduced *r)
{
	return r->stats ? kvm_stats_fd(r->stats) : -1;
}

/* ---- loading ---- */

static const struct {
	const char *program;
	const char *function;	/* NULL: its section says where */
	bool optional;		/* the other one of two */
} kprobes[] = {
	{ "tier_born", "kvm_arch_init_vm", false },
	{ "tier_dies", "kvm_destroy_vm", false },
	{ "tier_change", "__handle_changed_spte", true },
	{ "tier_change", "handle_changed_spte", true },
	{ "tier_lookup", "hva_to_pfn", false },
	{ "tier_window", "kvm_mmu_notifier_invalidate_range_start", false },
};

enum { KPROBES = sizeof(kprobes) / sizeof(kprobes[0]) };

static int load(struct reduced *r)
{
	struct tiers_bpf *skel = tiers_bpf__open();
	struct tier_counts none = { 0 };
	uint32_t nobody = 0;
	int err;

	if (!skel)
		return reason_explain("opening the BPF object", errno);
	r->skel = skel;
	skel->rodata->cfg_scope_pid = r->options.scope_pid;
	skel->rodata->cfg_scope_tree = r->options.scope_tree;
	skel->rodata->cfg_error_arg = r->tiers.faults_have_vcpu ? 2 : 1;
	for (int i = 0; i < KPROBES; i++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(skel->obj, kprobes[i].program),
					  r->tier == TIER_KPROBE);
	bpf_program__set_autoload(skel->progs.tier_fault, r->tiers.faults);
	bpf_program__set_autoload(skel->progs.tier_unmap, r->tier == TIER_TRACEPOINT && r->tiers.unmaps);
	err = tiers_bpf__load(skel);
	if (err)
		return reason_explain("loading the BPF programs", err);
	none.in_scope = 1;
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.processes), &nobody, &none, BPF_ANY))
		return reason_explain("filling the table of processes", errno);
	return EXIT_OK;
}

int reduced_open(struct reduced **out, const struct session_options *o, const struct tiers *t,
		 enum tier tier)
{
	struct reduced *r = calloc(1, sizeof(*r));

	*out = r;
	if (!r)
		return reason_explain("session", ENOMEM);
	r->options = *o;
	r->tiers = *t;
	r->tier = tier;
	r->stats = t->need[NEED_STATS].there ? kvm_stats_open() : NULL;
	r->size = o->max_vms + GONE_MAX;
	r->vms = calloc(r->size, sizeof(*r->vms));
	if (!r->vms)
		return reason_explain("session", ENOMEM);
	return tier == TIER_STATS ? EXIT_OK : load(r);
}

/* ---- attaching ---- */

static int keep(struct reduced *r, struct bpf_link *link, const char *where)
{
	if (!link)
		return reason_explain(where, errno);
	r->links[r->nlinks++] = link;
	return EXIT_OK;
}

static int attach_kprobes(struct reduced *r)
{
	int changes = 0, err = EXIT_OK;

	for (int i = 0; i < KPROBES && !err; i++) {
		struct bpf_program *p = bpf_object__find_program_by_name(r->skel->obj, kprobes[i].program);
		struct bpf_link *link = bpf_program__attach_kprobe(p, false, kprobes[i].function);

		if (!link && kprobes[i].optional)
			continue;
		changes += kprobes[i].optional;
		err = keep(r, link, kprobes[i].function);
	}
	if (!err && !changes)
		return reason_explain("handle_changed_spte", ENOENT);
	return err;
}

int reduced_attach(struct reduced *r)
{
	struct bpf_program *p;
	int err = r->tier == TIER_KPROBE ? attach_kprobes(r) : EXIT_OK;

	for (p = NULL; r->skel && !err && (p = bpf_object__next_program(r->skel->obj, p));)
		if (bpf_program__autoload(p) && !strncmp(bpf_program__section_name(p), "raw_tp", 6))
			err = keep(r, bpf_program__attach(p), bpf_program__section_name(p));
	if (err)
		return err;
	r->started_ns = session_clock_ns();
	reduced_tick(r);
	if (r->skel)
		r->skel->bss->enabled = 1;
	return EXIT_OK;
}

/* ---- which VMs there are ---- */

static uint32_t parent_of(uint32_t pid)
{
	char path[64], text[512], *after;
	uint32_t parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* behind the name, which may have anything in it */
	if (fgets(text, sizeof(text), f) && (after = strrchr(text, ')')))
		sscanf(after + 1, " %*c %u", &parent);
	fclose(f);
	return parent;
}

static bool in_scope(const struct reduced *r, uint32_t pid)
{
	if (!r->options.scope_pid)
		return true;
	for (int i = 0; pid > 1 && i < PARENTS_MAX; i++) {
		if (pid == r->options.scope_pid)
			return true;
		if (!r->options.scope_tree)
			return false;
		pid = parent_of(pid);
	}
	return false;
}

static struct reduced_vm *find(struct reduced *r, uint32_t pid, uint32_t fd)
{
	for (size_t i = 0; i < r->nvms; i++)
		if (r->vms[i].pid == pid && r->vms[i].fd == fd && !r->vms[i].gone)
			return &r->vms[i];
	return NULL;
}

/* A place for one more: the table grows, then that of the VM goes which ended first. */
static struct reduced_vm *place(struct reduced *r)
{
	struct reduced_vm *oldest = NULL;

	if (r->nvms < r->size)
		return &r->vms[r->nvms++];
	for (size_t i = 0; i < r->nvms; i++)
		if (r->vms[i].gone && (!oldest || r->vms[i].gone_ns < oldest->gone_ns))
			oldest = &r->vms[i];
	if (!oldest)
		return NULL;
	if (r->skel)
		bpf_map_delete_elem(bpf_map__fd(r->skel->maps.processes), &oldest->pid);
	r->forgotten++;
	return oldest;
}

static struct reduced_vm *add(struct reduced *r, uint32_t pid, uint32_t fd)
{
	struct reduced_vm *vm = place(r);

	if (!vm) {
		r->over++;
		return NULL;
	}
	*vm = (struct reduced_vm){ .pid = pid, .fd = fd, .late = !r->looked };
	vm_name_read(pid, vm->name);
	vm_comm_read(pid, vm->comm, sizeof(vm->comm));
	return vm;
}

/* Its process is to be known before it does anything. */
static void tell_programs(struct reduced *r, const struct reduced_vm *vm)
{
	struct tier_counts c = { .in_scope = 1 };

	memcpy(c.comm, vm->comm, sizeof(c.comm));
	if (r->skel)
		bpf_map_update_elem(bpf_map__fd(r->skel->maps.processes), &vm->pid, &c, BPF_NOEXIST);
}

/* A VM that the programs saw before its statistics were there. */
static struct reduced_vm *recognize(struct reduced *r, const struct vm_stats *s)
{
	for (size_t i = 0; i < r->nvms; i++) {
		if (r->vms[i].pid != s->pid || r->vms[i].fd != NO_FD)
			continue;
		r->vms[i].fd = s->fd;
		r->vms[i].gone = false;
		return &r->vms[i];
	}
	return NULL;
}

void reduced_tick(struct reduced *r)
{
	size_t n = 0;
	const struct vm_stats *list = r->stats ? kvm_stats_read(r->stats, &n) : NULL;

	r->over = 0;
	/* without statistics a VM ends with its process */
	for (size_t i = 0; i < r->nvms; i++)
		r->vms[i].there = !list && (!kill((pid_t)r->vms[i].pid, 0) || errno != ESRCH);
	for (size_t i = 0; i < n; i++) {
		struct reduced_vm *vm = find(r, list[i].pid, list[i].fd) ?: recognize(r, &list[i]);

		if (!vm && in_scope(r, list[i].pid))
			vm = add(r, list[i].pid, list[i].fd);
		if (!vm)
			continue;
		vm->there = true;
		tell_programs(r, vm);
		vm->readable = list[i].known;
		if (!list[i].known)
			continue;
		vm->known = true;
		memcpy(vm->pages, list[i].pages, sizeof(vm->pages));
	}
	for (size_t i = 0; i < r->nvms; i++) {
		struct reduced_vm *vm = &r->vms[i];

		if (vm->there || vm->gone)
			continue;
		vm->gone = true;
		vm->gone_ns = session_clock_ns();
	}
	r->looked = true;
}

void reduced_disable(struct reduced *r)
{
	if (r->skel)
		r->skel->bss->enabled = 0;
	r->stopped_ns = session_clock_ns();
}

/* ---- reading ---- */

static unsigned int unknown(const struct reduced *r)
{
	unsigned int set = tier_unknown(r->tier);

	if (!r->stats)
		set |= UNKNOWN(STOCK);
	if (!r->skel)
		return set;
	/* the shadow MMU's changes have no tracepoint that says them all */
	if (!r->tiers.tdp_mmu || r->skel->bss->tier_losses[TIER_LOSS_SHAPE])
		set |= UNKNOWN(FLOW);
	if (!r->tiers.faults)
		set |= UNKNOWN(FAULTS);
	if (r->tier == TIER_TRACEPOINT && !r->tiers.unmaps)
		set |= UNKNOWN(WINDOWS);
	return set;
}

static void take_counts(struct vm_counts *to, const struct tier_counts *c)
{
	for (int l = 0; l < LEVELS; l++) {
		to->installed[l] += c->installed[l];
		to->zapped[l] += c->zapped[l];
		to->torn_down[l] += c->torn_down[l];
		to->split[l] += c->split[l];
		to->collapsed[l] += c->collapsed[l];
	}
	to->fault_ends += c->faults;
	to->hva[HVA_CALLS] += c->lookups;
	for (int e = 0; e < NOTIFIER_EVENTS; e++)
		to->windows[e] += c->windows[e];
}

static int add_row(struct snapshot *out, const struct reduced_vm *vm, uint32_t index)
{
	struct vm_row *row = snapshot_add_vm(out);

	if (!row)
		return -ENOMEM;
	row->info.index = index;
	row->info.pid = vm->pid;
	row->info.flags = vm->late ? VM_LATE : 0;
	memcpy(row->info.comm, vm->comm, sizeof(row->info.comm));
	memcpy(row->name, vm->name, sizeof(row->name));
	row->gone = vm->gone;
	row->gone_ns = vm->gone_ns;
	row->by_stats = true;
	/* of one that is gone, what was seen last */
	row->walk_done = vm->known && (vm->gone || vm->readable);
	memcpy(row->walked, vm->pages, sizeof(row->walked));
	out->late_vms += vm->late;
	return 0;
}

/* The row of a process's only VM; NULL: it has several, or none. */
static struct vm_row *only_row(struct snapshot *out, uint32_t pid)
{
	struct vm_row *only = NULL;

	for (size_t i = 0; i < out->nvms; i++) {
		if (out->vms[i].info.pid != pid)
			continue;
		if (only)
			return NULL;
		only = &out->vms[i];
	}
	return only;
}

static bool has_row(const struct snapshot *out, uint32_t pid)
{
	for (size_t i = 0; i < out->nvms; i++)
		if (out->vms[i].info.pid == pid)
			return true;
	return false;
}

/* A VM that came and went between two looks, or one without statistics: only the programs have seen it. */
static void add_seen(struct reduced *r, struct snapshot *out, uint32_t pid, const struct tier_counts *c)
{
	struct reduced_vm *vm;

	if (has_row(out, pid))
		return;
	vm = add(r, pid, NO_FD);
	if (!vm)
		return;
	if (!*vm->comm)
		memcpy(vm->comm, c->comm, sizeof(vm->comm));
	vm->gone = r->stats;
	vm->gone_ns = session_clock_ns();
	add_row(out, vm, (uint32_t)(vm - r->vms) + 1);
}

static void read_programs(struct reduced *r, struct snapshot *out)
{
	int fd = bpf_map__fd(r->skel->maps.processes);
	uint32_t pid, *last = NULL, key;
	struct tier_counts c;

	while (!bpf_map_get_next_key(fd, last, &pid)) {
		struct vm_row *row;

		key = pid;
		last = &key;
		if (bpf_map_lookup_elem(fd, &pid, &c) || !c.in_scope)
			continue;
		if (pid)
			add_seen(r, out, pid, &c);
		row = only_row(out, pid);
		take_counts(row ? &row->counts : &out->host, &c);
	}
}

static uint64_t missed_runs(struct reduced *r)
{
	struct bpf_program *p;
	uint64_t n = 0;

	bpf_object__for_each_program(p, r->skel->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(p);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			n += info.recursion_misses;
	}
	return n;
}

int reduced_read(struct reduced *r, struct snapshot *out)
{
	int err = 0;

	if (!r->stopped_ns)
		reduced_tick(r);
	for (size_t i = 0; i < r->nvms && !err; i++)
		err = add_row(out, &r->vms[i], (uint32_t)i + 1);
	if (err)
		return err;
	out->reduced = true;
	out->unknown = unknown(r);
	out->vms_over = r->forgotten;
	out->losses[LOSS_VM_TABLE] = r->over;
	out->seconds_ns = (r->stopped_ns ? r->stopped_ns : session_clock_ns()) - r->started_ns;
	if (!r->skel)
		return 0;
	read_programs(r, out);
	out->missed_runs = missed_runs(r);
	out->losses[LOSS_VM_TABLE] += r->skel->bss->tier_losses[TIER_LOSS_TABLE];
	if (r->skel->bss->tier_losses[TIER_LOSS_SHAPE] && !r->shape_said) {
		log_error("the tracepoint kvm_tdp_mmu_spte_changed has arguments not known here: changes are not counted");
		r->shape_said = true;
	}
	return 0;
}

void reduced_close(struct reduced *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nlinks; i++)
		bpf_link__destroy(r->links[i]);
	tiers_bpf__destroy(r->skel);
	kvm_stats_close(r->stats);
	free(r->vms);
	free(r);
}
