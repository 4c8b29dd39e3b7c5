// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading, attaching, reading out and closing the BPF object.  Nothing else in user space knows of
 * libbpf objects or maps.
 */
#include "session.h"
#include "hooked.h"
#include "log.h"
#include "reason.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mmuscope.skel.h"
#include "bpf/block.h"
#include "bpf/spare.h"

enum {
	GONE_ROWS_MAX = 4096,	/* destroyed VMs of which a row is kept */
	SIDE_TABLE = 65536,
	ROOTS_MAX = 8,
	PAGES_PER_BLOCK = 1 << BLOCK_SHIFT,
	SUSPECT_ROUNDS = 10,
	SUSPECT_PAUSE_US = 20000,
	AUDIT_ROUNDS = 5,
	ENTRIES = 1 + SPARES,
};

/* guest physical addresses have at most 52 bits */
#define GFN_END (1ULL << 40)

struct session {
	struct session_options options;
	struct kernel kernel;
	struct mmuscope_bpf *skel;
	struct hook_state hooks[HOOK_NR];
	/* attached in the place of a hook's program where the kernel is preemptible */
	struct bpf_program *entries[HOOK_NR][ENTRIES];
	struct bpf_link *links[HOOK_NR][ENTRIES];
	struct ring_buffer *ring;
	struct snapshot gone;		/* rows of destroyed VMs */
	struct snapshot now;
	uint64_t started_ns;
	uint64_t stopped_ns;
	violation_fn on_violation;
	void *arg;
	uint64_t settled_refs;		/* suspects that were explained, or found guilty */
	uint64_t leaked_refs;
	uint64_t unsettled_refs;
	uint64_t audit_sptes;
	uint64_t audit_differ;		/* block map entries that no VM explains */
	bool audited;
	bool ring_error;
	bool frozen;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

const struct kernel *session_kernel(const struct session *s)
{
	return &s->kernel;
}

const struct hook_state *session_hook(const struct session *s, enum hook hook)
{
	return &s->hooks[hook];
}

const char *session_tier(const struct session *s)
{
	for (int h = 0; h < HOOK_NR; h++)
		if (s->hooks[h].attached && s->hooks[h].shape->how == KPROBE)
			return "fentry, one kprobe";
	return "fentry";
}

int session_fd(const struct session *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

uint64_t session_started_ns(const struct session *s)
{
	return s->started_ns;
}

/* Where the spare of a hook's program counts the runs that it made good; -1: it has none. */
static int hook_guard(enum hook hook)
{
	switch (hook) {
	case HOOK_HVA_TO_PFN:
		return GUARD_HVA_TO_PFN;
	case HOOK_FAULT_TDP:
		return GUARD_FAULT_TDP;
	case HOOK_FAULT_PAGING32:
		return GUARD_FAULT_PAGING32;
	case HOOK_FAULT_NONPAGING:
		return GUARD_FAULT_NONPAGING;
	case HOOK_FAULT_PAGING64:
		return GUARD_FAULT_PAGING64;
	case HOOK_WINDOW_START:
		return GUARD_WINDOW_START;
	case HOOK_WINDOW_STARTED:
		return GUARD_WINDOW_STARTED;
	case HOOK_WINDOW_END:
		return GUARD_WINDOW_END;
	case HOOK_WINDOW_ENDED:
		return GUARD_WINDOW_ENDED;
	case HOOK_CLEAN_IO:
		return GUARD_CLEAN_IO;
	case HOOK_CLEAN_CANCEL:
		return GUARD_CLEAN_CANCEL;
	default:
		return -1;
	}
}

static bool is_needed(const struct session *s, enum hook hook)
{
	return s->options.check || hook_needed(hook) != FOR_CHECK;
}

/* Programs that user space runs; all others belong to hooks. */
static bool is_run_by_us(const struct bpf_program *p)
{
	const char *section = bpf_program__section_name(p);

	return !strcmp(section, "syscall") || !strcmp(section, "raw_tp");
}

static struct bpf_program *find_program(struct session *s, enum hook h, const char *suffix)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", s->hooks[h].shape->program, suffix);
	return bpf_object__find_program_by_name(s->skel->obj, name);
}

/* What is attached in the place of a hook's program, if the kernel can schedule a task away inside it. */
static void choose_entries(struct session *s, enum hook h)
{
	static const char *const suffix[ENTRIES] = { "_entry", "_spare", "_spare2" };

	if (hook_guard(h) < 0 || !s->kernel.preemptible)
		return;
	for (int i = 0; i < ENTRIES; i++) {
		s->entries[h][i] = find_program(s, h, suffix[i]);
		if (s->entries[h][i])
			bpf_program__set_autoload(s->entries[h][i], true);
	}
	if (s->entries[h][0])
		bpf_program__set_autoload(find_program(s, h, ""), false);
}

/*
 * Attach a hook's program, or what stands in its place.  Of the programs on one function the kernel
 * runs the one that was attached last first.  False: errno says why.
 */
static bool attach_hook(struct session *s, enum hook h)
{
	if (!s->entries[h][0]) {
		s->links[h][0] = bpf_program__attach(find_program(s, h, ""));
		return s->links[h][0];
	}
	for (int i = ENTRIES - 1; i >= 0; i--) {
		s->links[h][i] = bpf_program__attach(s->entries[h][i]);
		if (!s->links[h][i])
			return false;
	}
	return true;
}

/* Choose the shape of every hook and switch all other programs off. */
static int choose_programs(struct session *s)
{
	struct bpf_program *p;
	int missing = 0;

	bpf_object__for_each_program(p, s->skel->obj)
		if (!is_run_by_us(p))
			bpf_program__set_autoload(p, false);
	for (int h = 0; h < HOOK_NR; h++) {
		struct hook_state *hook = &s->hooks[h];

		hook->shape = hook_choose(&s->kernel, h, hook->why, sizeof(hook->why));
		if (!is_needed(s, h))
			continue;
		if (!hook->shape) {
			log_verbose("hook %s: %s", hook_name(h), hook->why);
			missing++;
			continue;
		}
		p = bpf_object__find_program_by_name(s->skel->obj, hook->shape->program);
		if (!p)
			return -ENOENT;
		bpf_program__set_autoload(p, true);
		choose_entries(s, h);
	}
	return missing;
}

static int set_size(struct bpf_map *map, uint64_t entries)
{
	return bpf_map__set_max_entries(map, entries < 1 ? 1 : (uint32_t)entries);
}

/* Highest page frame of the host; the block map must reach it. */
static uint64_t host_pages(void)
{
	unsigned long long start, end, top = 0;
	char line[128];
	FILE *f = fopen("/proc/iomem", "r");

	if (f) {
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "%llx-%llx : System RAM", &start, &end) == 2 &&
			    strstr(line, "System RAM") && end > top)
				top = end;
		fclose(f);
	}
	/* without CAP_SYS_ADMIN the file shows zeros: twice the memory leaves room for the holes */
	if (top < 4096)
		top = 2ULL * (uint64_t)sysconf(_SC_PHYS_PAGES) * 4096;
	return top / 4096 + 1;
}

