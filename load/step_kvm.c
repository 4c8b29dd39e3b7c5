// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps on KVM's side: dirty logging, memslots, whole VMs.
 */
#include "run.h"
#include "step_guest.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#define CHURN_VMS 17	/* when the user names no number */
#define MOVE_BY 0x40000000UL

static int set_slots(struct run *r, unsigned int vm, const char *what)
{
	for (unsigned int i = 0; i < r->views[vm].vm->nslots; i++) {
		int err = vm_set_slot(r->views[vm].vm, i);

		if (err)
			return why_set(&r->why, STATUS_ERROR, "cannot %s memslot %u: %s", what, i + 1,
				       strerror(-err));
	}
	return 0;
}

static int set_logging(struct run *r, const struct step *s, bool on)
{
	struct vm *vm = r->views[s->vm].vm;

	for (unsigned int i = 0; i < vm->nslots; i++) {
		vm->slots[i].flags &= ~(uint32_t)KVM_MEM_LOG_DIRTY_PAGES;
		if (on)
			vm->slots[i].flags |= KVM_MEM_LOG_DIRTY_PAGES;
	}
	/* Nothing is mapped ahead of its first write then, since it would not be logged. */
	if (!host_has_tdp_mmu())
		r->models[s->vm].ahead = !on;
	/* 4K leaves stay: they are write-protected, and on x86 made writable again without hva_to_pfn. */
	if (on && guest_traits.rewrite_asks)
		model_protect(&r->models[s->vm]);
	if (r->models[s->vm].level != LEVEL_4K)
		expect_blur(&r->expect, BLUR_ALL,
			    "dirty logging splits and joins huge pages, when depends on the kernel");
	return set_slots(r, s->vm, "change the flags of");
}

int step_dirty_on(struct run *r, const struct step *s, struct step_log *log)
{
	step_say(log, "dirty logging on");
	return set_logging(r, s, true);
}

int step_dirty_off(struct run *r, const struct step *s, struct step_log *log)
{
	step_say(log, "dirty logging off");
	return set_logging(r, s, false);
}

int step_dirty_get(struct run *r, const struct step *s, struct step_log *log)
{
	const struct vm *vm = r->views[s->vm].vm;
	size_t dirty = 0;

	for (unsigned int i = 0; i < vm->nslots; i++) {
		int err = vm_get_dirty_log(vm, i, &dirty);

		if (err)
			return why_set(&r->why, STATUS_ERROR,
				       "cannot get the dirty log of memslot %u: %s", i + 1,
				       strerror(-err));
	}
	/* who reads the log has it begin anew */
	if (guest_traits.rewrite_asks)
		model_protect(&r->models[s->vm]);
	step_say(log, "dirty log: %zu pages", dirty);
	return 0;
}

/* Memslots go; KVM may drop all memory of the VM when any does, code included. */
static void zap_slots(struct run *r, unsigned int vm)
{
	struct model *m = &r->models[vm];

	if (guest_traits.slot_zaps_all)
		model_zap_all(m);
	else
		model_invalidate(m, 0, m->pages, HOST_KEEP);
}

int step_slot_delete(struct run *r, const struct step *s, struct step_log *log)
{
	struct vm *vm = r->views[s->vm].vm;

	for (unsigned int i = 0; i < vm->nslots; i++)
		vm->slots[i].live = false;
	zap_slots(r, s->vm);
	step_say(log, "%u memslots deleted", vm->nslots);
	return set_slots(r, s->vm, "delete");
}

int step_slot_create(struct run *r, const struct step *s, struct step_log *log)
{
	struct vm *vm = r->views[s->vm].vm;

	for (unsigned int i = 0; i < vm->nslots; i++)
		vm->slots[i].live = true;
	step_say(log, "%u memslots created", vm->nslots);
	return set_slots(r, s->vm, "create");
}

int step_slot_move(struct run *r, const struct step *s, struct step_log *log)
{
	struct vm *vm = r->views[s->vm].vm;
	bool up = vm->slots[0].gpa < GUEST_MEM_GPA + MOVE_BY;

	if (r->mems[s->vm].size > MOVE_BY)
		return why_set(&r->why, STATUS_ERROR,
			       "slot-move is for at most %lu MiB; use fewer --pages", MOVE_BY >> 20);
	for (unsigned int i = 0; i < vm->nslots; i++)
		vm->slots[i].gpa += up ? MOVE_BY : -MOVE_BY;
	zap_slots(r, s->vm);
	step_say(log, "%u memslots moved to gpa 0x%llx", vm->nslots,
		 (unsigned long long)vm->slots[0].gpa);
	return set_slots(r, s->vm, "move");
}

