// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening, loading, reading out and closing the BPF object.
 */
#include "session_state.h"
#include "reduced.h"
#include "user/arch/arch.h"
#include "user/base/log.h"
#include "user/judge/lookups.h"
#include "user/base/reason.h"

#include <bpf/btf.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mmuscope.skel.h"
#include "bpf/block.h"

enum {
	SIDE_TABLE = 65536,
	PAGES_PER_BLOCK = 1 << BLOCK_SHIFT,
};

uint64_t session_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

const struct hook_state *session_hook(const struct session *s, enum hook hook)
{
	return &s->hooks[hook];
}

const char *session_tier(const struct session *s)
{
	if (s->reduced)
		return tier_name(reduced_tier(s->reduced));
	for (int h = 0; h < HOOK_NR; h++)
		if (s->hooks[h].attached && s->hooks[h].shape->how == KPROBE)
			return "fentry, one kprobe";
	return "fentry";
}

bool session_judges(const struct session *s)
{
	return s->options.check && !s->reduced;
}

int session_fd(const struct session *s)
{
	return s->reduced ? -1 : ring_buffer__epoll_fd(s->ring);
}

int session_folder(const struct session *s)
{
	return s->reduced ? reduced_folder(s->reduced) : -1;
}

uint64_t session_started_ns(const struct session *s)
{
	return s->started_ns;
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

/* The recorder looks every so often (user/cmd/observe.c): it is woken for an eighth of the buffer. */
static int configure_record(struct session *s)
{
	const struct session_options *o = &s->options;

	s->skel->rodata->cfg_record = o->record;
	s->skel->rodata->cfg_record_wake = o->ring_bytes / 8;
	if (!o->record)
		return 0;
	return bpf_map__set_max_entries(s->skel->maps.steps, o->ring_bytes);
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
	skel->rodata->cap_marks_at_map = s->facts.marks_at_map;
	skel->rodata->cap_flushes_unseen = s->facts.flushes_unseen;
	skel->rodata->cap_rdonly_cast = s->facts.rdonly_cast;

	err = err ?: set_size(skel->maps.vms, o->max_vms + 1);
	err = err ?: set_size(skel->maps.vm_states, o->max_vms + 1);
	err = err ?: set_size(skel->maps.free_vms, o->max_vms);
	err = err ?: set_size(skel->maps.vm_counts, (uint64_t)(o->max_vms + 1) * COUNT_SHARDS);
	err = err ?: walked_configure(s);
	err = err ?: configure_record(s);
	err = err ?: timed_configure(s);
	err = err ?: set_size(skel->maps.blocks, o->check ? nblocks : 1);
	err = err ?: set_size(skel->maps.block_extras, o->check ? nblocks : 1);
	err = err ?: set_size(skel->maps.gigs, o->check ? (pages >> 18) + 1 : 1);
	err = err ?: set_size(skel->maps.adopt_words, o->check ? 2 * ADOPT_CHUNK_WORDS : 1);
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

int session_run(struct bpf_program *p, void *ctx, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = ctx, .ctx_size_in = size);
	int err = bpf_prog_test_run_opts(bpf_program__fd(p), &o);

	return err ? -errno : (int)o.retval;
}

bool session_grace(struct session *s)
{
	int inner = bpf_map__fd(s->skel->maps.grace_inner);
	uint32_t zero = 0;

	return !bpf_map_update_elem(bpf_map__fd(s->skel->maps.grace), &zero, &inner, 0);
}

static int take_record(void *arg, void *data, size_t size);
static int take_step(void *arg, void *data, size_t size);

/* Load, then read the kernel's variables and fill the queue of free VM indices. */
static int load(struct session *s)
{
	uint64_t began = session_clock_ns();
	int err = mmuscope_bpf__load(s->skel);

	if (err)
		return reason_explain("loading the BPF programs", err);
	say_programs(s);
	log_verbose("loaded in %.2f s", (double)(session_clock_ns() - began) / 1e9);
	err = attach_join(s);
	if (err)
		return reason_explain("joining the BPF programs", err);
	err = judged_load(s);
	if (err)
		return reason_explain("telling the programs of the candidate", -err);
	arch_prepare(s);
	err = session_run(s->skel->progs.init, NULL, 0);
	if (err > 0) {
		log_error("kernel symbols cannot be read; need CAP_SYSLOG, and kernel.kptr_restrict "
			  "below 2");
		return EXIT_FAILED;
	}
	if (err < 0)
		return reason_explain("reading the kernel's variables", err);
	err = arch_prove(s);
	if (err)
		return err;
	err = timed_calibrate(s);
	if (err)
		return reason_explain("calibrating the programs that take times", err);
	for (uint32_t i = 1; i <= s->options.max_vms; i++)
		if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.free_vms), NULL, &i, 0))
			return reason_explain("filling the table of VMs", errno);
	/* read from a file when first asked for: now, while files may be opened */
	libbpf_num_possible_cpus();
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.events), take_record, s, NULL);
	if (!s->ring)
		return reason_explain("ring buffer", errno);
	if (s->options.record &&
	    ring_buffer__add(s->ring, bpf_map__fd(s->skel->maps.steps), take_step, s))
		return reason_explain("ring buffer of the recorder", errno);
	return EXIT_OK;
}