/*
 * Does KVM mark a page dirty when it maps it?  From 6.13 on, when struct kvm_page_fault got to know the page
 * that it holds; before, KVM marks at the zap.
 */
static bool marks_at_map(const struct session *s)
{
	return kernel_struct_has(&s->kernel, "kvm_page_fault", "refcounted_page");
}

static int configure(struct session *s)
{
	const struct session_options *o = &s->options;
	struct mmuscope_bpf *skel = s->skel;
	uint64_t pages = host_pages(), nblocks = pages / PAGES_PER_BLOCK + 1;
	int err = 0;

	skel->rodata->cfg_check = o->check;
	skel->rodata->cfg_scope_pid = o->scope_pid;
	skel->rodata->cfg_scope_tree = o->scope_tree;
	skel->rodata->cfg_max_stories = o->max_stories;
	skel->rodata->cfg_blocks = o->check ? (uint32_t)nblocks : 0;
	skel->rodata->cap_marks_at_map = marks_at_map(s);
	skel->rodata->cap_rdonly_cast =
		btf__find_by_name_kind(s->kernel.vmlinux, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;

	err = err ?: set_size(skel->maps.vms, o->max_vms + 1);
	err = err ?: set_size(skel->maps.vm_states, o->max_vms + 1);
	err = err ?: set_size(skel->maps.free_vms, o->max_vms);
	err = err ?: set_size(skel->maps.vm_counts, (uint64_t)(o->max_vms + 1) * COUNT_SHARDS);
	err = err ?: set_size(skel->maps.blocks, o->check ? nblocks : 1);
	err = err ?: set_size(skel->maps.block_extras, o->check ? nblocks : 1);
	err = err ?: set_size(skel->maps.gigs, o->check ? (pages >> 18) + 1 : 1);
	err = err ?: set_size(skel->maps.more_maps, o->check ? SIDE_TABLE : 1);
	return err;
}

/* -v: what each program cost the verifier, which is most of the start-up time. */
static void say_programs(struct session *s)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, s->skel->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(p);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			log_verbose("program %-16s verified in %u steps, %u bytes", bpf_program__name(p),
				    info.verified_insns, info.jited_prog_len);
	}
}

