// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps after which the same data sits in other host pages: KSM, migration, compaction.
 */
#include "run.h"
#include "step_guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KSM "/sys/kernel/mm/ksm/"
#define KSM_SECONDS 90.0
#define MPOL_MF_MOVE 2

/* Pages of this process that KSM has merged; kernels without this file know only the host's sum. */
static uint64_t merged_pages(void)
{
	uint64_t n = 0;
	uint64_t shared = 0;

	if (!host_read_number("/proc/self/ksm_merging_pages", &n))
		return n;
	host_read_number(KSM "pages_sharing", &n);
	host_read_number(KSM "pages_shared", &shared);
	return n + shared;
}

static int start_ksmd(struct run *r)
{
	char scan[32];
	int err;

	snprintf(scan, sizeof(scan), "%zu", r->pages < 1000 ? 1000 : r->pages);
	host_set(&r->host, KSM "sleep_millisecs", "10");
	host_set(&r->host, KSM "pages_to_scan", scan);
	err = host_set(&r->host, KSM "run", "1");
	if (err)
		return why_set(&r->why, STATUS_UNSUPPORTED, "cannot start ksmd by " KSM "run: %s",
			       strerror(-err));
	return 0;
}

int step_ksm(struct run *r, const struct step *s, struct step_log *log)
{
	struct mem *mem = &r->mems[s->vm];
	uint64_t merged = 0;
	int status = start_ksmd(r);
	double end = wait_now() + KSM_SECONDS;

	if (status)
		return status;
	if (madvise(mem->hva, r->pages * GUEST_PAGE, MADV_MERGEABLE) < 0)
		return why_set(&r->why, STATUS_UNSUPPORTED, "MADV_MERGEABLE on %s: %s",
			       mem->backing->name, strerror(errno));
	while (wait_now() < end) {
		merged = merged_pages();
		if (merged >= r->pages)
			break;
		if (wait_fd(&r->wait, -1, 0.05) < 0)
			return why_set(&r->why, STATUS_ERROR, "interrupted");
	}
	if (!merged)
		return why_set(&r->why, STATUS_ERROR,
			       "ksmd merged no page within %.0f s; are they alike (vmm-fill)?",
			       KSM_SECONDS);
	expect_blur(&r->expect, BLUR_ALL, "ksmd chooses when it write-protects and merges");
	if (merged >= r->pages)
		model_invalidate(&r->models[s->vm], 0, r->pages, HOST_COW);
	step_say(log, "ksmd merged %llu of %zu pages", (unsigned long long)merged, r->pages);
	return 0;
}

int step_unmerge(struct run *r, const struct step *s, struct step_log *log)
{
	if (madvise(r->mems[s->vm].hva, r->pages * GUEST_PAGE, MADV_UNMERGEABLE) < 0)
		return why_set(&r->why, STATUS_UNSUPPORTED, "MADV_UNMERGEABLE: %s",
			       strerror(errno));
	expect_blur(&r->expect, BLUR_ALL, "only some pages were merged");
	step_say(log, "MADV_UNMERGEABLE of %zu pages", r->pages);
	return 0;
}

struct moves {
	uint64_t *before;
	uint8_t *fates;
};

static int moves_start(struct run *r, unsigned int vm, struct moves *m)
{
	m->before = calloc(r->pages, sizeof(*m->before));
	m->fates = calloc(r->pages, sizeof(*m->fates));
	int err = m->before && m->fates ? 0 : -ENOMEM;

	if (!err)
		err = host_pagemap(r->mems[vm].hva, r->pages, m->before);
	if (err)
		return why_set(&r->why, STATUS_ERROR, "cannot read /proc/self/pagemap: %s",
			       strerror(-err));
	return 0;
}

/* Counts the pages that moved, and ends the observation. */
static int moves_end(struct run *r, unsigned int vm, struct moves *m, int status, size_t *moved)
{
	*moved = 0;
	if (!status) {
		int err = run_fates(r, vm, m->before, m->fates);

		if (err)
			status = why_set(&r->why, STATUS_ERROR, "cannot read /proc/self/pagemap: %s",
					 strerror(-err));
	}
	if (!status) {
		for (size_t i = 0; i < r->pages; i++)
			*moved += m->fates[i] == FATE_MOVED;
		/* A page that stayed may have been unmapped and mapped again. */
		if (*moved < r->pages)
			expect_blur(&r->expect, BLUR_ALL, "the kernel chooses which pages it moves");
		model_observe(&r->models[vm], m->fates);
	}
	free(m->before);
	free(m->fates);
	return status;
}

