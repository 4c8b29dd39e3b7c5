// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stress from beginning to end: VMs with regions of every kind of memory, the threads, and the
 * comparison of all pages when they have stopped.
 */
#include "stress.h"

#include "run.h"
#include "step_guest.h"
#include "touch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define VMS_DEFAULT 2
#define SECONDS_DEFAULT 3
#define REGION_GPA 0x10000000UL		/* apart, for at most so many bytes */
#define ALIAS_GPA 0x80000000UL		/* behind all others */
#define END_SECONDS 120.0
#define THP "/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define KSM "/sys/kernel/mm/ksm/"

static const struct region_kind kinds[STRESS_REGIONS] = {
	{ .backing = "anon-thp", .huge = true },
	{ .backing = "anon-4k", .merges = true },
	{ .backing = "memfd", .shared = true, .huge = true },
	{ .backing = "file" },
	{ .backing = "anon-4k", .lossy = true },
	{ .backing = "memfd", .lossy = true },
};

/* Both work at a pace of minutes otherwise; any faster than this they take the CPUs from us. */
static void wake_daemons(struct run *r)
{
	host_set(&r->host, THP "scan_sleep_millisecs", "100");
	host_set(&r->host, THP "alloc_sleep_millisecs", "100");
	host_set(&r->host, KSM "sleep_millisecs", "100");
	host_set(&r->host, KSM "pages_to_scan", "200");
	host_set(&r->host, KSM "run", "1");
}

static int open_region(struct run *r, unsigned int vm, unsigned int i, size_t pages)
{
	struct stress *s = r->stress;
	struct region *g = &s->vms[vm].regions[i];
	const struct region *first = &s->vms[0].regions[i];
	const struct backing *b = backing_find(kinds[i].backing);
	size_t unit = kinds[i].huge ? PAGES_2M : b->unit;
	size_t size = (pages + unit - 1) / unit * unit * GUEST_PAGE;
	const struct mem_source from = { .dir = r->dir, .vm_fd = -1 };
	bool again = kinds[i].shared && vm > 0;
	int status = again ? mem_share(&g->mem, &first->mem, &r->why)
			   : mem_open(&g->mem, b, size, &from, &r->why);

	if (!status && kinds[i].huge)
		madvise(g->mem.hva, g->mem.size, MADV_HUGEPAGE);
	g->kind = &kinds[i];
	g->pages = pages;
	g->gpa = GUEST_MEM_GPA + i * REGION_GPA;
	if (again)
		g->base = first->base;
	else
		g->base = (vm * STRESS_REGIONS + i) * pages;
	return status;
}

static int open_slots(struct run *r, struct stress_vm *v)
{
	struct vm *vm = &v->vm;

	vm->nslots = STRESS_SLOTS;
	for (unsigned int i = 0; i < STRESS_SLOTS; i++) {
		const struct region *g = &v->regions[i];

		for (unsigned int k = 0; i == STRESS_ALIAS_SLOT && k < STRESS_REGIONS; k++)
			if (kinds[k].shared)
				g = &v->regions[k];
		pthread_rwlock_init(&v->slot_use[i], NULL);
		vm->slots[i] = (struct vm_slot){
			.gpa = i == STRESS_ALIAS_SLOT ? g->gpa + ALIAS_GPA : g->gpa,
			.pages = g->mem.size / GUEST_PAGE, .hva = g->mem.hva, .live = true,
		};

		int err = vm_set_slot(vm, i);

		if (err)
			return why_set(&r->why, STATUS_ERROR, "cannot create memslot %u: %s", i + 1,
				       strerror(-err));
	}
	pthread_mutex_init(&v->slot_change, NULL);
	return 0;
}

static int open_vms(struct run *r, size_t pages)
{
	struct stress *s = r->stress;
	int status = 0;

	for (unsigned int k = 0; !status && k < s->nvms; k++) {
		struct stress_vm *v = &s->vms[k];
		unsigned int nvcpus = s->nvcpus * (k + 1) / s->nvms - s->nvcpus * k / s->nvms;

		for (unsigned int i = 0; !status && i < STRESS_REGIONS; i++)
			status = open_region(r, k, i, pages);
		if (!status)
			status = vm_open(&v->vm, nvcpus, GUEST_FLAT, 0, &r->why);
		if (!status)
			status = open_slots(r, v);
	}
	return status;
}

static void open_actors(struct run *r)
{
	struct stress *s = r->stress;
	unsigned int id = 0;

	for (unsigned int k = 0; k < s->nvms; k++) {
		struct vm *vm = &s->vms[k].vm;

		for (unsigned int i = 0; i < vm->nvcpus; i++, id++) {
			struct actor *a = &s->actors[id];

			*a = (struct actor){
				.r = r, .stress = s, .vm = &s->vms[k], .id = id, .own_id = i,
				.nshared = s->nvcpus, .nown = vm->nvcpus,
			};
			dice_init(&a->dice, r->seed, id);
		}
	}
}