static int run_program(struct bpf_program *p, void *ctx, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = ctx, .ctx_size_in = size);
	int err = bpf_prog_test_run_opts(bpf_program__fd(p), &o);

	return err ? -errno : (int)o.retval;
}

static int take_record(void *arg, void *data, size_t size);

/* Load, then read the kernel's variables and fill the queue of free VM indices. */
static int load(struct session *s)
{
	int err = mmuscope_bpf__load(s->skel);

	if (err)
		return reason_explain("loading the BPF programs", err);
	say_programs(s);
	err = run_program(s->skel->progs.init, NULL, 0);
	if (err > 0) {
		log_error("kernel symbols cannot be read; need CAP_SYSLOG, and kernel.kptr_restrict "
			  "below 2");
		return EXIT_FAILED;
	}
	if (err < 0)
		return reason_explain("reading the kernel's variables", err);
	for (uint32_t i = 1; i <= s->options.max_vms; i++)
		if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.free_vms), NULL, &i, 0))
			return reason_explain("filling the table of VMs", errno);
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.events), take_record, s, NULL);
	if (!s->ring)
		return reason_explain("ring buffer", errno);
	return EXIT_OK;
}

static int say_missing(const struct session *s)
{
	for (int h = 0; h < HOOK_NR; h++)
		if (is_needed(s, h) && !s->hooks[h].shape)
			log_error("hook %s cannot be had: %s (%s)", hook_name(h), s->hooks[h].why,
				  hook_text(h));
	return EXIT_CANNOT;
}

int session_open(struct session **out, const struct session_options *o)
{
	struct session *s;
	int err = reason_check_host();

	*out = NULL;
	if (err)
		return err;
	log_attach_libbpf();
	s = calloc(1, sizeof(*s));
	if (!s)
		return reason_explain("session", ENOMEM);
	s->options = *o;
	err = probe_open_kernel(&s->kernel, NULL);
	if (err) {
		session_close(s);
		return reason_explain("reading BTF", err);
	}
	s->skel = mmuscope_bpf__open();
	if (!s->skel) {
		err = errno;
		session_close(s);
		return reason_explain("opening the BPF object", err);
	}
	err = choose_programs(s);
	if (err > 0 && !o->try_all) {
		err = say_missing(s);
		session_close(s);
		return err;
	}
	err = err < 0 ? err : configure(s);
	if (err) {
		session_close(s);
		return reason_explain("configuring the BPF object", err);
	}
	err = load(s);
	if (err) {
		session_close(s);
		return err;
	}
	*out = s;
	return EXIT_OK;
}