int session_open(struct session **out, const struct session_options *o)
{
	enum tier best;
	struct session *s;
	int err, result;

	*out = NULL;
	if (arch_refuses(o)) {
		log_error("%s", arch_refuses(o));
		return EXIT_CANNOT;
	}
	log_attach_libbpf();
	s = calloc(1, sizeof(*s));
	if (!s)
		return reason_explain("session", ENOMEM);
	s->options = *o;
	tiers_look(&s->tiers, o->most > TIER_FENTRY);
	best = tiers_best(&s->tiers, o->most);
	if (best != TIER_FENTRY) {
		err = ladder_open(s, best);
		if (err) {
			session_close(s);
			return err;
		}
		*out = s;
		return EXIT_OK;
	}
	s->ledgers = calloc(o->max_vms + 1, sizeof(*s->ledgers));
	s->lookups = calloc(o->max_vms + 1, sizeof(*s->lookups));
	s->names = calloc(o->max_vms + 1, sizeof(*s->names));
	err = s->ledgers && s->lookups && s->names ? 0 : -ENOMEM;
	err = err ?: probe_open_kernel(&s->kernel, NULL);
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
	err = attach_choose(s);
	if (err > 0 && !o->try_all) {
		err = attach_say_missing(s);
		if (!ladder_descend(s)) {
			*out = s;
			return EXIT_OK;
		}
		session_close(s);
		return err;
	}
	facts_ask(s);
	result = arch_try(s);
	if (result) {
		session_close(s);
		return result;
	}
	err = err < 0 ? err : configure(s);
	if (err) {
		session_close(s);
		return reason_explain("configuring the BPF object", err);
	}
	err = judged_configure(s);
	kernel_close(&s->kernel);
	err = err ?: load(s);
	/* what libbpf has read of the kernel's types is free; the C library would keep it for the next one */
	malloc_trim(0);
	if (err && !o->try_all && !ladder_descend(s))
		err = EXIT_OK;
	if (err) {
		session_close(s);
		return err;
	}
	*out = s;
	return EXIT_OK;
}

int session_attach(struct session *s)
{
	uint64_t began = session_clock_ns();
	int result;

	if (s->reduced)
		return reduced_attach(s->reduced);
	result = attach_all(s);
	/* a function takes so many programs, and others may have been there first */
	if (result && !s->options.try_all) {
		attach_detach(s);
		return ladder_descend(s) ? result : reduced_attach(s->reduced);
	}
	result = result ?: judged_attach(s);
	if (result && !s->options.try_all)
		return result;
	log_verbose("attached in %.2f s", (double)(session_clock_ns() - began) / 1e9);
	attach_begin_misses(s);
	s->skel->bss->enabled = 1;
	s->started_ns = session_clock_ns();
	if (session_run(s->skel->progs.enter_old_vms, NULL, 0) < 0)
		return reason_explain("listing the VMs that exist already", errno);
	if (s->options.check)
		adopt_vms(s, true);
	if (s->options.survey)
		survey_tick(s);
	return result;
}

