// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs have noted of windows that are still open, and is in no counter yet.
 */
#include "session_state.h"

#include "mmuscope.skel.h"

void usual_add(const struct session *s, const struct vm_info *vm, struct vm_counts *counts)
{
	const struct usual *all = s->skel->bss->usuals;

	for (int i = 0; i < TASK_SLOTS; i++) {
		struct usual u;

		/* nearly always: nothing is copied then, for hosts of a thousand VMs */
		if (!all[i].n)
			continue;
		u = all[i];
		if (!u.n || u.vm != vm->index || u.kvm != vm->kvm)
			continue;
		if (vm->flags & VM_DYING)
			counts->torn_down[0] += u.n;
		else
			counts->zapped[0] += u.n;
		counts->zapped_in_window += u.n;
		if (!s->options.check || u.backing >= BACKING_NR)
			continue;
		counts->checked[INV_DIRTY_UNTIL_NOTIFIED] += u.n;
		counts->window_pages += u.n;
		counts->window_pages_followed += u.followed;
		counts->seen[SEEN_ZAP_PRIMARY][u.backing] += u.n;
		if (s->skel->bss->k_accessed_mask)
			counts->seen[SEEN_ZAP_YOUNG][u.backing] += u.n;
	}
}
