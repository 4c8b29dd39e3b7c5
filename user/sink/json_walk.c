// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope walk for machines: all numbers, zeros too.
 */
#include "parts.h"

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *backings(const __u64 *n)
{
	json_t *o = json_object();

	for (int b = 0; b < BACKING_NR; b++)
		json_object_set_new(o, backing_name(b), number(n[b]));
	return o;
}

static json_t *by_level(const __u64 (*n)[BACKING_NR])
{
	json_t *o = json_object();

	for (int l = 0; l < LEVELS; l++)
		json_object_set_new(o, level_name(l), backings(n[l]));
	return o;
}

static json_t *kind_json(const struct walk_counts *w, const struct walk_sum *sum, int kind)
{
	json_t *serves = json_object();

	for (int s = 0; s < SERVES_NR; s++)
		json_object_set_new(serves, serves_name(s), backings(w->serves[kind][s]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "calls", number(sum->calls[kind]), "served",
			 number(sum->served[kind]), "unasked", number(w->unasked[kind]),
			 "before", serves, "served_level", by_level(w->served_level[kind]));
}

/* {row: {column: number}} of a table of rows, each of so many columns */
static json_t *table(const __u64 *n, unsigned int rows, unsigned int columns,
		     const char *(*row_name)(unsigned int), const char *(*column_name)(unsigned int))
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < rows; i++) {
		json_t *row = json_object();

		for (unsigned int k = 0; k < columns; k++)
			json_object_set_new(row, column_name(k), number(n[i * columns + k]));
		json_object_set_new(o, row_name(i), row);
	}
	return o;
}

static const char *level_of(unsigned int i)
{
	return level_name((int)i);
}

static const char *vma_of(unsigned int i)
{
	return vma_kind_name(i);
}

json_t *json_lookups(const struct report *r, const struct walk_counts *w)
{
	json_t *compared = json_object(), *pfns = json_object(), *o;
	struct walk_sum sum = walk_sum(w);

	for (int i = 0; i < COMPARED_NR; i++)
		json_object_set_new(compared, compared_name(i), number(w->compared[i]));
	for (int i = 0; i < PFN_CLASSES; i++)
		json_object_set_new(pfns, frame_name((unsigned int)i), number(w->pfns[i]));
	o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "write",
		      kind_json(w, &sum, LOOKUP_WRITE), "read", kind_json(w, &sum, LOOKUP_READ),
		      "found_level", by_level(w->found_level), "calls_compared",
		      number(sum.compared), "agreed", number(sum.agreed), "wrong",
		      number(sum.wrong), "compared", compared, "pfns", pfns, "unmatched",
		      number(w->unmatched));
	if (!o)
		return NULL;
	json_object_set_new(o, "special_level", table(&w->special[0][0], LEVELS, PFN_CLASSES, level_of,
						      frame_name));
	json_object_set_new(o, "failed", table(&w->failed[0][0], FRAME_CLASSES, VMA_KINDS, frame_name,
					       vma_of));
	json_object_set_new(o, "pinned", r->tells_pins ? number(w->pinned) : json_null());
	json_object_set_new(o, "pinned_served", r->tells_pins ? number(w->pinned_served) : json_null());
	return o;
}