void session_tick(struct session *s)
{
	if (s->reduced) {
		reduced_tick(s->reduced);
		return;
	}
	if (s->options.survey)
		survey_tick(s);
	if (!s->options.check)
		return;
	adopt_vms(s, false);
	suspects_settle(s, false);
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

static void free_ledger(struct ledger *l)
{
	if (l)
		ledger_free(l);
	free(l);
}

/* Looked for when a VM is first seen.  One that was there before us has no process name from the kernel. */
static void name_row(struct session *s, struct vm_row *row)
{
	struct vm_named *n = &s->names[row->info.index];

	if (n->pid != row->info.pid || n->born_ns != row->info.born_ns) {
		n->pid = row->info.pid;
		n->born_ns = row->info.born_ns;
		vm_name_read(n->pid, n->name);
		vm_comm_read(n->pid, n->comm, sizeof(n->comm));
	}
	memcpy(row->name, n->name, sizeof(row->name));
	if (!*row->info.comm)
		memcpy(row->info.comm, n->comm, sizeof(row->info.comm));
}

/* The last snapshot may still be looked at: its row must not point to what goes. */
static void forget_row(struct session *s, uint32_t index)
{
	for (size_t i = 0; i < s->now.nvms; i++)
		if (s->now.vms[i].info.index == index && !s->now.vms[i].gone) {
			s->now.vms[i].ledger = NULL;
			s->now.vms[i].lookups = NULL;
		}
}

/* A VM is gone: keep its final row, give its index back. */
static void vm_gone(struct session *s, const struct event_vm *e)
{
	uint32_t index = e->vm.index;
	struct vm_lookups *lookups = walked_take(s, index);
	struct vm_counts counts;
	struct vm_row *row;

	read_counts(s, index, &counts);
	found_of_vm(s, index, &counts);
	found_forget(s, index);
	usual_add(s, &e->vm, &counts);
	if (!(e->vm.flags & VM_LATE) && !balanced(&counts))
		s->gone.unbalanced_vms++;
	if (s->gone.nvms < GONE_ROWS_MAX && (row = snapshot_add_vm(&s->gone))) {
		row->info = e->vm;
		name_row(s, row);
		row->counts = counts;
		row->gone = true;
		row->gone_ns = e->head.ns;
		row->ledger = s->gone_ledgers[s->gone.nvms - 1] = s->ledgers[index];
		row->lookups = s->gone_lookups[s->gone.nvms - 1] = lookups;
	} else {
		/* no row of its own: its counts live on in the host's */
		counts_add(&s->gone.host, &counts);
		if (lookups)
			walk_add(&s->gone.host_walk, &lookups->walk);
		s->gone.vms_over++;
		forget_row(s, index);
		free_ledger(s->ledgers[index]);
		free(lookups);
	}
	s->ledgers[index] = NULL;
	clear_counts(s, index);
	walked_clear(s, index);
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
		/* the numbers are final: it stays in them as it is */
		if (!s->frozen)
			vm_gone(s, data);
		break;
	case EVENT_CANDIDATE:
		judged_take(s, data);
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

static int take_step(void *arg, void *data, size_t size)
{
	const struct event_head *head = data;
	struct session *s = arg;

	if (size >= sizeof(*head) && head->size <= size)
		s->options.record(s->options.record_arg, head);
	return 0;
}

int session_consume(struct session *s, violation_fn fn, void *arg)
{
	int n;

	if (s->reduced)
		return 0;
	s->on_violation = fn;
	s->arg = arg;
	n = ring_buffer__consume(s->ring);
	return n < 0 ? n : 0;
}

void session_disable(struct session *s)
{
	if (s->reduced) {
		reduced_disable(s->reduced);
		return;
	}
	/* first, since from then on spares do not count what they would make good */
	attach_count_misses(s);
	s->skel->bss->enabled = 0;
	s->stopped_ns = session_clock_ns();
	/* programs that are under way finish */
	session_grace(s);
}

/* The stock of a VM that is older than the run, if it was taken for the ledger. */
static bool row_stock_by_ledger(struct vm_row *row)
{
	if (!row->ledger || !row->ledger->surveyed_ns)
		return false;
	for (int l = 0; l < LEVELS; l++)
		row->walked[l] = slot_leaves(&row->ledger->total, l);
	row->walk_done = true;
	return true;
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
		name_row(s, row);
		read_counts(s, i, &row->counts);
		found_of_vm(s, i, &row->counts);
		usual_add(s, &info, &row->counts);
		row->lookups = walked_read(s, i);
		row->ledger = s->ledgers[i];
		if (!(info.flags & VM_LATE))
			continue;
		s->now.late_vms++;
		s->now.unadopted_vms += !(info.flags & VM_ADOPTED);
		if (!row_stock_by_ledger(row))
			adopt_walk_vm(s, row);
	}
}

static void read_hists(struct session *s)
{
	int ncpus = libbpf_num_possible_cpus();
	struct hist *per_cpu = ncpus > 0 ? calloc((size_t)ncpus, sizeof(*per_cpu)) : NULL;

	for (uint32_t h = 0; per_cpu && h < HIST_NR; h++) {
		if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.hists), &h, per_cpu))
			continue;
		for (int c = 0; c < ncpus; c++)
			hist_merge(&s->now.hists[h], &per_cpu[c]);
	}
	free(per_cpu);
}

