// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which BPF programs are loaded on this kernel, and how they are attached to its hooks.
 */
#include "user/host/hooked.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "session_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmuscope.skel.h"

/* where the spare of a hook's program counts the runs that it made good, + 1; 0: it has none */
static const int guards[HOOK_NR] = {
	[HOOK_HVA_TO_PFN] = GUARD_HVA_TO_PFN + 1,
	[HOOK_HVA_ASK] = GUARD_HVA_ASK + 1,
	[HOOK_HVA_TIME] = GUARD_HVA_TIME + 1,
	[HOOK_FAULT_TDP] = GUARD_FAULT_TDP + 1,
	[HOOK_FAULT_PAGING32] = GUARD_FAULT_PAGING32 + 1,
	[HOOK_FAULT_NONPAGING] = GUARD_FAULT_NONPAGING + 1,
	[HOOK_FAULT_PAGING64] = GUARD_FAULT_PAGING64 + 1,
	[HOOK_FAULT_EPT] = GUARD_FAULT_EPT + 1,
	[HOOK_WINDOW_START] = GUARD_WINDOW_START + 1,
	[HOOK_WINDOW_STARTED] = GUARD_WINDOW_STARTED + 1,
	[HOOK_WINDOW_END] = GUARD_WINDOW_END + 1,
	[HOOK_WINDOW_ENDED] = GUARD_WINDOW_ENDED + 1,
	[HOOK_CLEAN_IO] = GUARD_CLEAN_IO + 1,
	[HOOK_CLEAN_CANCEL] = GUARD_CLEAN_CANCEL + 1,
	[HOOK_FAULT_ABORT] = GUARD_FAULT_ABORT + 1,
};

