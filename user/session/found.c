// SPDX-License-Identifier: GPL-2.0-only
/*
 * Violations that the kernel's side counts for no VM, since a page's flags do not tell who maps it, and
 * whose VM was found afterwards: they are counted for that VM, in the rows that are given out.
 */
#include "session_state.h"

#include <string.h>

void session_found(struct session *s, uint32_t vm, enum invariant i)
{
	if (!vm || vm > s->options.max_vms)
		return;
	s->names[vm].found[i]++;
	s->found[i]++;
}

void found_of_vm(const struct session *s, uint32_t vm, struct vm_counts *counts)
{
	for (int i = 0; i < INV_NR; i++)
		counts->violated[i] += s->names[vm].found[i];
}

void found_forget(struct session *s, uint32_t vm)
{
	memset(s->names[vm].found, 0, sizeof(s->names[vm].found));
}

void found_of_host(const struct session *s, struct vm_counts *host)
{
	for (int i = 0; i < INV_NR; i++)
		host->violated[i] -= s->found[i] < host->violated[i] ? s->found[i] : host->violated[i];
}
