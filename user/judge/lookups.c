// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and sums of what mmuscope walk counts.
 */
#include "lookups.h"

struct name {
	const char *name;
	const char *text;
};

/* of the file only the rows of one kind are wanted at a time */
#define SERVES_ROW(id, name, text)
#define COMPARED_ROW(id, name, text)
#define PFN_ROW(id, name, text)
#define VMA_ROW(id, name, text)

#undef SERVES_ROW
#define SERVES_ROW(id, name, text) [id] = { name, text },
static const struct name serves_names[SERVES_NR] = {
#include "lookups.def"
};
#undef SERVES_ROW
#define SERVES_ROW(id, name, text)

#undef COMPARED_ROW
#define COMPARED_ROW(id, name, text) [id] = { name, text },
static const struct name compared_names[COMPARED_NR] = {
#include "lookups.def"
};
#undef COMPARED_ROW
#define COMPARED_ROW(id, name, text)

#undef PFN_ROW
#define PFN_ROW(id, name, text) [id] = { name, text },
static const struct name frame_names[FRAME_CLASSES] = {
#include "lookups.def"
};
#undef PFN_ROW
#define PFN_ROW(id, name, text)

#undef VMA_ROW
#define VMA_ROW(id, name, text) [id] = { name, text },
static const struct name vma_names[VMA_KINDS] = {
#include "lookups.def"
};

const char *serves_name(enum serves s)
{
	return serves_names[s].name;
}

const char *serves_text(enum serves s)
{
	return serves_names[s].text;
}

const char *compared_name(enum compared c)
{
	return compared_names[c].name;
}

const char *compared_text(enum compared c)
{
	return compared_names[c].text;
}

const char *frame_name(unsigned int c)
{
	return frame_names[c].name;
}

const char *frame_text(unsigned int c)
{
	return frame_names[c].text;
}

const char *vma_kind_name(enum vma_kind k)
{
	return vma_names[k].name;
}

const char *vma_kind_text(enum vma_kind k)
{
	return vma_names[k].text;
}

void walk_add(struct walk_counts *dst, const struct walk_counts *src)
{
	/* the structure is counters only (static assert in lookup.h) */
	uint64_t *d = (uint64_t *)dst;
	const uint64_t *s = (const uint64_t *)src;

	for (size_t i = 0; i < sizeof(*dst) / sizeof(*d); i++)
		d[i] += s[i];
}

void walk_total(const struct snapshot *s, struct walk_counts *out)
{
	*out = s->host_walk;
	for (size_t i = 0; i < s->nvms; i++)
		walk_add(out, &row_lookups(&s->vms[i])->walk);
}

struct walk_sum walk_sum(const struct walk_counts *c)
{
	struct walk_sum sum = { .calls = { 0 } };

	for (int k = 0; k < LOOKUP_KINDS; k++) {
		for (int s = 0; s < SERVES_NR; s++)
			for (int b = 0; b < BACKING_NR; b++)
				sum.calls[k] += c->serves[k][s][b];
		for (int b = 0; b < BACKING_NR; b++)
			sum.served[k] += c->serves[k][SERVES][b];
	}
	for (int i = 0; i < COMPARED_NR; i++) {
		sum.compared += c->compared[i];
		if (i <= AGREE_NONE)
			sum.agreed += c->compared[i];
		if (i >= WRONG_PAGE)
			sum.wrong += c->compared[i];
	}
	return sum;
}

bool walk_missed(const struct snapshot *s)
{
	return s->missed[HOOK_HVA_TO_PFN] || s->missed[HOOK_HVA_ASK] || s->missed[HOOK_VM_CREATE] ||
	       s->missed[HOOK_VM_DESTROYED] || s->losses[LOSS_EVENT] || s->losses[LOSS_VM_TABLE] ||
	       s->losses[LOSS_TASK_STATE];
}