/* An attached program that the kernel does not call is worse than none: it looks like silence. */
static int check_hooked(struct session *s)
{
	struct hooked *list = hooked_read();
	int result = EXIT_OK;

	if (!list)
		log_verbose("tracefs cannot be read: whether hooks are in place is not checked");
	for (int h = 0; h < HOOK_NR; h++) {
		struct hook_state *hook = &s->hooks[h];

		if (!hook->attached || hook->shape->how > FEXIT ||
		    hooked_has(list, hook->shape->target))
			continue;
		hook->attached = false;
		snprintf(hook->why, sizeof(hook->why), "%s %s: attached, but never called",
			 how_name(hook->shape->how), hook->shape->target);
		if (!s->options.try_all)
			log_error("hook %s: %s", hook_name(h), hook->why);
		result = EXIT_CANNOT;
	}
	hooked_free(list);
	return result;
}

/* Mask of a page flag of this kernel. */
static uint64_t flag(const struct session *s, const char *name)
{
	int bit = kernel_enum_value(&s->kernel, "pageflags", name);

	return bit < 0 ? 0 : 1ULL << bit;
}

/* Take over what one VM has mapped.  False: not now. */
static bool adopt_vm(struct session *s, uint32_t index)
{
	struct adopt_args a = { .vm = index };

	for (a.as_id = 0; a.as_id < 2; a.as_id++) {
		do {
			if (run_program(s->skel->progs.adopt_vm, &a, sizeof(a)) || a.result >= ADOPT_ROOTS)
				return false;
		} while (a.result == ADOPT_MORE);
	}
	return true;
}

/* Take over what the VMs had mapped that were there before us; again, if one did not let us. */
static void adopt_vms(struct session *s)
{
	struct vm_info info;

	for (uint32_t i = 1; i <= s->options.max_vms; i++)
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.vms), &i, &info) && info.kvm &&
		    info.flags & VM_ADOPTING && !(info.flags & VM_SHADOW))
			adopt_vm(s, i);
}

/*
 * Make the kernel drain its per-CPU batches of pages on their way to the LRU, each of which holds a
 * reference: do_pages_move() does (lru_cache_disable(), mm/migrate.c), also for a page that stays.
 */
static void drain_lru(void)
{
	static const char page[1] __attribute__((aligned(4096)));
	const void *where = page;
	int node = 0, status;

	syscall(SYS_move_pages, 0, 1UL, &where, &node, &status, 0);
}

/*
 * Is there a reference of this page that nobody can explain?  -1: that cannot be told now, it is locked or
 * off its LRU.  What holds references of a small page: its mappings, the page or swap cache, private data.
 */
static int unexplained(struct session *s, uint64_t pfn, const struct suspect *was)
{
	struct look_args a = { .pfn = pfn };
	int expected;

	if (run_program(s->skel->progs.look_at_page, &a, sizeof(a)))
		return -1;
	/* still on the LRU, but cut off its file: were it another page by now, it would have a mapping */
	if (a.refs > 0 && !a.mapping && !(was->mapping & 1) && a.page_index == was->page_index &&
	    !a.mapcount && a.flags & flag(s, "PG_lru"))
		return 1;
	/* another page now, or a free one: every reference was returned */
	if (a.refs <= 0 || a.mapping != was->mapping || a.page_index != was->page_index)
		return 0;
	if (a.flags & (flag(s, "PG_locked") | flag(s, "PG_head")))
		return -1;
	expected = a.mapcount;
	if (!(a.mapping & 1) || a.flags & flag(s, "PG_swapcache"))
		expected++;
	if (a.flags & flag(s, "PG_private"))
		expected++;
	if (a.refs <= expected)
		return 0;
	/* pages off their LRU are held by who isolated them; a leaked one is on it, or mapped by nobody */
	return a.flags & flag(s, "PG_lru") || !a.mapcount ? 1 : -1;
}

