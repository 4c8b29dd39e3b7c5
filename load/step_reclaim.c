// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps that push guest memory out to swap. Which pages go is the kernel's choice: pagemap says
 * afterwards which ones are gone, and those KVM must have zapped.
 */
#include "run.h"
#include "step_guest.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define RECLAIM_TRIES 40
#define RECLAIM_FRUITLESS 5

static const char why_reclaim[] = "the kernel chooses which pages it reclaims";

/* Plays what pagemap shows to the models. Returns the pages of VM vm that are still there. */
static int observe(struct run *r, unsigned int vm, size_t *resident)
{
	uint8_t *fates = malloc(r->pages);
	int err = fates ? 0 : -ENOMEM;

	for (unsigned int i = 0; !err && i < r->nviews; i++) {
		err = run_fates(r, i, NULL, fates);
		if (err)
			break;
		model_observe(&r->models[i], fates);
		if (i != vm)
			continue;
		*resident = 0;
		for (size_t p = 0; p < r->pages; p++)
			*resident += fates[p] == FATE_SAME;
	}
	free(fates);
	if (err)
		return why_set(&r->why, STATUS_ERROR, "cannot read /proc/self/pagemap: %s",
			       strerror(-err));
	return 0;
}

/*
 * While the guest stands still, a page that is gone was zapped once. Of one that stayed it is not
 * known: reclaim may have tried and put it back.
 */
static void blur(struct run *r, size_t resident)
{
	if (resident)
		expect_blur(&r->expect, 1u << COUNT_ZAPS | BLUR_STOCK, why_reclaim);
	r->uncertain = "a page that comes back from swap may fault twice";
}

int step_pageout(struct run *r, const struct step *s, struct step_log *log)
{
	size_t before = 0;
	size_t after = 0;
	size_t first;
	size_t end;
	int status = observe(r, s->vm, &before);

	if (status)
		return status;
	step_range(r, s, &first, &end);
	if (madvise(r->mems[s->vm].hva + first * GUEST_PAGE, (end - first) * GUEST_PAGE,
		    MADV_PAGEOUT) < 0)
		return why_set(&r->why, errno == EINVAL ? STATUS_UNSUPPORTED : STATUS_ERROR,
			       "MADV_PAGEOUT on %s: %s", r->mems[0].backing->name, strerror(errno));
	status = observe(r, s->vm, &after);
	if (status)
		return status;
	blur(r, after);
	step_say(log, "MADV_PAGEOUT: %zu of %zu resident pages went", before - after, before);
	return 0;
}

/* Without memory.reclaim (before 5.19): a low memory.high reclaims at once, too. */
static int reclaim_once(const struct run *r)
{
	char path[256];
	char text[32];

	snprintf(text, sizeof(text), "%zu", r->mems[0].size);
	host_cgroup_file(&r->host, "memory.reclaim", path, sizeof(path));

	int err = host_write(path, text);

	if (err != -ENOENT)
		return err == -EAGAIN ? 0 : err;
	host_cgroup_file(&r->host, "memory.high", path, sizeof(path));
	err = host_write(path, "1M");
	if (!err)
		err = host_write(path, "max");
	return err;
}

int step_reclaim(struct run *r, const struct step *s, struct step_log *log)
{
	size_t before = 0;
	size_t resident = 0;
	int status = observe(r, s->vm, &before);
	int fruitless = 0;

	resident = before;
	for (int i = 0; !status && i < RECLAIM_TRIES && fruitless < RECLAIM_FRUITLESS && resident; i++) {
		size_t old = resident;
		int err = reclaim_once(r);

		if (err)
			return why_set(&r->why, STATUS_ERROR, "cannot reclaim in the cgroup %s: %s",
				       r->host.cgroup, strerror(-err));
		status = observe(r, s->vm, &resident);
		fruitless = resident < old ? 0 : fruitless + 1;
		/* Pages under writeback go in the next try. */
		if (!status && wait_fd(&r->wait, -1, 0.02) < 0)
			return why_set(&r->why, STATUS_ERROR, "interrupted");
	}
	if (status)
		return status;
	blur(r, resident);
	step_say(log, "memory.reclaim: %zu of %zu resident pages went", before - resident, before);
	return 0;
}

static int set_high(struct run *r, const char *text)
{
	char path[256];

	host_cgroup_file(&r->host, "memory.high", path, sizeof(path));

	int err = host_write(path, text);

	if (err)
		return why_set(&r->why, STATUS_ERROR, "cannot write '%s' to %s: %s", text, path,
			       strerror(-err));
	return 0;
}

int step_swap_high(struct run *r, const struct step *s, struct step_log *log)
{
	char text[32];
	char path[256];
	uint64_t now = 0;
	size_t resident = 0;
	int status = observe(r, s->vm, &resident);

	if (status)
		return status;
	/* What the process itself uses must not count, or it would be reclaimed to a standstill. */
	host_cgroup_file(&r->host, "memory.current", path, sizeof(path));
	host_read_number(path, &now);

	uint64_t other = now > resident * GUEST_PAGE ? now - resident * GUEST_PAGE : 0;
	uint64_t high = other + r->pages * GUEST_PAGE / 2 + (1 << 20);

	snprintf(text, sizeof(text), "%llu", (unsigned long long)high);
	r->reclaiming = true;
	expect_blur(&r->expect, BLUR_ALL, why_reclaim);
	step_say(log, "memory.high %llu KiB for %zu KiB of guest memory",
		 (unsigned long long)high >> 10, r->pages * 4);
	return set_high(r, text);
}

int step_swap_high_off(struct run *r, const struct step *s, struct step_log *log)
{
	size_t resident = 0;
	int status = set_high(r, "max");

	if (!status)
		status = observe(r, s->vm, &resident);
	r->reclaiming = false;
	step_say(log, "memory.high max; %zu of %zu pages are resident", resident, r->pages);
	return status;
}