/* Every vCPU works for next, each on the actor of its own. */
static void start_guests(struct stress *s,
			 bool (*next)(void *arg, const struct vcpu *v, struct guest_job *job))
{
	unsigned int id = 0;

	for (unsigned int k = 0; k < s->nvms; k++) {
		struct vm_work *work = &s->work[id];

		for (unsigned int i = 0; i < s->vms[k].vm.nvcpus; i++, id++)
			s->work[id] = (struct vm_work){ .next = next, .arg = &s->actors[id] };
		vm_start(&s->vms[k].vm, work);
	}
}

static int wait_guests(struct run *r)
{
	struct stress *s = r->stress;
	int status = 0;

	for (unsigned int k = 0; k < s->nvms; k++) {
		int one = vm_wait(&s->vms[k].vm, END_SECONDS, &r->wait, &r->why);

		if (!one)
			one = guest_must_end(r, &s->vms[k].vm, JOB_DONE, 0, "");
		status = status ? status : one;
	}
	return status;
}

static bool any_failed(const struct stress *s)
{
	for (unsigned int i = 0; i < STRESS_HOST_THREADS; i++)
		if (__atomic_load_n(&s->hosts[i].failed, __ATOMIC_ACQUIRE))
			return true;
	for (unsigned int k = 0; k < s->nvms; k++)
		for (unsigned int i = 0; i < s->vms[k].vm.nvcpus; i++)
			if (__atomic_load_n(&s->vms[k].vm.vcpus[i].end, __ATOMIC_RELAXED) != JOB_DONE)
				return true;
	return false;
}

static int start_hosts(struct run *r)
{
	struct stress *s = r->stress;

	for (unsigned int i = 0; i < STRESS_HOST_THREADS; i++) {
		struct host_thread *h = &s->hosts[i];

		h->r = r;
		h->stress = s;
		h->id = i;
		dice_init(&h->dice, r->seed, 1000 + i);

		int err = pthread_create(&h->thread, NULL, host_thread, h);

		if (err)
			return why_set(&r->why, STATUS_ERROR, "cannot start a thread: %s", strerror(err));
		h->started = true;
	}
	return 0;
}

static int join_hosts(struct run *r)
{
	struct stress *s = r->stress;
	int status = 0;

	for (unsigned int i = 0; i < STRESS_HOST_THREADS; i++) {
		struct host_thread *h = &s->hosts[i];

		if (!h->started)
			continue;
		pthread_join(h->thread, NULL);
		h->started = false;
		if (h->failed)
			status = why_set(&r->why, STATUS_ERROR, "the host's action '%s' failed: %s",
					 h->failed, strerror(h->error));
		for (size_t k = 0; stress_action_name(k); k++)
			report_action(&r->report, stress_action_name(k), h->counts[k]);
	}
	return status;
}

/* The slots may have been left with dirty logging on. */
static int work_for(struct run *r, double seconds)
{
	struct stress *s = r->stress;
	double end = wait_now() + seconds;

	start_guests(s, actor_next);

	int status = start_hosts(r);

	while (!status && wait_now() < end && !any_failed(s)) {
		double left = end - wait_now();

		if (wait_fd(&r->wait, -1, left < 0.1 ? left : 0.1) < 0)
			status = why_set(&r->why, STATUS_ERROR, "interrupted");
	}
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);

	int joined = join_hosts(r);
	int ended = wait_guests(r);

	if (status)
		return status;
	return joined ? joined : ended;
}

/* What the host discarded since its vCPU looked last. */
static void forget_discarded(struct run *r)
{
	for (unsigned int k = 0; k < r->stress->nvms; k++) {
		for (unsigned int i = 0; i < STRESS_REGIONS; i++) {
			const struct region *g = &r->stress->vms[k].regions[i];

			for (size_t p = 0; g->kind->lossy && p < g->pages; p++)
				if (*(volatile uint32_t *)(g->mem.hva + p * GUEST_PAGE) == 0)
					data_fill(&r->data, g->base + p, g->base + p + 1, 0);
		}
	}
}

/* At rest, each VM must see in every page what the host sees. */
static int review(struct run *r)
{
	struct stress *s = r->stress;
	size_t wrong = 0;

	forget_discarded(r);
	for (unsigned int id = 0; id < s->nvcpus; id++)
		s->actors[id].region = 0;
	start_guests(s, actor_review);

	int status = wait_guests(r);

	for (unsigned int k = 0; k < s->nvms; k++)
		for (unsigned int i = 0; i < s->vms[k].vm.nvcpus; i++)
			wrong += s->vms[k].vm.vcpus[i].mismatches;
	for (unsigned int id = 0; id < s->nvcpus; id++) {
		wrong += s->actors[id].wrong;
		r->report.guest_checked += s->actors[id].checked;
	}
	r->report.guest_wrong += wrong;
	return status;
}

