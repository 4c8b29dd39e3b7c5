// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run from beginning to end: make the VMs, take the steps, compare the data, take everything
 * apart again, also after an error or a signal.
 */
#include "run.h"

#include "scenario.h"
#include "step_guest.h"
#include "stress.h"
#include "touch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MPOL_LOCAL 4
#define SECOND_GPA 0x80000000UL

static int need_ksm(struct run *r)
{
	if (access("/sys/kernel/mm/ksm/run", F_OK) == 0)
		return 0;
	return why_set(&r->why, STATUS_UNSUPPORTED,
		       "this kernel has no KSM (/sys/kernel/mm/ksm is missing)");
}

static int need_compaction(struct run *r)
{
	if (access("/proc/sys/vm/compact_memory", F_OK) == 0)
		return 0;
	return why_set(&r->why, STATUS_UNSUPPORTED,
		       "this kernel has no compaction (/proc/sys/vm/compact_memory is missing)");
}

static int need_swap(struct run *r)
{
	uint64_t want = r->pages * GUEST_PAGE;
	uint64_t have = host_swap_free();

	if (have >= want)
		return 0;
	return why_set(&r->why, STATUS_UNSUPPORTED,
		       "%llu MiB of free swap are needed and there are %llu; add some: mkswap FILE && "
		       "swapon FILE, or use fewer --pages", (unsigned long long)(want >> 20) + 1,
		       (unsigned long long)have >> 20);
}

/* What can be said before anything is changed. The backing looks after its own needs. */
static int check_needs(struct run *r)
{
	int status = 0;

	if (r->needs & NEED_ROOT && !host_is_root())
		return why_set(&r->why, STATUS_UNSUPPORTED, "%s needs root; run it as root",
			       r->scenario->name);
	if (r->needs & NEED_SWAP)
		status = need_swap(r);
	if (!status && r->needs & NEED_KSM)
		status = need_ksm(r);
	if (!status && r->needs & NEED_COMPACTION)
		status = need_compaction(r);
	if (!status && r->needs & NEED_DEVICE && !r->device)
		status = why_set(&r->why, STATUS_UNSUPPORTED,
				 "%s needs a device whose memory to map; name one with --device PATH",
				 r->scenario->name);
	return status;
}

/* The page that memslot i of n begins with, or ends before as i - 1. */
static size_t slot_first(const struct run *r, unsigned int i, unsigned int n, size_t total)
{
	return r->cut && i == 1 ? r->cut : total * i / n;
}

static void describe_slots(struct run *r, unsigned int vm)
{
	const struct scenario *sc = r->scenario;
	struct vm *v = &r->vms[vm];
	size_t total = r->mems[vm].size / GUEST_PAGE;
	unsigned int n = r->cut ? 2 : sc->slots ? sc->slots : 1;

	if (n > total)
		n = (unsigned int)total;
	v->nslots = n;
	for (unsigned int i = 0; i < n; i++) {
		size_t first = slot_first(r, i, n, total);

		v->slots[i] = (struct vm_slot){
			.flags = sc->slot_flags,
			.gpa = GUEST_MEM_GPA + sc->gpa_shift + first * GUEST_PAGE,
			.first = first,
			.pages = slot_first(r, i + 1, n, total) - first,
			.hva = r->mems[vm].hva + first * GUEST_PAGE,
			.live = true,
			.gmem = r->mems[vm].backing->needs & NEED_GUEST_MEMFD,
			.gmem_fd = r->mems[vm].fd,
		};
	}
}

/* The same memory once more in the same VM: at another address, or in the address space of SMM. */
static int open_second_view(struct run *r)
{
	struct vm *vm = &r->vms[0];
	struct vm_slot *s = &vm->slots[vm->nslots];
	bool smm = r->scenario->mode == GUEST_SMM;

	if (smm && r->nvcpus > 1)
		return why_set(&r->why, STATUS_ERROR,
			       "%s is for one vCPU: all would keep their state in the same place",
			       r->scenario->name);
	if (!smm && r->mems[0].size > SECOND_GPA - GUEST_MEM_GPA)
		return why_set(&r->why, STATUS_ERROR, "too many pages for two memslots: at most %lu",
			       (SECOND_GPA - GUEST_MEM_GPA) / GUEST_PAGE);
	*s = vm->slots[0];
	if (smm)
		s->as_id = 1;
	else
		s->gpa = SECOND_GPA;
	r->mems[1] = r->mems[0];
	r->mems[1].area = NULL;
	r->mems[1].fd = -1;
	if (r->mems[0].fd >= 0)
		r->mems[1].fd = fcntl(r->mems[0].fd, F_DUPFD_CLOEXEC, 0);
	if (model_init_twin(&r->models[1], &r->models[0]))
		return why_set(&r->why, STATUS_ERROR, "out of memory for the model");
	r->views[r->nviews++] = (struct view){
		.vm = vm, .model = &r->models[1], .code = &r->models[0], .slot = vm->nslots, .smm = smm,
	};
	vm->nslots++;
	return 0;
}

