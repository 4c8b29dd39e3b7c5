// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs that were there before us: what they have mapped is taken over while they run (bpf/adopt.bpf.h).
 */
#include "user/arch/arch.h"
#include "user/base/log.h"
#include "session_state.h"

#include <string.h>

#include "mmuscope.skel.h"

enum { ROOTS_MAX = 8 };

/* A VM that changes its roots all the time is looked at again at the next tick. */
enum { SPOILED_MAX = 16 };

/* How long adoption may hold up everything else: at the start, and at a tick. */
#define START_NS 10000000000ULL
#define TICK_NS	 250000000ULL

/* One step: a chunk of the VM's memory, or a stretch where nothing is mapped. */
static enum adopt_result adopt_step(struct session *s, struct adopt_args *a)
{
	int err = session_run(s->skel->progs.adopt_begin, NULL, 0);

	if (err || a->result == ADOPT_ROOTS)
		return ADOPT_ROOTS;
	/* even if the VM has gone meanwhile: another one's step uses the same words */
	if (!session_grace(s) || session_run(s->skel->progs.adopt_end, NULL, 0))
		return ADOPT_ROOTS;
	if (a->result == ADOPT_UNDO && (!session_grace(s) || session_run(s->skel->progs.adopt_undo, NULL, 0)))
		return ADOPT_ROOTS;
	return (enum adopt_result)a->result;
}

/* Take over what one VM has mapped.  False: not now, or not by then. */
static bool adopt_vm(struct session *s, uint32_t index, uint64_t deadline_ns)
{
	struct adopt_args *a = &s->skel->bss->adopt_call;
	int spoiled = 0;

	*a = (struct adopt_args){ .vm = index };
	do {
		enum adopt_result r = adopt_step(s, a);

		if (r == ADOPT_DONE && a->as_id == 1)
			return true;
		spoiled += r >= ADOPT_UNDO;
		if (r == ADOPT_ROOTS || spoiled > SPOILED_MAX)
			return false;
	} while (session_clock_ns() < deadline_ns);
	return false;
}

void adopt_vms(struct session *s, bool start)
{
	uint64_t deadline_ns = session_clock_ns() + (start ? START_NS : TICK_NS);
	struct vm_info info;

	if (!arch_adopts())
		return;
	for (uint32_t i = 1; i <= s->options.max_vms && session_clock_ns() < deadline_ns; i++)
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.vms), &i, &info) && info.kvm &&
		    info.flags & VM_ADOPTING && !(info.flags & VM_SHADOW) && adopt_vm(s, i, deadline_ns))
			log_verbose("VM %u: took over what it had mapped", i);
}

/* Count the leaves of one root, in as many calls as it takes.  False: it could not be done. */
static bool walk_root(struct session *s, struct vm_row *row, uint32_t as_id, uint32_t root,
		      uint32_t *roots)
{
	struct scan_args a = { .vm = row->info.index, .as_id = as_id, .root = root };

	do {
		a.end = GFN_END;
		memset(a.leaves, 0, sizeof(a.leaves));
		if (session_run(s->skel->progs.scan_vm, &a, sizeof(a)))
			return false;
		for (int l = 0; l < LEVELS; l++)
			row->walked[l] += a.leaves[l];
	} while (!a.complete && a.gfn < GFN_END && a.roots > root);
	*roots = a.roots;
	return true;
}

void adopt_walk_vm(struct session *s, struct vm_row *row)
{
	bool ok = true;

	for (uint32_t as_id = 0; as_id < 2; as_id++) {
		uint32_t roots = 1;

		for (uint32_t r = 0; ok && r < roots && r < ROOTS_MAX; r++)
			ok = walk_root(s, row, as_id, r, &roots);
	}
	row->walk_done = ok;
}