static int prepare(struct run *r, struct step_log *log, size_t *pages)
{
	struct stress *s = calloc(1, sizeof(*s));
	unsigned int nvms = r->many_vms ? r->many_vms : VMS_DEFAULT;
	int status = 0;

	if (!s)
		return why_set(&r->why, STATUS_ERROR, "out of memory");
	r->stress = s;
	for (unsigned int k = 0; k < STRESS_VMS_MAX; k++) {
		s->vms[k].vm.fd = -1;
		s->vms[k].vm.done_fd = -1;
		for (unsigned int i = 0; i < STRESS_REGIONS; i++)
			s->vms[k].regions[i].mem.fd = -1;
	}
	if (nvms > STRESS_VMS_MAX || nvms > r->nvcpus)
		return why_set(&r->why, STATUS_ERROR,
			       "the stress takes at most %d --vms, and no more than --vcpus (%u)",
			       STRESS_VMS_MAX, r->nvcpus);
	s->nvms = nvms;
	s->nvcpus = r->nvcpus;
	*pages = (r->pages + STRESS_REGIONS - 1) / STRESS_REGIONS;
	if (*pages > REGION_GPA / GUEST_PAGE)
		return why_set(&r->why, STATUS_ERROR, "the stress takes at most %lu --pages",
			       STRESS_REGIONS * REGION_GPA / GUEST_PAGE);
	s->actors = calloc(s->nvcpus, sizeof(*s->actors));
	s->work = calloc(s->nvcpus, sizeof(*s->work));
	if (!s->actors || !s->work || data_init(&r->data, *pages * STRESS_REGIONS * s->nvms))
		return why_set(&r->why, STATUS_ERROR, "out of memory");
	for (unsigned int i = 0; !status && i < STRESS_REGIONS; i++)
		status = backing_prepare(backing_find(kinds[i].backing), *pages * GUEST_PAGE, &r->host,
					 &r->why);
	wake_daemons(r);
	step_say(log, "seed %llu", (unsigned long long)r->seed);
	return status;
}

int step_stress(struct run *r, const struct step *st, struct step_log *log)
{
	double seconds = r->seconds ? r->seconds : SECONDS_DEFAULT;
	uint64_t jobs = 0;
	size_t pages = 0;

	(void)st;
	if (r->stress)
		return why_set(&r->why, STATUS_ERROR, "there is one stress in a run; use --seconds");

	int status = prepare(r, log, &pages);

	if (!status)
		status = open_vms(r, pages);
	if (status)
		return status;
	open_actors(r);
	r->expect.unbounded = BLUR_ALL;
	expect_blur(&r->expect, BLUR_ALL, "a stress has no plan");
	status = work_for(r, seconds);
	if (status)
		return status;
	for (unsigned int id = 0; id < r->stress->nvcpus; id++)
		jobs += r->stress->actors[id].jobs;
	status = review(r);
	step_say(log, "seed %llu: %llu guest jobs", (unsigned long long)r->seed,
		 (unsigned long long)jobs);
	return status;
}

struct final_check {
	struct run *r;
	const struct region *region;
};

static void check_page(void *arg, size_t page, uint32_t value)
{
	const struct final_check *c = arg;

	if (value || !c->region->kind->lossy)
		lost_add(&c->r->lost, &c->r->data, c->region->base + page, value);
}

int stress_check(struct run *r)
{
	for (unsigned int k = 0; k < r->stress->nvms; k++) {
		for (unsigned int i = 0; i < STRESS_REGIONS; i++) {
			struct final_check c = { r, &r->stress->vms[k].regions[i] };
			const struct touch t = { .op = TOUCH_VISIT, .hva = c.region->mem.hva,
						 .end = c.region->pages, .visit = check_page, .arg = &c };
			size_t page;

			/* A region that all VMs share is checked once. */
			if (c.region->kind->shared && k)
				continue;
			if (touch_pages(&t, &page))
				return run_no_page(r, page);
		}
	}
	return 0;
}

void stress_report(struct run *r)
{
	for (unsigned int k = 0; k < r->stress->nvms; k++)
		if (r->stress->vms[k].vm.fd >= 0)
			report_vm(&r->report, &r->stress->vms[k].vm, true);
}

bool stress_close(struct run *r)
{
	struct stress *s = r->stress;
	bool stuck = false;

	for (unsigned int k = 0; k < STRESS_VMS_MAX; k++) {
		struct stress_vm *v = &s->vms[k];

		vm_close(&v->vm);
		stuck |= v->vm.stuck;
		for (unsigned int i = 0; !stuck && i < STRESS_REGIONS; i++)
			if (v->regions[i].mem.backing)
				mem_close(&v->regions[i].mem);
	}
	if (stuck)
		return true;
	free(s->actors);
	free(s->work);
	free(s);
	r->stress = NULL;
	return false;
}