static void suspect_violates(struct session *s, uint64_t pfn, const struct suspect *was)
{
	struct event_violation e = {
		.head = { .type = EVENT_VIOLATION, .size = sizeof(e), .ns = was->ns },
		.invariant = INV_REFS_RETURNED, .vm = was->vm, .gfn = was->gfn, .hva = was->hva,
		.pfn = pfn, .pages = 1, .level = 1, .tid = was->tid, .pid = was->tid,
	};

	memcpy(e.comm, was->comm, sizeof(e.comm));
	s->settled_refs++;
	s->leaked_refs++;
	if (s->on_violation)
		s->on_violation(s, &e, s->arg);
}

/*
 * Look again at the pages whose references were not back when their fault ended.  final: there is no other
 * time; then a surplus is a violation, and what cannot be told is counted.
 */
static void settle_suspects(struct session *s, bool final)
{
	int fd = bpf_map__fd(s->skel->maps.suspects);

	for (int round = 0; round < (final ? SUSPECT_ROUNDS : 1); round++) {
		bool last = final && round == SUSPECT_ROUNDS - 1, left = false, more;
		struct suspect was;
		uint64_t pfn, next;

		if (bpf_map_get_next_key(fd, NULL, &next))
			return;
		if (final)
			drain_lru();
		do {
			int answer;

			pfn = next;
			more = !bpf_map_get_next_key(fd, &pfn, &next);
			if (bpf_map_lookup_elem(fd, &pfn, &was))
				continue;
			answer = unexplained(s, pfn, &was);
			if (!answer) {
				s->settled_refs++;
			} else if (!last) {
				left = true;
				continue;
			} else if (answer > 0) {
				suspect_violates(s, pfn, &was);
			} else {
				s->unsettled_refs++;
			}
			bpf_map_delete_elem(fd, &pfn);
		} while (more);
		if (left && final)
			usleep(SUSPECT_PAUSE_US);
		if (!left)
			return;
	}
}

int session_attach(struct session *s)
{
	int result = EXIT_OK;

	for (int h = 0; h < HOOK_NR; h++) {
		struct hook_state *hook = &s->hooks[h];

		if (!is_needed(s, h))
			continue;
		if (!hook->shape) {
			result = EXIT_CANNOT;
			continue;
		}
		hook->attached = attach_hook(s, h);
		if (hook->attached)
			continue;
		hook->error = -errno;
		snprintf(hook->why, sizeof(hook->why), "%s %s: %s", how_name(hook->shape->how),
			 hook->shape->target,
			 hook->error == -524 ? "not supported" : strerror(-hook->error));
		if (!s->options.try_all)
			return reason_explain(hook->why, hook->error);
		result = EXIT_CANNOT;
	}
	result = result ? result : check_hooked(s);
	if (result && !s->options.try_all)
		return result;
	s->skel->bss->enabled = 1;
	s->started_ns = clock_ns();
	if (run_program(s->skel->progs.enter_old_vms, NULL, 0) < 0)
		return reason_explain("listing the VMs that exist already", errno);
	if (s->options.check)
		adopt_vms(s);
	return result;
}

void session_tick(struct session *s)
{
	if (!s->options.check)
		return;
	adopt_vms(s);
	settle_suspects(s, false);
}

/* Add up the copies of a VM's counters. */
static void read_counts(struct session *s, uint32_t vm, struct vm_counts *out)
{
	int fd = bpf_map__fd(s->skel->maps.vm_counts);
	struct vm_counts shard;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		if (!bpf_map_lookup_elem(fd, &key, &shard))
			counts_add(out, &shard);
	}
}

static void clear_counts(struct session *s, uint32_t vm)
{
	static const struct vm_counts zero;

	for (uint32_t i = 0; i < COUNT_SHARDS; i++) {
		uint32_t key = vm * COUNT_SHARDS + i;

		bpf_map_update_elem(bpf_map__fd(s->skel->maps.vm_counts), &key, &zero, BPF_ANY);
	}
}

