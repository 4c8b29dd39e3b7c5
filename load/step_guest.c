// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps in which the guest or the VMM touches memory.
 */
#include "step_guest.h"

#include "run.h"
#include "touch.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#define FILL_VALUE 0x4d4d5521

/* One vCPU's jobs, in a list that grows. */
struct job_list {
	struct guest_job *jobs;
	size_t n;
	size_t room;
};

static int list_add(struct job_list *l, const struct guest_job *job)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 4;
		struct guest_job *jobs = reallocarray(l->jobs, room, sizeof(*jobs));

		if (!jobs)
			return -ENOMEM;
		l->jobs = jobs;
		l->room = room;
	}
	l->jobs[l->n++] = *job;
	return 0;
}

/* vCPU i's part of [first, end): whole units, so that no two vCPUs fault for the same leaf. */
static void vcpu_part(const struct model *m, unsigned int i, unsigned int n, size_t *first,
		      size_t *end)
{
	size_t u0 = *first / m->unit;
	size_t units = (*end + m->unit - 1) / m->unit - u0;
	size_t a = (u0 + units * i / n) * m->unit;
	size_t b = (u0 + units * (i + 1) / n) * m->unit;

	*first = a > *first ? a : *first;
	*end = b < *end ? b : *end;
}

/* Where the guest finds a page; with reversed page tables, the last one comes first. */
static uint64_t page_address(const struct run *r, const struct view *v, size_t page)
{
	if (v->vm->reversed)
		page = r->pages - 1 - page;
	return v->vm->slots[v->slot].gpa + page * GUEST_PAGE;
}

static int list_pages(struct job_list *l, const struct run *r, const struct view *v,
		      struct guest_job *job, size_t first, size_t end)
{
	size_t most = guest_job_pages(v->vm->area.mode);

	job->smm = v->smm;
	job->stride = v->vm->reversed ? -(int64_t)GUEST_PAGE : (int64_t)GUEST_PAGE;
	while (first < end) {
		job->gpa = page_address(r, v, first);
		job->pages = end - first < most ? end - first : most;
		if (list_add(l, job))
			return -ENOMEM;
		job->value += job->step * (uint32_t)job->pages;
		first += job->pages;
	}
	return 0;
}

static int list_compares(struct job_list *l, const struct run *r, const struct view *v,
			 size_t first, size_t end)
{
	struct data_run run;

	while (data_next_run(&r->data, first, end, &run)) {
		struct guest_job job = {
			.op = GUEST_COMPARE, .value = run.value, .step = run.step,
		};

		if (list_pages(l, r, v, &job, run.first, run.first + run.pages))
			return -ENOMEM;
		first = run.first + run.pages;
	}
	return 0;
}

/* The guest jumps from the first page of one unit to that of the next. */
static int list_hops(struct job_list *l, const struct run *r, const struct view *v, size_t first,
		     size_t end)
{
	size_t unit = v->model->unit;
	struct guest_job job = {
		.op = GUEST_EXEC, .gpa = page_address(r, v, first) + GUEST_HOP,
		.pages = (end - first + unit - 1) / unit, .stride = (int64_t)(unit * GUEST_PAGE),
	};

	return list_add(l, &job);
}

static int list_jobs(struct job_list *l, const struct run *r, const struct view *v,
		     const struct guest_access *a, size_t first, size_t end)
{
	struct guest_job job = { .op = a->op, .value = a->salt + (uint32_t)first, .step = 1 };

	if (first >= end)
		return 0;
	if (a->op == GUEST_COMPARE)
		return list_compares(l, r, v, first, end);
	if (a->op == GUEST_EXEC)
		return list_hops(l, r, v, first, end);
	return list_pages(l, r, v, &job, first, end);
}

static double deadline(size_t pages)
{
	return 120.0 + (double)pages / 500.0;
}

/* What the counts cannot say for a VM of another kind than a flat one. */
static void blur_mode(struct run *r, const struct view *v)
{
	switch (v->vm->area.mode) {
	case GUEST_FLAT:
		return;
	case GUEST_PAGED:
		expect_blur(&r->expect, BLUR_ALL & ~(1u << COUNT_ZAPS),
			    "the guest's page tables are mapped, too");
		return;
	case GUEST_SMM:
		expect_blur(&r->expect, BLUR_ALL,
			    "KVM may drop the mappings of an address space that no vCPU is in");
		return;
	case GUEST_NESTED:
	case GUEST_NESTED_FLAT:
		expect_blur(&r->expect, BLUR_ALL, "a nested guest has mappings of its own");
		r->expect.unbounded |= BLUR_ALL & ~(1u << COUNT_HVA_TO_PFN);
		return;
	}
}

