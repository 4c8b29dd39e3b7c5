// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps on the host's side that the kernel carries out at once, with an extent we know.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define COLLAPSE_TRIES 8

struct range {
	size_t first;
	size_t end;
	char *hva;
	size_t size;	/* in bytes; a last unit counts whole */
};

static struct range range_of(const struct run *r, const struct step *s)
{
	struct range g;
	size_t unit = r->models[0].unit;

	step_range(r, s, &g.first, &g.end);

	size_t last = (g.end + unit - 1) / unit * unit;

	g.hva = r->mems[s->vm].hva + g.first * GUEST_PAGE;
	g.size = (last - g.first) * GUEST_PAGE;
	return g;
}

static int refused(struct run *r, const char *what, int err)
{
	return why_set(&r->why, err == EINVAL || err == EOPNOTSUPP ? STATUS_UNSUPPORTED : STATUS_ERROR,
		       "%s on %s: %s", what, r->mems[0].backing->name, strerror(err));
}

static int need_file(struct run *r, const struct step *s)
{
	if (r->mems[s->vm].fd >= 0)
		return 0;
	return why_set(&r->why, STATUS_ERROR, "%s needs a backing that is a file, not %s",
		       s->kind->name, r->mems[s->vm].backing->name);
}

static void invalidate_all(struct run *r, const struct range *g, enum host_pte to)
{
	for (unsigned int i = 0; i < r->nviews; i++)
		model_invalidate(&r->models[i], g->first, g->end, to);
}

/* Writeback of its own, at any time, can only add to what we count. */
static void model_writeback(struct run *r)
{
	if (!r->mems[0].backing->writeback)
		return;
	for (unsigned int i = 0; i < r->nviews; i++)
		model_clean(&r->models[i]);
}

int step_msync(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);

	if (msync(g.hva, g.size, MS_SYNC) < 0)
		return refused(r, "msync", errno);
	if (g.first == 0 && g.end == r->pages)
		model_writeback(r);
	else
		expect_blur(&r->expect, BLUR_ALL, "msync of a part may write more");
	step_say(log, "msync of %zu pages", g.end - g.first);
	return 0;
}

int step_sync(struct run *r, const struct step *s, struct step_log *log)
{
	(void)s;
	sync();
	model_writeback(r);
	step_say(log, "sync of all file systems");
	return 0;
}

int step_dontneed(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);

	if (madvise(g.hva, g.size, MADV_DONTNEED) < 0)
		return refused(r, "MADV_DONTNEED", errno);
	model_invalidate(&r->models[s->vm], g.first, g.end, HOST_NONE);
	if (r->mems[s->vm].backing->discards)
		data_fill(&r->data, g.first, g.end, 0);
	step_say(log, "MADV_DONTNEED of %zu pages", g.end - g.first);
	return 0;
}

int step_free(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);

	if (madvise(g.hva, g.size, MADV_FREE) < 0)
		return refused(r, "MADV_FREE", errno);
	model_invalidate(&r->models[s->vm], g.first, g.end, HOST_KEEP);
	data_forget(&r->data, g.first, g.end);
	step_say(log, "MADV_FREE of %zu pages", g.end - g.first);
	return 0;
}

/* MADV_FREE of a part of a huge page splits it; where it cannot, the pages stay huge. */
static int free_half(struct run *r, const struct range *g)
{
	uint64_t before = 0;
	uint64_t after = 0;
	size_t huge = 0;

	host_vmstat("thp_split_page", &before);
	for (size_t p = g->first; p < g->end; p += PAGES_2M, huge++) {
		char *half = g->hva + (p - g->first + PAGES_2M / 2) * GUEST_PAGE;

		if (madvise(half, PAGES_2M / 2 * GUEST_PAGE, MADV_FREE) < 0)
			return refused(r, "MADV_FREE", errno);
		data_forget(&r->data, p + PAGES_2M / 2 < g->end ? p + PAGES_2M / 2 : g->end,
			    p + PAGES_2M < g->end ? p + PAGES_2M : g->end);
	}
	host_vmstat("thp_split_page", &after);
	if (after - before < huge)
		expect_blur(&r->expect, BLUR_ALL, "some huge pages could not be split");
	return 0;
}

int step_free_half(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);
	struct model *m = &r->models[s->vm];

	if (m->unit != PAGES_2M || s->parts)
		return why_set(&r->why, STATUS_ERROR,
			       "free-half is for all pages of a backing with 2M pages, such as anon-thp");

	int status = free_half(r, &g);

	if (status)
		return status;
	if (m->ahead)
		expect_blur(&r->expect, BLUR_ALL, "KVM does not use its TDP MMU here");
	if (model_resize(m, 1, LEVEL_4K))
		return why_set(&r->why, STATUS_ERROR, "out of memory for the model");
	step_say(log, "MADV_FREE of the second half of each huge page");
	return 0;
}

/*
 * Rights that differ inside a huge page split the host's mapping of it, not the page: from then on it is
 * mapped by 4K, also when the rights are the same again.
 */