static int open_view(struct run *r, unsigned int i, const struct backing *b)
{
	bool misaligned = r->scenario->gpa_shift != 0;

	if (model_init(&r->models[i], &r->expect, r->pages, misaligned ? 1 : b->unit,
		       misaligned ? LEVEL_4K : b->level, b->on_read, r->nvcpus))
		return why_set(&r->why, STATUS_ERROR, "out of memory for the model");
	r->models[i].own_pages = b->needs & NEED_GUEST_MEMFD;
	r->views[r->nviews++] = (struct view){
		.vm = &r->vms[i], .model = &r->models[i], .code = &r->models[i],
	};
	describe_slots(r, i);
	if (!host_has_tdp_mmu() && !(r->scenario->slot_flags & KVM_MEM_READONLY) &&
	    !r->models[i].own_pages)
		model_map_ahead(&r->models[i], r->mems[i].size / GUEST_PAGE);
	if (r->scenario->two_slots)
		return open_second_view(r);
	return 0;
}

static int open_vm(struct run *r, unsigned int i, const struct backing *b)
{
	size_t size = (r->pages + r->span - 1) / r->span * r->span * GUEST_PAGE;
	int status = vm_open(&r->vms[i], r->nvcpus, r->scenario->mode, r->pages, &r->why);

	if (status)
		return status;
	r->nvms++;

	const struct mem_source from = {
		.dir = r->dir, .device = r->device, .device_offset = r->device_offset,
		.vm_fd = r->vms[i].fd,
	};

	status = i == 0 ? mem_open(&r->mems[0], b, size, &from, &r->why)
			: mem_share(&r->mems[i], &r->mems[0], &r->why);
	if (status)
		return status;
	if (r->mems[i].size > GUEST_MEM_END - GUEST_MEM_GPA)
		return why_set(&r->why, STATUS_ERROR, "too many pages: at most %lu",
			       (GUEST_MEM_END - GUEST_MEM_GPA) / GUEST_PAGE);
	if (r->cut >= r->mems[i].size / GUEST_PAGE)
		return why_set(&r->why, STATUS_ERROR, "--cut %zu is behind the last of %zu pages", r->cut,
			       r->mems[i].size / GUEST_PAGE);
	status = open_view(r, i, b);
	if (status)
		return status;
	for (unsigned int k = 0; k < r->vms[i].nslots; k++) {
		int err = vm_set_slot(&r->vms[i], k);

		if (err)
			return why_set(&r->why, STATUS_ERROR, "cannot create memslot %u: %s", k + 1,
				       strerror(-err));
	}
	return 0;
}

/* What the model does not know of the shadow MMU. All that is not exact has no bound then. */
static void blur_shadow(struct run *r)
{
	const struct scenario *sc = r->scenario;

	r->expect.unbounded = BLUR_ALL;
	if (r->models[0].level == LEVEL_1G || sc->gpa_shift || sc->slots > 1 || r->cut ||
	    sc->mode != GUEST_FLAT || r->nvcpus > 1)
		expect_blur(&r->expect, BLUR_ALL, "KVM does not use its TDP MMU here");
}

/* The model knows no leaves of two sizes. */
static void blur_cut(struct run *r)
{
	if (!(r->cut % r->models[0].unit))
		return;
	r->expect.unbounded = BLUR_ALL;
	expect_blur(&r->expect, BLUR_ALL, "a memslot ends within a huge page, which KVM maps smaller there");
}

static int open_all(struct run *r)
{
	const struct backing *b = backing_find(r->scenario->backing);
	unsigned int nvms = r->scenario->vms ? r->scenario->vms : 1;
	size_t size = (r->pages + b->unit - 1) / b->unit * b->unit * GUEST_PAGE;
	int status = 0;
	unsigned int nviews = nvms + r->scenario->two_slots;

	if (r->scenario->own_vms)
		nvms = 0;
	for (size_t i = 0; i < r->nsteps; i++)
		if (r->steps[i].vm >= nviews)
			return why_set(&r->why, STATUS_ERROR, "step %zu is for VM %u, but there are %u",
				       i + 1, r->steps[i].vm, nviews);
	status = check_needs(r);
	if (!status && r->needs & NEED_CGROUP)
		status = host_enter_cgroup(&r->host, &r->why);
	if (!status && nvms)
		status = backing_prepare(b, size, &r->host, &r->why);
	if (!status && nvms && data_init(&r->data, r->pages))
		status = why_set(&r->why, STATUS_ERROR, "out of memory for %zu pages", r->pages);
	for (unsigned int i = 0; !status && i < nvms; i++)
		status = open_vm(r, i, b);
	if (!nvms)
		return status;
	if (!status)
		blur_cut(r);
	if (!host_has_tdp_mmu())
		blur_shadow(r);
	if (b->writeback)
		expect_blur(&r->expect, BLUR_ALL, "writeback by the kernel itself may come between");
	return status;
}

