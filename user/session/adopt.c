// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs that were there before us: what they have mapped is taken over while they run (bpf/adopt.bpf.h).
 */
#include "user/base/log.h"
#include "session_state.h"

#include <string.h>

#include "mmuscope.skel.h"

enum { ROOTS_MAX = 8 };

/* Take over what one VM has mapped.  False: not now. */
static bool adopt_vm(struct session *s, uint32_t index)
{
	struct adopt_args a = { .vm = index };

	for (a.as_id = 0; a.as_id < 2; a.as_id++) {
		do {
			if (session_run(s->skel->progs.adopt_vm, &a, sizeof(a)) || a.result >= ADOPT_ROOTS)
				return false;
		} while (a.result == ADOPT_MORE);
	}
	return true;
}

void adopt_vms(struct session *s)
{
	struct vm_info info;

	for (uint32_t i = 1; i <= s->options.max_vms; i++)
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.vms), &i, &info) && info.kvm &&
		    info.flags & VM_ADOPTING && !(info.flags & VM_SHADOW) && adopt_vm(s, i))
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