/* A VM is gone: keep its final row, give its index back. */
static void vm_gone(struct session *s, const struct event_vm *e)
{
	uint32_t index = e->vm.index;
	struct vm_counts counts;
	struct vm_row *row;

	read_counts(s, index, &counts);
	if (!(e->vm.flags & VM_LATE) && !balanced(&counts))
		s->gone.unbalanced_vms++;
	if (s->gone.nvms < GONE_ROWS_MAX && (row = snapshot_add_vm(&s->gone))) {
		row->info = e->vm;
		row->counts = counts;
		row->gone = true;
		row->gone_ns = e->head.ns;
	} else {
		/* no row of its own: its counts live on in the host's */
		counts_add(&s->gone.host, &counts);
		s->gone.vms_over++;
	}
	clear_counts(s, index);
	if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.free_vms), NULL, &index, 0))
		s->ring_error = true;
}

static int take_record(void *arg, void *data, size_t size)
{
	const struct event_head *head = data;
	struct session *s = arg;

	if (size < sizeof(*head) || head->size > size)
		return 0;
	switch (head->type) {
	case EVENT_VM_GONE:
		vm_gone(s, data);
		break;
	case EVENT_VIOLATION:
		if (s->on_violation)
			s->on_violation(s, data, s->arg);
		break;
	default:
		break;
	}
	return 0;
}

int session_consume(struct session *s, violation_fn fn, void *arg)
{
	int n;

	s->on_violation = fn;
	s->arg = arg;
	n = ring_buffer__consume(s->ring);
	return n < 0 ? n : 0;
}

void session_disable(struct session *s)
{
	s->skel->bss->enabled = 0;
	s->stopped_ns = clock_ns();
}

/* Count the leaves of one root, in as many calls as it takes.  False: it could not be done. */
static bool walk_root(struct session *s, struct vm_row *row, uint32_t as_id, uint32_t root,
		      uint32_t *roots)
{
	struct scan_args a = { .vm = row->info.index, .as_id = as_id, .root = root };

	do {
		a.end = GFN_END;
		memset(a.leaves, 0, sizeof(a.leaves));
		if (run_program(s->skel->progs.scan_vm, &a, sizeof(a)))
			return false;
		for (int l = 0; l < LEVELS; l++)
			row->walked[l] += a.leaves[l];
	} while (!a.complete && a.gfn < GFN_END && a.roots > root);
	*roots = a.roots;
	return true;
}

/* What is mapped by KVM's own page tables, for a VM whose installs we have not all seen. */
static void walk_vm(struct session *s, struct vm_row *row)
{
	bool ok = true;

	for (uint32_t as_id = 0; as_id < 2; as_id++) {
		uint32_t roots = 1;

		for (uint32_t r = 0; ok && r < roots && r < ROOTS_MAX; r++)
			ok = walk_root(s, row, as_id, r, &roots);
	}
	row->walk_done = ok;
}

static void read_live_vms(struct session *s)
{
	int fd = bpf_map__fd(s->skel->maps.vms);
	struct vm_info info;

	for (uint32_t i = 1; i <= s->options.max_vms; i++) {
		struct vm_row *row;

		if (bpf_map_lookup_elem(fd, &i, &info) || !info.kvm)
			continue;
		row = snapshot_add_vm(&s->now);
		if (!row)
			return;
		row->info = info;
		read_counts(s, i, &row->counts);
		if (info.flags & VM_LATE) {
			s->now.late_vms++;
			s->now.unadopted_vms += !(info.flags & VM_ADOPTED);
			walk_vm(s, row);
		}
	}
}

static void read_hists(struct session *s)
{
	int ncpus = libbpf_num_possible_cpus();
	struct hist *per_cpu = ncpus > 0 ? calloc((size_t)ncpus, sizeof(*per_cpu)) : NULL;

	for (uint32_t h = 0; per_cpu && h < HIST_NR; h++) {
		if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.hists), &h, per_cpu))
			continue;
		for (int c = 0; c < ncpus; c++) {
			for (int b = 0; b < HIST_BUCKETS; b++)
				s->now.hists[h].bucket[b] += per_cpu[c].bucket[b];
			s->now.hists[h].sum += per_cpu[c].sum;
		}
	}
	free(per_cpu);
}