/*
 * Compaction fills holes at the high end of a zone with pages from its low end, but not where all
 * is free. So memory that is taken and given back page by page leaves holes for the guest's pages,
 * and the rest of it goes before compaction: the guest's pages then lie scattered, and most move.
 */
int step_scatter(struct run *r, const struct step *s, struct step_log *log)
{
	(void)s;
	if (r->ballast)
		munmap(r->ballast, r->ballast_size);
	r->ballast_size = 4 * r->pages * GUEST_PAGE;
	r->ballast = mmap(NULL, r->ballast_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->ballast == MAP_FAILED) {
		r->ballast = NULL;
		return why_set(&r->why, STATUS_ERROR, "cannot get %zu MiB to scatter pages: %s",
			       r->ballast_size >> 20, strerror(errno));
	}
	madvise(r->ballast, r->ballast_size, MADV_NOHUGEPAGE);
	madvise(r->ballast, r->ballast_size, MADV_DONTFORK);
	for (size_t at = 0; at < r->ballast_size; at += GUEST_PAGE)
		r->ballast[at] = 1;
	for (size_t at = 0; at < r->ballast_size; at += 2 * GUEST_PAGE)
		madvise(r->ballast + at, GUEST_PAGE, MADV_DONTNEED);
	step_say(log, "free memory is in single pages now");
	return 0;
}

/*
 * Compaction moves locked pages, too, unless it is told not to: the code is not under test, and each time
 * it comes back it costs one fault on x86, and two on arm64 (to walk its page tables, then to execute it).
 */
static int compact(struct run *r)
{
	if (r->ballast)
		munmap(r->ballast, r->ballast_size);
	r->ballast = NULL;

	if (host_set(&r->host, "/proc/sys/vm/compact_unevictable_allowed", "0"))
		expect_blur(&r->expect, BLUR_ALL, "compaction may move the guest's code, too");

	int err = host_write("/proc/sys/vm/compact_memory", "1");

	if (err)
		return why_set(&r->why, STATUS_ERROR, "cannot write to /proc/sys/vm/compact_memory: %s",
			       strerror(-err));
	return 0;
}

int step_compact(struct run *r, const struct step *s, struct step_log *log)
{
	struct moves m = { NULL, NULL };
	size_t moved;
	int status = moves_start(r, s->vm, &m);

	if (!status)
		status = compact(r);
	status = moves_end(r, s->vm, &m, status, &moved);
	step_say(log, "compaction moved %zu of %zu pages", moved, r->pages);
	return status;
}

/* Each page to the node behind its own. */
static int move_all(struct run *r, unsigned int vm)
{
	unsigned int n = host_nodes();
	void **pages = calloc(r->pages, sizeof(*pages));
	int *nodes = calloc(r->pages, sizeof(*nodes));
	int *result = calloc(r->pages, sizeof(*result));
	long ret = -1;

	errno = ENOMEM;
	if (pages && nodes && result) {
		for (size_t i = 0; i < r->pages; i++)
			pages[i] = r->mems[vm].hva + i * GUEST_PAGE;
		/* Without target nodes it only tells where the pages are. */
		ret = syscall(SYS_move_pages, 0, r->pages, pages, NULL, nodes, 0);
		for (size_t i = 0; i < r->pages; i++)
			nodes[i] = (int)((unsigned int)(nodes[i] < 0 ? 0 : nodes[i] + 1) % n);
		if (ret >= 0)
			ret = syscall(SYS_move_pages, 0, r->pages, pages, nodes, result,
				      MPOL_MF_MOVE);
	}

	int err = errno;

	free(pages);
	free(nodes);
	free(result);
	if (ret < 0)
		return why_set(&r->why, STATUS_ERROR, "move_pages: %s", strerror(err));
	return 0;
}

int step_migrate(struct run *r, const struct step *s, struct step_log *log)
{
	struct moves m = { NULL, NULL };
	unsigned int nodes = host_nodes();
	size_t moved;
	int status = moves_start(r, s->vm, &m);

	if (!status)
		status = nodes > 1 ? move_all(r, s->vm) : compact(r);
	status = moves_end(r, s->vm, &m, status, &moved);
	step_say(log, "%s moved %zu of %zu pages", nodes > 1 ? "move_pages" :
		 "compaction (one node)", moved, r->pages);
	return status;
}
