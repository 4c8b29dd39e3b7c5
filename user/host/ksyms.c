// SPDX-License-Identifier: GPL-2.0-only
/*
 * The symbol table of the running kernel, read in one pass for the addresses that were asked for.  It
 * is not sorted: modules and BPF programs come behind the kernel, wherever they lie.
 */
#include "ksyms.h"
#include "symbol_table.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAME_LEN = 128,
	MODULE_LEN = 64,
	/* farther from a symbol than any function is long: it belongs to something without a name */
	FAR = 1 << 17,
	NAMELESS = 8,	/* frames at the start of a stack that may be ours without a name */
};

/* one address, and the nearest symbol seen so far at or below it but above the next lower address */
struct want {
	uint64_t address;
	uint64_t symbol;
	char *name;
	char *module;
};

struct ksyms {
	struct want *wants;
	size_t n;
	size_t size;
	bool all;	/* there are no wants, but a table of everything */
	struct symbol_table table;
};

static int by_address(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

struct ksyms *ksyms_new(void)
{
	return calloc(1, sizeof(struct ksyms));
}

bool ksyms_want(struct ksyms *k, const uint64_t *addresses, size_t n)
{
	for (size_t i = 0; k && i < n; i++) {
		if (!addresses[i])
			continue;
		if (k->n == k->size) {
			size_t size = k->size ? 2 * k->size : 256;
			struct want *wants = reallocarray(k->wants, size, sizeof(*wants));

			if (!wants)
				return false;
			k->wants = wants;
			k->size = size;
		}
		k->wants[k->n++] = (struct want){ .address = addresses[i] };
	}
	return true;
}

/* Index of the first wanted address that is not below this one. */
static size_t find(const struct ksyms *k, uint64_t address)
{
	size_t low = 0, high = k->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (k->wants[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void sort(struct ksyms *k)
{
	size_t n = 0;

	if (k->n)
		qsort(k->wants, k->n, sizeof(*k->wants), by_address);
	for (size_t i = 0; i < k->n; i++)
		if (!i || k->wants[i].address != k->wants[i - 1].address)
			k->wants[n++] = k->wants[i];
	k->n = n;
}

/* "ffffffffc0123456 t name	[module]": a function.  Names are cut to their room. */
static bool parse(char *line, uint64_t *address, const char **name, const char **module)
{
	char *end, *save;
	const char *type;

	*address = strtoull(line, &end, 16);
	type = strtok_r(end, " \t\n", &save);
	*name = type ? strtok_r(NULL, " \t\n", &save) : NULL;
	if (!*name || !*address || !strchr("tTwW", *type))
		return false;
	*module = strtok_r(NULL, " \t\n[]", &save);
	if (!*module)
		*module = "";
	return true;
}

void ksyms_want_all(struct ksyms *k)
{
	if (k)
		k->all = true;
}

static void read_all(struct ksyms *k, FILE *f)
{
	const char *name, *module;
	uint64_t address;
	char line[512];

	while (fgets(line, sizeof(line), f))
		if (parse(line, &address, &name, &module) &&
		    !symbol_table_add(&k->table, address, name, module))
			break;
	symbol_table_seal(&k->table);
}

void ksyms_read(struct ksyms *k, FILE *f)
{
	char line[512];

	if (k->all) {
		read_all(k, f);
		return;
	}
	sort(k);
	while (fgets(line, sizeof(line), f)) {
		const char *name, *module;
		struct want *w;
		uint64_t address;
		size_t i;

		if (!parse(line, &address, &name, &module))
			continue;
		i = find(k, address);
		if (i == k->n)
			continue;
		/* of several names for one address the first: the others are aliases */
		w = &k->wants[i];
		if (w->name && w->symbol >= address)
			continue;
		free(w->name);
		free(w->module);
		w->symbol = address;
		w->name = strndup(name, NAME_LEN);
		w->module = *module ? strndup(module, MODULE_LEN) : NULL;
	}
}

void ksyms_load(struct ksyms *k)
{
	FILE *f = k && (k->n || k->all) ? fopen("/proc/kallsyms", "r") : NULL;

	if (!f)
		return;
	ksyms_read(k, f);
	fclose(f);
}

void ksyms_free(struct ksyms *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++) {
		free(k->wants[i].name);
		free(k->wants[i].module);
	}
	free(k->wants);
	symbol_table_deinit(&k->table);
	free(k);
}

static const char *name_in_table(const struct symbol_table *t, uint64_t address, const char **module,
				 uint64_t *offset)
{
	const struct symbol *s = symbol_table_find(t, address);

	if (!s || address - s->address >= FAR)
		return "?";
	*offset = address - s->address;
	*module = symbol_table_text(t, s->module);
	return symbol_table_text(t, s->name);
}

const char *ksyms_name(const struct ksyms *k, uint64_t address, const char **module, uint64_t *offset)
{
	size_t i = k ? find(k, address) : 0;

	*module = "";
	*offset = 0;
	if (k && k->all)
		return name_in_table(&k->table, address, module, offset);
	if (!k || i >= k->n || k->wants[i].address != address)
		return "?";
	/* none between this address and the next lower one: that one's symbol is the nearest */
	while (i > 0 && !k->wants[i].name)
		i--;
	if (!k->wants[i].name || address - k->wants[i].symbol >= FAR)
		return "?";
	*offset = address - k->wants[i].symbol;
	if (k->wants[i].module)
		*module = k->wants[i].module;
	return k->wants[i].name;
}

/* Of the program itself, of what the kernel has to take a stack, or nameless (bpf_jit_kallsyms=0). */
static bool is_own(const char *name, const char *module, size_t depth)
{
	return !strcmp(module, "bpf") || !strncmp(name, "bpf_get_", 8) || !strncmp(name, "__bpf_get_", 10) ||
	       (!strcmp(name, "?") && depth < NAMELESS);
}

size_t ksyms_own_frames(const struct ksyms *k, const uint64_t *stack, size_t n)
{
	const char *module;
	uint64_t offset;
	size_t own = 0;

	while (own < n) {
		const char *name = ksyms_name(k, stack[own], &module, &offset);

		if (!is_own(name, module, own))
			break;
		own++;
	}
	return own;
}