static void read_causes(struct session *s)
{
	int fd = bpf_map__fd(s->skel->maps.causes);
	struct cause_key key, *last = NULL;
	struct snapshot *now = &s->now;
	size_t size = 0;

	while (!bpf_map_get_next_key(fd, last, &key)) {
		if (now->ncauses == size) {
			size_t want = size ? 2 * size : 64;
			struct cause *more = realloc(now->causes, want * sizeof(*more));

			if (!more)
				return;
			now->causes = more;
			size = want;
		}
		now->causes[now->ncauses].key = key;
		if (!bpf_map_lookup_elem(fd, &key, &now->causes[now->ncauses].row))
			now->ncauses++;
		last = &key;
	}
}

/* Runs that the kernel skipped, by hook: the program was already running on that CPU. */
static void read_missed(struct session *s)
{
	for (int h = 0; h < HOOK_NR; h++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		struct bpf_program *p;
		int fd;

		if (!s->hooks[h].attached)
			continue;
		p = s->entries[h][0] ? s->entries[h][0] : find_program(s, h, "");
		fd = p ? bpf_program__fd(p) : -1;
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			s->now.missed[h] = info.recursion_misses;
		/* more made good than missed: a run was counted twice, which is as bad as one lost */
		if (s->entries[h][0]) {
			int64_t left = (int64_t)(s->now.missed[h] - s->skel->bss->spared[hook_guard(h)]);

			s->now.missed[h] = (uint64_t)llabs(left);
		}
		s->now.missed_runs += s->now.missed[h];
	}
}

const struct snapshot *session_snapshot(struct session *s)
{
	struct snapshot *now = &s->now;

	if (s->frozen)
		return now;
	snapshot_free(now);
	for (size_t i = 0; i < s->gone.nvms; i++) {
		struct vm_row *row = snapshot_add_vm(now);

		if (!row)
			return NULL;
		*row = s->gone.vms[i];
		if (row->info.flags & VM_LATE) {
			now->late_vms++;
			now->unadopted_vms += !(row->info.flags & VM_ADOPTED);
		}
	}
	read_live_vms(s);
	read_counts(s, 0, &now->host);
	counts_add(&now->host, &s->gone.host);
	read_hists(s);
	read_causes(s);
	now->marks_at_map = marks_at_map(s);
	for (int l = 0; l < LOSS_NR; l++)
		now->losses[l] = s->skel->bss->losses[l];
	if (s->ring_error)
		now->losses[LOSS_VM_TABLE]++;
	now->losses[LOSS_AUDIT] += s->audit_differ;
	now->losses[LOSS_SUSPECTS] += s->unsettled_refs;
	now->host.checked[INV_REFS_RETURNED] += s->settled_refs;
	now->host.violated[INV_REFS_RETURNED] += s->leaked_refs;
	now->audited = s->audited;
	now->audit_sptes = s->audit_sptes;
	read_missed(s);
	now->unbalanced_vms = s->gone.unbalanced_vms;
	now->vms_over = s->gone.vms_over;
	now->seconds_ns = (s->stopped_ns ? s->stopped_ns : clock_ns()) - s->started_ns;
	now->checking = s->options.check;
	return now;
}

/* May-write leaf SPTEs that the block map holds, all together; 2M and 1G ones count as one. */
static int64_t block_map_total(struct session *s)
{
	int fd = bpf_map__fd(s->skel->maps.blocks), xfd = bpf_map__fd(s->skel->maps.block_extras);
	uint32_t nblocks = bpf_map__max_entries(s->skel->maps.blocks);
	uint32_t ngigs = bpf_map__max_entries(s->skel->maps.gigs);
	uint64_t pfn, *last = NULL, gig;
	int64_t total = 0, more;
	struct block_extra x;
	struct block b;

	for (uint32_t i = 0; i < nblocks; i++) {
		if (bpf_map_lookup_elem(fd, &i, &b) || bpf_map_lookup_elem(xfd, &i, &x))
			return -1;
		for (int w = 0; w < 8; w++)
			total += __builtin_popcountll(b.mapped[w]);
		total += x.huge;
	}
	for (uint32_t i = 0; i < ngigs; i++)
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.gigs), &i, &gig))
			total += (int64_t)gig;
	while (!bpf_map_get_next_key(bpf_map__fd(s->skel->maps.more_maps), last, &pfn)) {
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.more_maps), &pfn, &more))
			total += more;
		last = &pfn;
	}
	return total;
}