bool session_cause(struct session *s, const struct cause_key *key, struct cause_row *row)
{
	uint32_t place;

	return !bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.causes), key, &place) &&
	       !bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.cause_rows), &place, row);
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
		if (session_cause(s, &key, &now->causes[now->ncauses].row))
			now->ncauses++;
		last = &key;
	}
}

const struct snapshot *session_snapshot(struct session *s)
{
	struct snapshot *now = &s->now;

	if (s->frozen)
		return now;
	snapshot_free(now);
	if (s->reduced)
		return reduced_read(s->reduced, now) ? NULL : now;
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
	now->host_walk = s->gone.host_walk;
	read_hists(s);
	read_causes(s);
	now->marks_at_map = s->facts.marks_at_map;
	now->flushes_unseen = s->facts.flushes_unseen;
	for (int l = 0; l < LOSS_NR; l++)
		now->losses[l] = s->skel->bss->losses[l];
	if (s->ring_error)
		now->losses[LOSS_VM_TABLE]++;
	now->losses[LOSS_AUDIT] += s->audit_differ;
	now->losses[LOSS_SUSPECTS] += s->unsettled_refs;
	now->host.checked[INV_REFS_RETURNED] += s->settled_refs;
	now->host.violated[INV_REFS_RETURNED] += s->leaked_refs;
	found_of_host(s, &now->host);
	now->audited = s->audited;
	now->audit_sptes = s->audit_sptes;
	if (!s->stopped_ns)
		attach_count_misses(s);
	for (int h = 0; h < HOOK_NR; h++) {
		now->missed[h] = s->missed[h];
		now->missed_runs += s->missed[h];
	}
	now->unbalanced_vms = s->gone.unbalanced_vms;
	now->vms_over = s->gone.vms_over;
	now->seconds_ns = (s->stopped_ns ? s->stopped_ns : session_clock_ns()) - s->started_ns;
	now->checking = s->options.check;
	now->timed = s->options.times;
	return now;
}

void session_settle(struct session *s)
{
	if (s->reduced) {
		reduced_tick(s->reduced);
		return;
	}
	if (s->options.survey)
		session_survey(s, true);
	if (!s->options.check)
		return;
	suspects_settle(s, true);
	audit(s);
}

int session_freeze(struct session *s)
{
	if (!session_snapshot(s) || (!s->reduced && timed_read(s)))
		return -ENOMEM;
	s->now.payoff = s->options.payoff ? &s->payoff : NULL;
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

			if (session_run(s->skel->progs.scan_vm, &a, sizeof(a)) || !a.found)
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
	reduced_close(s->reduced);
	attach_detach(s);
	judged_close(s);
	ring_buffer__free(s->ring);
	mmuscope_bpf__destroy(s->skel);
	kernel_close(&s->kernel);
	for (uint32_t i = 0; s->ledgers && i <= s->options.max_vms; i++)
		free_ledger(s->ledgers[i]);
	for (size_t i = 0; i < s->gone.nvms; i++)
		free_ledger(s->gone_ledgers[i]);
	walked_free(s);
	free(s->ledgers);
	free(s->names);
	snapshot_free(&s->gone);
	snapshot_free(&s->now);
	payoff_free(&s->payoff);
	free(s);
}