static void blur_guest(struct run *r, const struct view *v)
{
	if (r->uncertain)
		expect_blur(&r->expect, BLUR_ALL, r->uncertain);
	if (v->vm->nvcpus > 1)
		expect_blur(&r->expect, 1u << COUNT_HVA_TO_PFN,
			    "vCPUs that race to build page tables fault again");
	blur_mode(r, v);
}

int guest_access(struct run *r, const struct view *v, const struct guest_access *a)
{
	struct vm *vm = v->vm;
	struct job_list *lists = calloc(vm->nvcpus, sizeof(*lists));
	struct vm_work *work = calloc(vm->nvcpus, sizeof(*work));
	int err = lists && work ? 0 : -ENOMEM;
	int status;

	blur_guest(r, v);
	for (unsigned int i = 0; !err && i < vm->nvcpus; i++) {
		size_t first = a->first;
		size_t end = a->end;

		vcpu_part(v->model, i, vm->nvcpus, &first, &end);
		err = list_jobs(&lists[i], r, v, a, first, end);
		work[i].jobs = lists[i].jobs;
		work[i].njobs = lists[i].n;
		if (!err && lists[i].n)
			model_code(v->code, i);
		/* The handler in SMM, too. */
		if (!err && lists[i].n && v->smm)
			model_code(v->model, i);
	}
	if (err)
		status = why_set(&r->why, STATUS_ERROR, "out of memory for the guest's jobs");
	else
		status = vm_run(vm, work, deadline(a->end - a->first), &r->wait, &r->why);

	for (unsigned int i = 0; lists && i < vm->nvcpus && !vm->stuck; i++)
		free(lists[i].jobs);
	free(work);
	free(lists);
	return status;
}

int guest_do_job(struct run *r, const struct view *v, const struct guest_job *job)
{
	struct vm_work work[VM_VCPUS_MAX] = { { .jobs = job, .njobs = 1 } };

	blur_guest(r, v);
	model_code(v->code, 0);

	int status = vm_run(v->vm, work, deadline(job->pages), &r->wait, &r->why);

	return status ? status : guest_must_end(r, v->vm, JOB_DONE, 0, "");
}

int guest_must_end(struct run *r, const struct vm *vm, enum job_end end, int error,
		   const char *hint)
{
	for (unsigned int i = 0; i < vm->nvcpus; i++) {
		const struct vcpu *v = &vm->vcpus[i];
		unsigned long long gpa = v->stopped_at;

		if ((!v->work.njobs && !v->work.next) || (v->end == end && v->error == error))
			continue;
		if (v->end == JOB_FAILED)
			return why_set(&r->why, STATUS_ERROR,
				       "KVM_RUN of vCPU %u failed at gpa 0x%llx: %s%s", i, gpa,
				       strerror(v->error), hint);
		if (v->end == JOB_DONE)
			return why_set(&r->why, STATUS_ERROR,
				       "vCPU %u wrote to memory that it must not be able to write%s",
				       i, hint);
		if (v->exit_reason == KVM_EXIT_INTERNAL_ERROR)
			return why_set(&r->why, STATUS_ERROR,
				       "KVM had an internal error %u (0x%llx 0x%llx 0x%llx) in vCPU %u at "
				       "gpa 0x%llx%s", v->run->internal.suberror,
				       (unsigned long long)v->run->internal.data[0],
				       (unsigned long long)v->run->internal.data[1],
				       (unsigned long long)v->run->internal.data[2], i, gpa, hint);
		if (v->end == JOB_NESTED)
			return why_set(&r->why, STATUS_ERROR,
				       "the nested guest of vCPU %u left with #VMEXIT 0x%llx at gpa 0x%llx%s",
				       i, (unsigned long long)v->left, gpa, hint);
		return why_set(&r->why, STATUS_ERROR,
			       "vCPU %u left the guest at gpa 0x%llx with exit reason %u%s", i, gpa,
			       v->exit_reason, hint);
	}
	return 0;
}