/* Walk the page tables of all VMs and compare.  False: a VM cannot be walked. */
static bool audit_vms(struct session *s, uint64_t *leaves, uint64_t *differ)
{
	struct vm_info info;

	*leaves = *differ = 0;
	for (uint32_t i = 1; i <= s->options.max_vms; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.vms), &i, &info) || !info.kvm)
			continue;
		for (uint32_t as_id = 0; as_id < 2; as_id++) {
			struct adopt_args a = { .vm = i, .as_id = as_id };

			do {
				if (run_program(s->skel->progs.audit_vm, &a, sizeof(a)) || a.roots > 1)
					return false;
				*leaves += a.leaves;
				*differ += a.differ;
			} while (a.result == ADOPT_MORE);
		}
	}
	return true;
}

/*
 * The block map against the truth, while the VMs may be running: what agrees once agrees.  If they never
 * stand still enough for that, nothing is said; only when no VM is left must the map be empty.
 */
static void audit(struct session *s)
{
	uint64_t leaves = 0, differ = 0;
	int64_t total = 0;

	if (s->skel->bss->shadow_pages)
		return;		/* the shadow MMU's tables are not walked */
	for (int round = 0; round < AUDIT_ROUNDS && !s->audited; round++) {
		int64_t before = block_map_total(s);

		if (!audit_vms(s, &leaves, &differ))
			return;
		total = block_map_total(s);
		s->audited = total == before && total == (int64_t)leaves && !differ;
	}
	s->audit_sptes = leaves;
	if (!s->audited && !leaves && total)
		s->audit_differ = (uint64_t)llabs(total);
}

void session_settle(struct session *s)
{
	if (!s->options.check)
		return;
	settle_suspects(s, true);
	audit(s);
}

int session_freeze(struct session *s)
{
	if (!session_snapshot(s))
		return -ENOMEM;
	s->frozen = true;
	return 0;
}

const struct vm_row *session_vm(struct session *s, uint32_t index)
{
	for (size_t i = s->now.nvms; i > 0; i--)
		if (s->now.vms[i - 1].info.index == index)
			return &s->now.vms[i - 1];
	return NULL;
}

bool session_find_pfn(struct session *s, uint64_t pfn, uint32_t *vm, uint64_t *gfn, uint64_t *hva,
		      uint64_t *spte, uint32_t *level)
{
	for (uint32_t i = 1; i <= s->options.max_vms; i++) {
		struct vm_info info;

		if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.vms), &i, &info) || !info.kvm)
			continue;
		for (uint32_t as_id = 0; as_id < 2; as_id++) {
			struct scan_args a = {
				.vm = i, .want_pfn = 1, .pfn = pfn, .end = GFN_END, .as_id = as_id,
				.root = ALL_ROOTS,
			};

			if (run_program(s->skel->progs.scan_vm, &a, sizeof(a)) || !a.found)
				continue;
			*vm = i;
			*gfn = a.found_gfn;
			*hva = a.found_hva;
			*spte = a.found_spte;
			*level = a.found_level;
			return true;
		}
	}
	return false;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	for (int h = 0; h < HOOK_NR; h++) {
		for (int i = 0; i < ENTRIES; i++)
			bpf_link__destroy(s->links[h][i]);
	}
	ring_buffer__free(s->ring);
	mmuscope_bpf__destroy(s->skel);
	kernel_close(&s->kernel);
	snapshot_free(&s->gone);
	snapshot_free(&s->now);
	free(s);
}