int step_prefault(struct run *r, const struct step *s, struct step_log *log)
{
	const struct vm *vm = r->views[s->vm].vm;
	size_t first, end;

	step_range(r, s, &first, &end);
	if (model_mapped(&r->models[s->vm]))
		expect_blur(&r->expect, 1u << COUNT_HVA_TO_PFN, "KVM looks up ahead what it maps already");
	for (unsigned int i = 0; i < vm->nslots; i++) {
		const struct vm_slot *slot = &vm->slots[i];
		size_t from = first > slot->first ? first : slot->first;
		size_t to = end < slot->first + slot->pages ? end : slot->first + slot->pages;
		int err = from < to ? vm_prefault(vm, i, from, to) : 0;

		if (err == -ENOTTY || err == -EINVAL || err == -EOPNOTSUPP)
			return why_set(&r->why, STATUS_UNSUPPORTED,
				       "prefault needs KVM_PRE_FAULT_MEMORY (Linux 6.11) and "
				       "two-dimensional paging: %s", strerror(-err));
		if (err)
			return why_set(&r->why, STATUS_ERROR, "cannot map memslot %u ahead: %s", i + 1,
				       strerror(-err));
	}
	model_guest(&r->models[s->vm], first, end, false);
	step_say(log, "KVM mapped %zu pages ahead", end - first);
	return 0;
}

/* One short-lived VM over the pages [first, end) of the memory under test. */
static int churn_one(struct run *r, size_t first, size_t end, uint32_t salt)
{
	struct vm vm;
	struct model m;
	struct guest_access a = { .op = GUEST_WRITE, .end = end - first,
				  .salt = salt + (uint32_t)first };
	const struct view view = { .vm = &vm, .model = &m, .code = &m };
	const struct model *main_model = &r->models[0];
	int status = vm_open(&vm, 1, GUEST_FLAT, 0, &r->why);

	if (status)
		return status;
	if (model_init(&m, &r->expect, end - first, main_model->unit, main_model->level,
		       main_model->on_read, 1)) {
		vm_close(&vm);
		return why_set(&r->why, STATUS_ERROR, "out of memory for the model");
	}

	size_t unit = main_model->unit;
	size_t whole = (end - first + unit - 1) / unit * unit;

	/* What earlier ones left there. */
	memcpy(m.host, main_model->host + first / unit, m.units * sizeof(*m.host));
	if (main_model->ahead)
		model_map_ahead(&m, whole);
	vm.nslots = 1;
	vm.slots[0] = (struct vm_slot){
		.gpa = GUEST_MEM_GPA, .pages = whole,
		.hva = r->mems[0].hva + first * GUEST_PAGE, .live = true,
	};

	int err = vm_set_slot(&vm, 0);

	if (err)
		status = why_set(&r->why, STATUS_ERROR, "cannot create a memslot: %s",
				 strerror(-err));
	if (!status)
		status = guest_access(r, &view, &a);
	if (!status)
		status = guest_must_end(r, &vm, JOB_DONE, 0, "");
	if (!status) {
		model_guest(&m, 0, end - first, true);
		model_finish(&m, false);
		report_vm(&r->report, &vm, false);
	}
	vm_close(&vm);
	model_deinit(&m);
	return status;
}

int step_churn(struct run *r, const struct step *s, struct step_log *log)
{
	uint32_t salt = data_salt(r->writes++);
	unsigned int vms = r->many_vms ? r->many_vms : CHURN_VMS;
	unsigned int n = 0;
	int status = 0;

	(void)s;
	for (unsigned int i = 0; !status && i < vms; i++) {
		struct step part = { .part = i, .parts = vms };
		size_t first;
		size_t end;

		if (wait_fd(&r->wait, -1, 0) < 0)
			return why_set(&r->why, STATUS_ERROR, "interrupted");

		step_range(r, &part, &first, &end);
		if (first >= end)
			continue;
		status = churn_one(r, first, end, salt);
		n++;
	}
	if (status)
		return status;
	model_vmm(&r->models[0], 0, r->pages, true);
	data_write(&r->data, 0, r->pages, salt);
	step_say(log, "%u VMs created, run and destroyed", n);
	return 0;
}