int run_fates(const struct run *r, unsigned int vm, const uint64_t *before, uint8_t *fates)
{
	uint64_t *now = malloc(r->pages * sizeof(*now));
	int err = now ? host_pagemap(r->mems[vm].hva, r->pages, now) : -ENOMEM;

	for (size_t i = 0; !err && i < r->pages; i++) {
		uint64_t pfn = now[i] & PAGEMAP_PFN;

		fates[i] = FATE_SAME;
		if (!(now[i] & PAGEMAP_PRESENT))
			fates[i] = FATE_GONE;
		else if (before && before[i] & PAGEMAP_PRESENT && pfn && pfn != (before[i] & PAGEMAP_PFN))
			fates[i] = FATE_MOVED;
	}
	free(now);
	return err;
}

/* While memory.high is low, pages go at any time: see which ones are gone now. */
static void observe_reclaim(struct run *r)
{
	uint8_t *fates = malloc(r->pages);

	for (unsigned int i = 0; fates && r->reclaiming && i < r->nviews; i++)
		if (!run_fates(r, i, NULL, fates))
			model_observe(&r->models[i], fates);
	free(fates);
}

static int access_all(struct run *r, const struct step *s, struct guest_access *a)
{
	struct vm *vm = r->views[s->vm].vm;

	step_range(r, s, &a->first, &a->end);

	int status = guest_access(r, &r->views[s->vm], a);

	if (status)
		return status;
	return guest_must_end(r, vm, JOB_DONE, 0, "");
}

int step_touch(struct run *r, const struct step *s, struct step_log *log)
{
	struct guest_access a = { .op = GUEST_READ };
	int status = access_all(r, s, &a);

	if (status)
		return status;
	model_guest(&r->models[s->vm], a.first, a.end, false);
	observe_reclaim(r);
	step_say(log, "guest read %zu pages", a.end - a.first);
	return 0;
}

int step_write(struct run *r, const struct step *s, struct step_log *log)
{
	struct guest_access a = { .op = GUEST_WRITE, .salt = data_salt(r->writes++) };
	int status = access_all(r, s, &a);

	if (status)
		return status;
	model_guest(&r->models[s->vm], a.first, a.end, true);
	data_write(&r->data, a.first, a.end, a.salt);
	observe_reclaim(r);
	step_say(log, "guest wrote %zu pages", a.end - a.first);
	return 0;
}

int step_check(struct run *r, const struct step *s, struct step_log *log)
{
	struct guest_access a = { .op = GUEST_COMPARE };
	int status = access_all(r, s, &a);
	size_t wrong = 0;
	size_t checked = 0;

	if (status)
		return status;
	for (size_t i = a.first; i < a.end; i++) {
		if (!r->data.known[i])
			continue;
		checked++;
		model_guest(&r->models[s->vm], i, i + 1, false);
	}
	for (unsigned int i = 0; i < r->views[s->vm].vm->nvcpus; i++)
		wrong += r->views[s->vm].vm->vcpus[i].mismatches;
	r->report.guest_checked += checked;
	r->report.guest_wrong += wrong;
	observe_reclaim(r);
	step_say(log, "guest read %zu pages, %zu wrong", checked, wrong);
	return 0;
}

int step_write_refused(struct run *r, const struct step *s, struct step_log *log)
{
	struct guest_access a = { .op = GUEST_WRITE };
	struct vm *vm = r->views[s->vm].vm;

	step_range(r, s, &a.first, &a.end);

	int status = guest_access(r, &r->views[s->vm], &a);

	if (!status)
		status = guest_must_end(r, vm, JOB_FAILED, EFAULT, " (EFAULT was expected)");
	if (status)
		return status;
	/* Older kernels ask twice: first without waiting, then with. */
	expect_blur(&r->expect, 1u << COUNT_HVA_TO_PFN, "a refused page may be asked for twice");
	r->expect.counts[COUNT_HVA_TO_PFN].n += vm->nvcpus;
	step_say(log, "KVM_RUN failed with EFAULT at the first page, as it must");
	return 0;
}

int step_write_mmio(struct run *r, const struct step *s, struct step_log *log)
{
	struct guest_access a = { .op = GUEST_WRITE };
	struct vm *vm = r->views[s->vm].vm;

	step_range(r, s, &a.first, &a.end);

	int status = guest_access(r, &r->views[s->vm], &a);

	if (!status)
		status = guest_must_end(r, vm, JOB_MMIO, 0, " (an MMIO exit was expected)");
	if (status)
		return status;
	step_say(log, "KVM exited with MMIO at the first page, as it must");
	return 0;
}

