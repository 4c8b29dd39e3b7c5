// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the block map equal KVM's page tables?
 */
#include "session_state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "mmuscope.skel.h"
#include "bpf/block.h"
#include "user/base/log.h"

enum { AUDIT_ROUNDS = 5 };

/* May-write leaf SPTEs that the block map holds, all together; 2M and 1G ones count as one. */
static int64_t block_map_total(struct session *s)
{
	int fd = bpf_map__fd(s->skel->maps.blocks), xfd = bpf_map__fd(s->skel->maps.block_extras);
	uint32_t nblocks = bpf_map__max_entries(s->skel->maps.blocks);
	uint32_t ngigs = bpf_map__max_entries(s->skel->maps.gigs);
	uint64_t pfn, *last = NULL, gig;
	int64_t total = 0, more;
	struct block_extra x;
	struct block b;

	for (uint32_t i = 0; i < nblocks; i++) {
		if (bpf_map_lookup_elem(fd, &i, &b) || bpf_map_lookup_elem(xfd, &i, &x))
			return -1;
		for (int w = 0; w < 8; w++)
			total += __builtin_popcountll(b.mapped[w]);
		total += x.huge;
	}
	for (uint32_t i = 0; i < ngigs; i++)
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.gigs), &i, &gig))
			total += (int64_t)gig;
	while (!bpf_map_get_next_key(bpf_map__fd(s->skel->maps.more_maps), last, &pfn)) {
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.more_maps), &pfn, &more))
			total += more;
		last = &pfn;
	}
	return total;
}

/* Walk the page tables of all VMs and compare.  False: a VM cannot be walked. */
static bool audit_vms(struct session *s, uint64_t *leaves, uint64_t *differ)
{
	struct vm_info info;

	*leaves = *differ = 0;
	for (uint32_t i = 1; i <= s->options.max_vms; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.vms), &i, &info) || !info.kvm)
			continue;
		for (uint32_t as_id = 0; as_id < 2; as_id++) {
			struct adopt_args *a = &s->skel->bss->adopt_call;

			*a = (struct adopt_args){ .vm = i, .as_id = as_id };
			do {
				if (session_run(s->skel->progs.audit_vm, NULL, 0) || a->roots > 1)
					return false;
				*leaves += a->leaves;
				*differ += a->differ;
			} while (a->result == ADOPT_MORE);
		}
	}
	return true;
}

/*
 * The block map against the truth, while the VMs may be running: what agrees once agrees.  If they never
 * stand still enough for that, nothing is said; only when no VM is left must the map be empty.
 */
void audit(struct session *s)
{
	uint64_t leaves = 0, differ = 0;
	int64_t total = 0;

	if (s->skel->bss->shadow_pages)
		return;		/* the shadow MMU's tables are not walked */
	for (int round = 0; round < AUDIT_ROUNDS && !s->audited; round++) {
		int64_t before = block_map_total(s);

		if (!audit_vms(s, &leaves, &differ)) {
			log_verbose("the block map is not compared: a VM has more than one page table at once");
			return;
		}
		total = block_map_total(s);
		s->audited = total == before && total == (int64_t)leaves && !differ;
		if (!s->audited)
			log_verbose("the block map has %" PRId64 " SPTEs, and then %" PRId64 ", the page tables %" PRIu64
				    ", of which it misses %" PRIu64, before, total, leaves, differ);
	}
	s->audit_sptes = leaves;
	if (!s->audited && !leaves && total)
		s->audit_differ = (uint64_t)llabs(total);
}
