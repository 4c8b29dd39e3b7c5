/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The step language: a scenario is a line of words such as
 *	write punch:0/3 remove:1/3 check
 * Each word names a kind of step, with the part of the pages that it is for (":PART/PARTS") and
 * the VM that does it ("@VM").
 */
#ifndef LOAD_STEP_H
#define LOAD_STEP_H

#include "why.h"

#include <stddef.h>

#define STEPS_MAX 64

struct run;
struct step;

/* What a step did: a sentence for the report. */
struct step_log {
	char what[160];
};

struct step_kind {
	const char *name;
	const char *text;
	int (*run)(struct run *r, const struct step *s, struct step_log *log);
	unsigned int needs;
	size_t span;	/* the memory must be a multiple of so many pages; 0: any */
};

struct step {
	const struct step_kind *kind;
	unsigned int vm;
	unsigned int part;
	unsigned int parts;	/* 0: all pages */
};

extern const struct step_kind step_kinds[];
extern const size_t nstep_kinds;

/* Reads a line of steps. Returns 0, or a status with the bad word quoted. */
int steps_parse(const char *line, struct step *steps, size_t *n, struct why *why);

/* The text form of a step again. */
void step_format(const struct step *s, char *text, size_t size);

/* Pages [first, end) that the step is for, whole units only. */
void step_range(const struct run *r, const struct step *s, size_t *first, size_t *end);

__attribute__((format(printf, 2, 3)))
void step_say(struct step_log *log, const char *fmt, ...);

/* The kinds, by the file that has them. step_guest.c: */
int step_touch(struct run *r, const struct step *s, struct step_log *log);
int step_write(struct run *r, const struct step *s, struct step_log *log);
int step_check(struct run *r, const struct step *s, struct step_log *log);
int step_write_refused(struct run *r, const struct step *s, struct step_log *log);
int step_write_mmio(struct run *r, const struct step *s, struct step_log *log);
int step_exec(struct run *r, const struct step *s, struct step_log *log);
int step_remap(struct run *r, const struct step *s, struct step_log *log);
int step_vmm_read(struct run *r, const struct step *s, struct step_log *log);
int step_vmm_write(struct run *r, const struct step *s, struct step_log *log);
int step_vmm_fill(struct run *r, const struct step *s, struct step_log *log);

/* step_mm.c: what the kernel does at once, with a known extent */
int step_msync(struct run *r, const struct step *s, struct step_log *log);
int step_sync(struct run *r, const struct step *s, struct step_log *log);
int step_dontneed(struct run *r, const struct step *s, struct step_log *log);
int step_free(struct run *r, const struct step *s, struct step_log *log);
int step_free_half(struct run *r, const struct step *s, struct step_log *log);
int step_split_map(struct run *r, const struct step *s, struct step_log *log);
int step_collapse(struct run *r, const struct step *s, struct step_log *log);
int step_punch(struct run *r, const struct step *s, struct step_log *log);
int step_remove(struct run *r, const struct step *s, struct step_log *log);
int step_truncate(struct run *r, const struct step *s, struct step_log *log);
int step_mprotect_ro(struct run *r, const struct step *s, struct step_log *log);
int step_mprotect_rw(struct run *r, const struct step *s, struct step_log *log);

/* step_fork.c */
int step_fork_write(struct run *r, const struct step *s, struct step_log *log);

/* step_reclaim.c: what only the kernel knows the extent of */
int step_pageout(struct run *r, const struct step *s, struct step_log *log);
int step_reclaim(struct run *r, const struct step *s, struct step_log *log);
int step_swap_high(struct run *r, const struct step *s, struct step_log *log);
int step_swap_high_off(struct run *r, const struct step *s, struct step_log *log);

/* step_move.c: pages change places */
int step_ksm(struct run *r, const struct step *s, struct step_log *log);
int step_unmerge(struct run *r, const struct step *s, struct step_log *log);
int step_scatter(struct run *r, const struct step *s, struct step_log *log);
int step_migrate(struct run *r, const struct step *s, struct step_log *log);
int step_compact(struct run *r, const struct step *s, struct step_log *log);

/* step_kvm.c */
int step_dirty_on(struct run *r, const struct step *s, struct step_log *log);
int step_dirty_get(struct run *r, const struct step *s, struct step_log *log);
int step_wait(struct run *r, const struct step *s, struct step_log *log);
int step_dirty_off(struct run *r, const struct step *s, struct step_log *log);
int step_slot_delete(struct run *r, const struct step *s, struct step_log *log);
int step_slot_create(struct run *r, const struct step *s, struct step_log *log);
int step_slot_move(struct run *r, const struct step *s, struct step_log *log);
int step_prefault(struct run *r, const struct step *s, struct step_log *log);
int step_churn(struct run *r, const struct step *s, struct step_log *log);

/* stress.c: VMs of its own, which live until the end of the run */
int step_stress(struct run *r, const struct step *s, struct step_log *log);

#endif