/* The VMM's touch; a page that the host cannot give is a failure with a reason. */
static int vmm_touch(struct run *r, const struct step *s, struct touch *t)
{
	size_t page;

	step_range(r, s, &t->first, &t->end);
	t->hva = r->mems[s->vm].hva;
	if (touch_pages(t, &page))
		return run_no_page(r, page);
	model_vmm(&r->models[s->vm], t->first, t->end, t->op != TOUCH_READ);
	observe_reclaim(r);
	return 0;
}

int run_no_page(struct run *r, size_t page)
{
	return why_set(&r->why, STATUS_ERROR,
		       "the host has no memory for page %zu of %s (bus error); is a file system full, "
		       "a pool of huge pages empty, the limit of locked memory too low?", page,
		       r->mems[0].backing->name);
}

int step_vmm_read(struct run *r, const struct step *s, struct step_log *log)
{
	struct touch t = { .op = TOUCH_READ };

	if (vmm_touch(r, s, &t))
		return (int)r->why.status;
	step_say(log, "VMM read %zu pages", t.end - t.first);
	return 0;
}

int step_vmm_write(struct run *r, const struct step *s, struct step_log *log)
{
	struct touch t = { .op = TOUCH_WRITE, .value = data_salt(r->writes++) };

	if (vmm_touch(r, s, &t))
		return (int)r->why.status;
	data_write(&r->data, t.first, t.end, t.value);
	step_say(log, "VMM wrote %zu pages", t.end - t.first);
	return 0;
}

int step_vmm_fill(struct run *r, const struct step *s, struct step_log *log)
{
	struct touch t = { .op = TOUCH_FILL, .value = FILL_VALUE };

	if (vmm_touch(r, s, &t))
		return (int)r->why.status;
	data_fill(&r->data, t.first, t.end, t.value);
	step_say(log, "VMM wrote the same to %zu pages", t.end - t.first);
	return 0;
}

int step_exec(struct run *r, const struct step *s, struct step_log *log)
{
	const struct view *v = &r->views[s->vm];
	struct guest_access a = { .op = GUEST_EXEC };
	size_t unit = v->model->unit;

	step_range(r, s, &a.first, &a.end);
	if (v->vm->area.mode != GUEST_FLAT || v->smm)
		return why_set(&r->why, STATUS_ERROR, "exec is for a flat guest only");
	for (size_t p = a.first; p < a.end; p += unit) {
		guest_write_hop(r->mems[s->vm].hva + p * GUEST_PAGE);
		model_vmm(v->model, p, p + 1, true);
	}
	if (host_splits_for_exec() && unit > 1) {
		expect_blur(&r->expect, BLUR_ALL, "KVM splits huge pages from which the guest executes");
		r->expect.unbounded |= BLUR_ALL & ~(1u << COUNT_HVA_TO_PFN);
	}

	if (guest_traits.exec_asks)
		expect_blur(&r->expect, 1u << COUNT_HVA_TO_PFN,
			    "KVM looks pages up again that are executed, unless the CPU's caches are coherent");

	int status = guest_access(r, v, &a);

	if (!status)
		status = guest_must_end(r, v->vm, JOB_DONE, 0, "");
	if (status)
		return status;
	model_guest(v->model, a.first, a.end, false);
	step_say(log, "guest ran code in %zu pages", (a.end - a.first + unit - 1) / unit);
	return 0;
}

/* The guest turns the order of its pages around, by writes to its page tables. */
int step_remap(struct run *r, const struct step *s, struct step_log *log)
{
	const struct view *v = &r->views[s->vm];
	struct vm *vm = v->vm;
	uint64_t first = vm->slots[v->slot].gpa;
	uint64_t entry = first | guest_traits.table_entry;
	struct guest_job job = { .op = GUEST_WRITE, .gpa = vm->area.tables, .pages = r->pages,
				 .stride = GUEST_TABLE_STRIDE };

	if (!vm->area.tables)
		return why_set(&r->why, STATUS_ERROR, "remap is for a guest with page tables only");
	job.value = (uint32_t)(vm->reversed ? entry : entry + (r->pages - 1) * GUEST_PAGE);
	job.step = (uint32_t)(vm->reversed ? GUEST_PAGE : -GUEST_PAGE);

	int status = guest_do_job(r, v, &job);

	if (status)
		return status;
	vm->reversed = !vm->reversed;
	step_say(log, "guest changed %zu entries of its page tables", r->pages);
	return 0;
}