bool attach_needs(const struct session *s, enum hook hook)
{
	const struct session_options *o = &s->options;

	if (!hook_here(hook))
		return false;
	switch (hook_needed(hook)) {
	case FOR_COUNTS:
		return o->check || o->walk || !o->payoff;
	case FOR_CHECK:
		return o->check;
	case FOR_WALK:
		return o->walk;
	case FOR_PAYOFF:
		return o->payoff;
	case FOR_TIMES:
		return o->times;
	default:
		return true;
	}
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

/* The entries to a hook's program, if the kernel can schedule a task away inside it. */
static void choose_entries(struct session *s, enum hook h)
{
	static const char *const suffix[ENTRIES] = { "_entry", "_spare", "_spare2" };

	if (!guards[h] || !s->kernel.preemptible)
		return;
	/* a lookup that is only counted: what was skipped is told, and nothing is judged by it */
	if (h == HOOK_HVA_TO_PFN && !s->options.check && !s->options.walk && !s->options.times)
		return;
	for (int i = 0; i < ENTRIES; i++) {
		s->entries[h][i] = find_program(s, h, suffix[i]);
		if (s->entries[h][i])
			bpf_program__set_autoload(s->entries[h][i], true);
	}
}

/*
 * Attach a hook's program, or the entries to it.  Of the programs on one function the kernel
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

int attach_choose(struct session *s)
{
	struct bpf_program *p;
	int missing = 0;

	bpf_object__for_each_program(p, s->skel->obj)
		if (!is_run_by_us(p))
			bpf_program__set_autoload(p, false);
	bpf_program__set_autoload(s->skel->progs.survey_slot, s->options.survey);
	timed_choose(s);
	for (int h = 0; h < HOOK_NR; h++) {
		struct hook_state *hook = &s->hooks[h];

		hook->shape = hook_choose(&s->kernel, h, hook->why, sizeof(hook->why));
		/* it would attach without an error and never run */
		if (hook->shape && hook->shape->how == KPROBE && !s->tiers.need[NEED_KPROBES].there) {
			hook->shape = NULL;
			snprintf(hook->why, sizeof(hook->why), "%.127s", s->tiers.need[NEED_KPROBES].why);
		}
		if (!attach_needs(s, h))
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

/* The array by which the entries of a hook reach its program; -1: it has none of its own. */
static int body_map(const struct session *s, enum hook h)
{
	struct bpf_map *map;
	char name[64];

	if (!s->hooks[h].shape)
		return -1;
	snprintf(name, sizeof(name), "%s_body", s->hooks[h].shape->program);
	map = bpf_object__find_map_by_name(s->skel->obj, name);
	return map ? bpf_map__fd(map) : -1;
}

int attach_join(struct session *s)
{
	for (int h = 0; h < HOOK_NR; h++) {
		int map = body_map(s, h), fd;
		uint32_t zero = 0;

		if (map < 0)
			continue;	/* another hook's program */
		fd = bpf_program__fd(find_program(s, h, ""));
		if (fd >= 0 && bpf_map_update_elem(map, &zero, &fd, BPF_ANY))
			return -errno;
	}
	return 0;
}

int attach_say_missing(const struct session *s)
{
	for (int h = 0; h < HOOK_NR; h++)
		if (attach_needs(s, h) && !s->hooks[h].shape)
			log_error("hook %s cannot be had: %s (%s)", hook_name(h), s->hooks[h].why,
				  hook_text(h));
	return EXIT_CANNOT;
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

static const char *attach_error(int err)
{
	switch (err) {
	case 524:	/* ENOTSUPP, which user space has no name for */
		return "not supported";
	case E2BIG:	/* BPF_MAX_TRAMP_LINKS */
		return "no more programs can be attached to it; `bpftool link` says whose they are";
	default:
		return strerror(err);
	}
}

/* Say it once: what a person would do about most errors is the same everywhere.  Exit code. */
static int attach_refused(const struct hook_state *hook)
{
	char what[96];

	if (hook->error == -E2BIG) {
		log_error("%s", hook->why);
		return EXIT_CANNOT;
	}
	snprintf(what, sizeof(what), "%s %s", how_name(hook->shape->how), hook->shape->target);
	return reason_explain(what, hook->error);
}

int attach_all(struct session *s)
{
	int result = EXIT_OK;

	for (int h = 0; h < HOOK_NR; h++) {
		struct hook_state *hook = &s->hooks[h];

		if (!attach_needs(s, h))
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
			 hook->shape->target, attach_error(-hook->error));
		if (!s->options.try_all)
			return attach_refused(hook);
		result = EXIT_CANNOT;
	}
	return result ? result : check_hooked(s);
}

void attach_detach(struct session *s)
{
	for (int h = 0; h < HOOK_NR; h++) {
		int map = s->skel ? body_map(s, h) : -1;
		uint32_t zero = 0;

		for (int i = 0; i < ENTRIES; i++) {
			bpf_link__destroy(s->links[h][i]);
			s->links[h][i] = NULL;
		}
		s->hooks[h].attached = false;
		/* program and array hold each other: the kernel would let go of them, but some time later */
		if (map >= 0)
			bpf_map_delete_elem(map, &zero);
	}
}

/* A hook's program, or the first entry to it. */
int attach_program_fd(struct session *s, enum hook h)
{
	struct bpf_program *p = s->entries[h][0] ? s->entries[h][0] : find_program(s, h, "");

	return p && s->hooks[h].attached ? bpf_program__fd(p) : -1;
}

/* Runs of it that the kernel has skipped. */
static uint64_t misses_of(struct session *s, enum hook h)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = attach_program_fd(s, h);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) ? info.recursion_misses : 0;
}

void attach_begin_misses(struct session *s)
{
	for (int h = 0; h < HOOK_NR; h++)
		if (s->hooks[h].attached)
			s->misses_before[h] = misses_of(s, h);
}

static bool is_fault_end(enum hook h)
{
	return h == HOOK_FAULT_TDP || h == HOOK_FAULT_NONPAGING || h == HOOK_FAULT_PAGING32 ||
	       h == HOOK_FAULT_PAGING64 || h == HOOK_FAULT_EPT || h == HOOK_FAULT_ABORT;
}

void attach_count_misses(struct session *s)
{
	uint64_t carried = s->skel->bss->carried;

	for (int h = 0; h < HOOK_NR; h++) {
		uint64_t missed, late;

		if (!s->hooks[h].attached)
			continue;
		missed = misses_of(s, h) - s->misses_before[h];
		/* more made good than missed: a run was counted twice, which is as bad as one lost */
		if (s->entries[h][0])
			missed = (uint64_t)llabs((int64_t)(missed - s->skel->bss->spared[guards[h] - 1]));
		late = is_fault_end(h) ? missed < carried ? missed : carried : 0;
		carried -= late;
		s->missed[h] = missed - late;
	}
}