static int await_go(struct run *r)
{
	report_state(&r->report, "waiting");
	return wait_go(&r->wait) ? why_set(&r->why, STATUS_ERROR, "interrupted") : 0;
}

int step_wait(struct run *r, const struct step *s, struct step_log *log)
{
	(void)s;
	step_say(log, "waited for a word to go on");
	return await_go(r);
}

static int take_step(struct run *r, const struct step *s)
{
	struct step_log log = { "" };
	double start = wait_now();
	size_t first;
	size_t end;
	int status = 0;

	step_range(r, s, &first, &end);
	if (wait_fd(&r->wait, -1, 0) < 0)
		status = why_set(&r->why, STATUS_ERROR, "interrupted");
	else if (first < end)
		status = s->kind->run(r, s, &log);
	else
		step_say(&log, "there is no page in this part");
	report_step(&r->report, s, &log, status, wait_now() - start);
	return status;
}

static int take_steps(struct run *r)
{
	int status = 0;

	for (unsigned int round = 0; !status && round < r->rounds; round++)
		for (size_t i = 0; !status && i < r->nsteps; i++)
			status = take_step(r, &r->steps[i]);
	return status;
}

/* A page that fell back to small pages is one that the model counted as huge. */
static void blur_fallback(struct run *r)
{
	if (!(r->needs & (NEED_THP | NEED_SHMEM_THP)))
		return;
	if (report_vmstat(&r->report, "thp_fault_fallback") ||
	    report_vmstat(&r->report, "thp_file_fallback"))
		expect_blur(&r->expect, BLUR_ALL, "the host had no huge page left for some of them");
}

static void check_page(void *arg, size_t page, uint32_t value)
{
	struct run *r = arg;

	lost_add(&r->lost, &r->data, page, value);
}

static int check_data(struct run *r)
{
	if (r->stress)
		return stress_check(r);

	const struct touch t = { .op = TOUCH_VISIT, .hva = r->mems[0].hva, .end = r->pages,
				 .visit = check_page, .arg = r };
	size_t page;

	return touch_pages(&t, &page) ? run_no_page(r, page) : 0;
}

static int finish(struct run *r, int status)
{
	for (unsigned int i = 0; i < r->nviews; i++)
		model_finish(&r->models[i], true);
	for (unsigned int i = 0; i < r->nvms; i++)
		report_vm(&r->report, &r->vms[i], true);
	if (r->stress)
		stress_report(r);
	report_vmstat_end(&r->report);
	blur_fallback(r);
	if (!status)
		status = check_data(r);
	if (status)
		return status;
	if (!r->lost.lost && !r->report.guest_wrong)
		return 0;
	if (!r->lost.lost)
		return why_set(&r->why, STATUS_LOST,
			       "the guest read %zu wrong pages, but the host's view of them is right",
			       r->report.guest_wrong);
	return why_set(&r->why, STATUS_LOST, "guest data lost: %zu of %zu pages, the first is page %zu",
		       r->lost.lost, r->lost.checked, r->lost.ranges[0][0]);
}

static int hold(struct run *r, int status)
{
	if (status || (!r->hold_seconds && !r->hold_until_signal))
		return status;
	report_state(&r->report, "holding");

	/* The signal that ends the holding is the normal end of it, not an interruption. */
	if (r->hold_until_signal)
		wait_signal(&r->wait);
	else if (wait_fd(&r->wait, -1, r->hold_seconds) < 0)
		return why_set(&r->why, STATUS_ERROR, "interrupted");
	return 0;
}

static void close_all(struct run *r)
{
	bool stuck = r->stress && stress_close(r);

	for (unsigned int i = 0; i < RUN_VMS_MAX; i++) {
		if (i < r->nvms) {
			vm_close(&r->vms[i]);
			stuck |= r->vms[i].stuck;
		}
		if (!stuck && r->mems[i].backing)
			mem_close(&r->mems[i]);
		model_deinit(&r->models[i]);
	}
	if (r->ballast)
		munmap(r->ballast, r->ballast_size);
	data_deinit(&r->data);
	host_restore(&r->host);
}

int run_scenario(struct run *r)
{
	/* A policy of our own keeps NUMA balancing, which would add zaps, off our pages. */
	syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0UL);
	report_start(r);

	int status = open_all(r);

	if (!status && r->wait_for_go)
		status = await_go(r);
	report_vmstat_start(&r->report);
	if (!status)
		status = take_steps(r);
	status = hold(r, status);
	status = finish(r, status);

	int printed = report_end(r, status);

	close_all(r);
	return status ? status : printed;
}