int step_split_map(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);
	struct model *m = &r->models[s->vm];

	if (m->unit != PAGES_2M || s->parts)
		return why_set(&r->why, STATUS_ERROR,
			       "split-map is for all pages of a backing with 2M pages, such as anon-thp");
	for (size_t p = g.first; p < g.end; p += PAGES_2M) {
		char *page = g.hva + (p - g.first + PAGES_2M / 2) * GUEST_PAGE;

		if (mprotect(page, GUEST_PAGE, PROT_READ) < 0 ||
		    mprotect(page, GUEST_PAGE, PROT_READ | PROT_WRITE) < 0)
			return refused(r, "mprotect", errno);
	}
	if (m->ahead)
		expect_blur(&r->expect, BLUR_ALL, "KVM does not use its TDP MMU here");
	/* can_change_pte_writable(), mm/mprotect.c: up to 6.1 only if the entry is dirty */
	expect_blur(&r->expect, 1u << COUNT_HVA_TO_PFN, "mprotect may leave the page read-only until it is written");
	if (model_resize(m, 1, LEVEL_4K))
		return why_set(&r->why, STATUS_ERROR, "out of memory for the model");
	step_say(log, "the host's mappings of huge pages split, by mprotect");
	return 0;
}

/* A page that is in some list of a CPU at this moment makes it fail with EAGAIN: try again. */
static int collapse(const struct range *g, struct waiter *w)
{
	for (int i = 0; i < COLLAPSE_TRIES; i++) {
		if (madvise(g->hva, g->size, MADV_COLLAPSE) == 0)
			return 0;
		if (errno != EAGAIN)
			return errno;
		if (wait_fd(w, -1, 0.1) < 0)
			return EINTR;
	}
	return EAGAIN;
}

int step_collapse(struct run *r, const struct step *s, struct step_log *log)
{
	const struct step all = { .vm = s->vm };
	struct range g = range_of(r, &all);

	g.size = r->mems[s->vm].size;
	if (madvise(g.hva, g.size, MADV_HUGEPAGE) < 0)
		return refused(r, "MADV_HUGEPAGE", errno);

	int err = collapse(&g, &r->wait);

	if (err == EINVAL)
		return why_set(&r->why, STATUS_UNSUPPORTED,
			       "MADV_COLLAPSE on %s: %s; kernels have it from 6.1, for file systems "
			       "later", r->mems[0].backing->name, strerror(err));
	if (err)
		return refused(r, "MADV_COLLAPSE", err);
	if (r->nviews > 1)
		expect_blur(&r->expect, BLUR_ALL, "a collapse of memory that two VMs map");
	err = model_resize(&r->models[s->vm], PAGES_2M, LEVEL_2M);
	if (err)
		return why_set(&r->why, STATUS_ERROR, "out of memory for the model");
	step_say(log, "MADV_COLLAPSE of %zu MiB", g.size >> 20);
	return 0;
}

int step_punch(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);
	int fd = r->mems[s->vm].fd;

	if (need_file(r, s))
		return (int)r->why.status;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)(g.first * GUEST_PAGE), (off_t)g.size) < 0)
		return refused(r, "fallocate(PUNCH_HOLE)", errno);
	invalidate_all(r, &g, HOST_NONE);
	data_fill(&r->data, g.first, g.end, 0);
	step_say(log, "hole of %zu pages punched", g.end - g.first);
	return 0;
}

int step_remove(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);

	if (madvise(g.hva, g.size, MADV_REMOVE) < 0)
		return refused(r, "MADV_REMOVE", errno);
	invalidate_all(r, &g, HOST_NONE);
	data_fill(&r->data, g.first, g.end, 0);
	step_say(log, "MADV_REMOVE of %zu pages", g.end - g.first);
	return 0;
}

int step_truncate(struct run *r, const struct step *s, struct step_log *log)
{
	struct range g = range_of(r, s);
	struct mem *m = &r->mems[s->vm];

	if (need_file(r, s))
		return (int)r->why.status;
	if (ftruncate(m->fd, (off_t)(g.first * GUEST_PAGE)) < 0 ||
	    ftruncate(m->fd, (off_t)m->size) < 0)
		return refused(r, "ftruncate", errno);
	g.end = r->pages;
	invalidate_all(r, &g, HOST_NONE);
	data_fill(&r->data, g.first, g.end, 0);
	step_say(log, "file cut to %zu pages and made %zu pages long again", g.first,
		 m->size / GUEST_PAGE);
	return 0;
}

static int protect(struct run *r, const struct step *s, int prot, enum host_pte to)
{
	struct range g = range_of(r, s);

	if (mprotect(g.hva, g.size, prot) < 0)
		return refused(r, "mprotect", errno);
	model_invalidate(&r->models[s->vm], g.first, g.end, to);
	return 0;
}

int step_mprotect_ro(struct run *r, const struct step *s, struct step_log *log)
{
	step_say(log, "mprotect to read only");
	return protect(r, s, PROT_READ, HOST_RO);
}

int step_mprotect_rw(struct run *r, const struct step *s, struct step_log *log)
{
	if (r->models[s->vm].ahead)
		expect_blur(&r->expect, BLUR_ALL, "the kernel chooses which pages are writable at once");
	step_say(log, "mprotect to read and write");
	return protect(r, s, PROT_READ | PROT_WRITE, HOST_RW);
}
