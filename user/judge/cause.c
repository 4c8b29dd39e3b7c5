// SPDX-License-Identifier: GPL-2.0-only
/*
 * Causes of windows; the table is causes.def.
 */
#include "cause.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum rank { RANK_NONE, RANK_HINT, RANK_ASKED, RANK_OWN };

#define CAUSE(id, name, fate)
#define FRAME(function, cause, rank)
#define REFINE(from, function, to)

static const struct {
	const char *name;
	enum page_fate fate;
} causes[CAUSE_NR] = {
	[CAUSE_UNKNOWN] = { "unknown", FATE_UNKNOWN },
#undef CAUSE
#define CAUSE(id, name, fate) [CAUSE_##id] = { name, FATE_##fate },
#include "causes.def"
#undef CAUSE
#define CAUSE(id, name, fate)
};

static const struct {
	const char *function;
	enum cause_id cause;
	enum rank rank;
} known[] = {
#undef FRAME
#define FRAME(function, cause, rank) { function, CAUSE_##cause, RANK_##rank },
#include "causes.def"
#undef FRAME
#define FRAME(function, cause, rank)
};

static const struct {
	enum cause_id from;
	const char *function;
	enum cause_id to;
} refinements[] = {
#undef REFINE
#define REFINE(from, function, to) { CAUSE_##from, function, CAUSE_##to },
#include "causes.def"
};

const char *cause_name(enum cause_id id)
{
	return causes[id].name;
}

enum page_fate cause_fate(enum cause_id id)
{
	return causes[id].fate;
}

const char *fate_name(enum page_fate fate)
{
	static const char *const names[] = { "unknown", "kept", "taken" };

	return names[fate];
}

/* The compiler's parts and clones (do_madvise.part.0) count as the function itself. */
static bool is(const char *symbol, const char *function)
{
	size_t len = strlen(function);

	return !strncmp(symbol, function, len) && (!symbol[len] || symbol[len] == '.');
}

static enum cause_id lookup(const char *symbol, enum rank *rank)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (is(symbol, known[i].function)) {
			*rank = known[i].rank;
			return known[i].cause;
		}
	}
	*rank = RANK_NONE;
	return CAUSE_UNKNOWN;
}

static bool on_stack(const char *const *functions, size_t n, const char *function)
{
	for (size_t i = 0; i < n; i++)
		if (is(functions[i], function))
			return true;
	return false;
}

/*
 * Where the compiler has merged all of madvise into one function, MADV_FREE is the kind that opens its
 * window itself; all others call something that does.
 */
static bool opened_by_madvise(const char *const *functions, size_t n)
{
	enum rank rank;

	for (size_t i = 0; i + 1 < n; i++)
		if (!strncmp(functions[i], "__mmu_notifier_invalidate_range_", 32))
			return lookup(functions[i + 1], &rank) == CAUSE_MADVISE;
	return false;
}

static enum cause_id refine(enum cause_id id, const char *const *functions, size_t n)
{
	for (size_t i = 0; i < sizeof(refinements) / sizeof(refinements[0]); i++)
		if (refinements[i].from == id && on_stack(functions, n, refinements[i].function))
			return refinements[i].to;
	if (id == CAUSE_MADVISE && opened_by_madvise(functions, n))
		return CAUSE_MADV_FREE;
	return id;
}

enum cause_id cause_of_names(const char *const *functions, const char *const *modules, size_t n,
			     char text[CAUSE_LEN])
{
	enum cause_id best = CAUSE_UNKNOWN;
	enum rank best_rank = RANK_NONE;
	const char *other = NULL;

	for (size_t i = n; i > 0; i--) {
		enum rank rank;
		enum cause_id id = lookup(functions[i - 1], &rank);

		if (rank > best_rank) {
			best = id;
			best_rank = rank;
		}
		if (*modules[i - 1] && strncmp(modules[i - 1], "kvm", 3) && strcmp(modules[i - 1], "bpf"))
			other = modules[i - 1];
	}
	best = refine(best, functions, n);
	if (best == CAUSE_UNKNOWN && other)
		snprintf(text, CAUSE_LEN, "unknown, in module %.20s", other);
	else
		snprintf(text, CAUSE_LEN, "%s", causes[best].name);
	return best;
}

enum cause_id cause_of_stack(const struct ksyms *k, const uint64_t *stack, size_t n,
			     char text[CAUSE_LEN])
{
	const char *functions[STACK_FRAMES], *modules[STACK_FRAMES];
	uint64_t offset;

	_Static_assert((int)STACK_FRAMES >= (int)CAUSE_FRAMES, "room for either kind of stack");
	if (n > STACK_FRAMES)
		n = STACK_FRAMES;
	for (size_t i = 0; i < n; i++)
		functions[i] = ksyms_name(k, stack[i], &modules[i], &offset);
	return cause_of_names(functions, modules, n, text);
}

static size_t frames_of(const struct cause_row *row)
{
	return row->frames < CAUSE_FRAMES ? row->frames : CAUSE_FRAMES;
}

bool causes_want(const struct snapshot *s, struct ksyms *k)
{
	for (size_t i = 0; i < s->ncauses; i++) {
		const struct cause_row *row = &s->causes[i].row;

		if (!ksyms_want(k, (const uint64_t *)row->stack, frames_of(row)))
			return false;
	}
	return true;
}

