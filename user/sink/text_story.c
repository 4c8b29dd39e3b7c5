// SPDX-License-Identifier: GPL-2.0-only
/*
 * A violation told to a person, and stacks.
 */
#include "user/base/format.h"
#include "user/host/notifier.h"
#include "report.h"
#include "parts.h"

#include <inttypes.h>

/* Bits 2..5 of what an SPTE allows, for a person. */
static void spte(FILE *f, const char *name, uint64_t v)
{
	fprintf(f, "    %-9s 0x%016" PRIx64 "%s%s%s\n", name, v, v & (1 << 11) ? " present" : " gone",
		v & 2 ? " writable" : "", v & (1 << 6) ? " dirty" : "");
}

void text_kernel_stack(FILE *f, const struct ksyms *k, const uint64_t *stack, size_t frames)
{
	for (size_t i = 0; i < frames && i < STACK_FRAMES && stack[i]; i++) {
		const char *module;
		uint64_t offset;
		const char *name = ksyms_name(k, stack[i], &module, &offset);

		fprintf(f, "    %-9s %s+0x%" PRIx64 "%s%s%s\n", i ? "" : "stack", name, offset,
			*module ? " [" : "", module, *module ? "]" : "");
	}
}

/* A whole window, or a VM's count of them, has no page of its own. */
static void place(FILE *f, const struct report *r, const struct event_violation *e)
{
	const char *level = e->level >= 1 && e->level <= LEVELS ? level_name((int)e->level - 1) : NULL;

	if (e->vm)
		fprintf(f, "    gfn       0x%" PRIx64 "  hva 0x%" PRIx64 "%s%s  as_id %u\n", (uint64_t)e->gfn,
			(uint64_t)e->hva, level ? "  level " : "", level ? level : "", e->as_id);
	if (e->pfn)
		fprintf(f, "    page      pfn 0x%" PRIx64 ", folio order %u, flags 0x%" PRIx64 "%s\n", (uint64_t)e->pfn,
			e->order, (uint64_t)e->page_flags,
			r->dirty_bit < 0 ? "" : e->page_flags >> r->dirty_bit & 1 ? " (dirty)" : " (not dirty)");
	fprintf(f, "    concerns  %" PRIu64 " page%s\n", (uint64_t)e->pages, e->pages == 1 ? "" : "s");
}

void text_story(FILE *f, const struct report *r, const struct told *t)
{
	const struct event_violation *e = &t->e;
	char when[FORMAT_LEN], comm[FORMAT_LEN];

	fprintf(f, "\n%sVIOLATED%s %s, %s into the run; it says that\n", text_colour(f, VIOLATED),
		text_colour_off(f, VIOLATED), invariant_name(e->invariant),
		format_ns(when, (uint64_t)t->since_start_ns));
	text_wrapped(f, 4, invariant_sentence(e->invariant));
	fprintf(f, "    VM        %s\n", t->vm_name);
	place(f, r, e);
	if (e->old_spte)
		spte(f, "SPTE", e->old_spte);
	if (e->new_spte != e->old_spte)
		spte(f, "became", e->new_spte);
	if (e->window_end)
		fprintf(f, "    window    [0x%" PRIx64 ", 0x%" PRIx64 ") %s\n", (uint64_t)e->window_start,
			(uint64_t)e->window_end, notifier_event_name((int)e->notifier_event));
	fprintf(f, "    cause     %s\n", t->cause);
	fprintf(f, "    task      %s, pid %u tid %u\n", format_comm(comm, e->comm, COMM_LEN), e->pid,
		e->tid);
	text_kernel_stack(f, r->ksyms, (const uint64_t *)e->stack, e->frames);
}