static struct cause_group *group_of(struct cause_list *list, const struct cause *c, const char *name)
{
	bool outside = c->key.event >= NOTIFIER_EVENTS;

	for (size_t i = 0; i < list->n; i++) {
		struct cause_group *g = &list->groups[i];

		if (g->tid == c->key.tid && g->pid == c->row.pid && g->outside == outside &&
		    !strcmp(g->name, name) && !strncmp(g->comm, c->row.comm, COMM_LEN))
			return g;
	}
	return NULL;
}

/* How much a row did: whose stack is shown, and in which order groups are. */
static uint64_t weight(uint64_t windows, uint64_t zapped)
{
	return windows > zapped ? windows : zapped;
}

static uint64_t seen_of(const struct cause_row *row, enum evidence first, enum evidence last)
{
	uint64_t n = 0;

	for (int e = first; e <= (int)last; e++)
		for (int b = 0; b < BACKING_NR; b++)
			n += row->seen[e][b];
	return n;
}

/*
 * 4K pages that lost their mapping.  Outside windows they are known by the evidence only: of what was
 * written one of three counts them, of what was accessed one of two.
 */
static uint64_t pages_of(const struct cause_group *g, const struct cause_row *row)
{
	uint64_t written, accessed;

	if (!g->outside || row->zapped)
		return row->zapped;
	written = seen_of(row, SEEN_ZAP_PRIMARY, SEEN_ZAP_CLEAN);
	accessed = seen_of(row, SEEN_ZAP_YOUNG, SEEN_ZAP_NEWS);
	return written > accessed ? written : accessed;
}

/* False: out of memory. */
static bool share_add(struct cause_group *g, uint32_t vm, const struct cause_row *row)
{
	struct cause_share *list = g->shares;
	size_t i = 0;

	while (i < g->nshares && list[i].vm != vm)
		i++;
	if (i == g->nshares) {
		list = reallocarray(list, i + 1, sizeof(*list));
		if (!list)
			return false;
		g->shares = list;
		list[g->nshares++] = (struct cause_share){ .vm = vm };
	}
	list[i].windows += row->windows;
	list[i].ns += row->ns;
	return true;
}

static void group_add(struct cause_group *g, const struct cause_row *row)
{
	if (g->outside)
		g->changes += row->windows;
	else
		g->windows += row->windows;
	g->ns += row->ns;
	if (row->ns_max > g->ns_max)
		g->ns_max = row->ns_max;
	g->zapped += pages_of(g, row);
	g->retries += row->retries;
	for (int e = 0; e < SEEN_NR; e++)
		for (int b = 0; b < BACKING_NR; b++)
			g->seen[e][b] += row->seen[e][b];
	for (int b = 0; b < CAUSE_BUCKETS; b++)
		g->ns_bucket[b] += row->ns_bucket[b];
	g->samples += row->samples;
	g->differs += row->differs;
	g->rows++;
	if (row->frames && (!g->example ||
	    weight(row->windows, row->zapped) > weight(g->example->windows, g->example->zapped)))
		g->example = row;
}

static int by_weight(const void *a, const void *b)
{
	const struct cause_group *x = a, *y = b;
	uint64_t wx = weight(x->windows, x->zapped), wy = weight(y->windows, y->zapped);

	if (wx != wy)
		return (wx < wy) - (wx > wy);
	if (x->ns != y->ns)
		return (x->ns < y->ns) - (x->ns > y->ns);
	return (x->tid > y->tid) - (x->tid < y->tid);
}

int causes_group(const struct snapshot *s, const struct ksyms *k, struct cause_list *out)
{
	size_t size = 0;

	*out = (struct cause_list){ 0 };
	for (size_t i = 0; i < s->ncauses; i++) {
		const struct cause *c = &s->causes[i];
		struct cause_group *g;
		char name[CAUSE_LEN];
		enum cause_id id;

		id = cause_of_stack(k, (const uint64_t *)c->row.stack, frames_of(&c->row), name);
		g = group_of(out, c, name);
		if (!g) {
			if (out->n == size) {
				size = size ? 2 * size : 16;
				g = reallocarray(out->groups, size, sizeof(*g));
				if (!g) {
					causes_free(out);
					return -ENOMEM;
				}
				out->groups = g;
			}
			g = &out->groups[out->n++];
			*g = (struct cause_group){
				.id = id, .pid = c->row.pid, .tid = c->key.tid,
				.outside = c->key.event >= NOTIFIER_EVENTS,
			};
			memcpy(g->name, name, sizeof(g->name));
			memcpy(g->comm, c->row.comm, sizeof(g->comm));
		}
		group_add(g, &c->row);
		if (!g->outside && !share_add(g, c->key.vm, &c->row)) {
			causes_free(out);
			return -ENOMEM;
		}
	}
	if (out->n)
		qsort(out->groups, out->n, sizeof(*out->groups), by_weight);
	return 0;
}

void causes_free(struct cause_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->groups[i].shares);
	free(list->groups);
	*list = (struct cause_list){ 0 };
}
