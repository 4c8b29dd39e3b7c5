// SPDX-License-Identifier: GPL-2.0-only
/*
 * The symbol table of the running kernel, read only when a stack has to be printed.
 */
#include "ksyms.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sym {
	uint64_t address;
	char *name;
	char *module;
};

struct ksyms {
	struct sym *syms;
	size_t n;
	size_t size;
};

static int by_address(const void *a, const void *b)
{
	const struct sym *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static bool add(struct ksyms *k, uint64_t address, const char *name, const char *module)
{
	struct sym *s;

	if (k->n == k->size) {
		size_t size = k->size ? 2 * k->size : 1 << 16;

		s = reallocarray(k->syms, size, sizeof(*s));
		if (!s)
			return false;
		k->syms = s;
		k->size = size;
	}
	s = &k->syms[k->n];
	s->address = address;
	s->name = strdup(name);
	s->module = *module ? strdup(module) : NULL;
	if (!s->name)
		return false;
	k->n++;
	return true;
}

struct ksyms *ksyms_load(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	struct ksyms *k = f ? calloc(1, sizeof(*k)) : NULL;
	char line[512], name[256], module[64], type;
	unsigned long long address;

	while (k && fgets(line, sizeof(line), f)) {
		module[0] = '\0';
		if (sscanf(line, "%llx %c %255s [%63[^]]]", &address, &type, name, module) < 3)
			continue;
		if ((type != 't' && type != 'T' && type != 'w' && type != 'W') || !address)
			continue;
		if (!add(k, address, name, module)) {
			ksyms_free(k);
			k = NULL;
		}
	}
	if (f)
		fclose(f);
	if (k && k->n)
		qsort(k->syms, k->n, sizeof(*k->syms), by_address);
	return k;
}

void ksyms_free(struct ksyms *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++) {
		free(k->syms[i].name);
		free(k->syms[i].module);
	}
	free(k->syms);
	free(k);
}

const char *ksyms_name(const struct ksyms *k, uint64_t address, const char **module, uint64_t *offset)
{
	size_t low = 0, high = k ? k->n : 0;

	*module = "";
	*offset = 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (k->syms[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return "?";
	*offset = address - k->syms[low - 1].address;
	if (k->syms[low - 1].module)
		*module = k->syms[low - 1].module;
	return k->syms[low - 1].name;
}

void stack_cause(const struct ksyms *k, const uint64_t *frames, size_t n, char *buf, size_t size)
{
	static const struct {
		const char *function;
		const char *cause;
	} causes[] = {
#define CAUSE(function_, cause_) { function_, cause_ },
#include "causes.def"
#undef CAUSE
	};
	const char *module, *other = NULL;
	uint64_t offset;

	for (size_t i = n; i > 0; i--) {
		const char *name = ksyms_name(k, frames[i - 1], &module, &offset);

		for (size_t c = 0; c < sizeof(causes) / sizeof(causes[0]); c++) {
			if (!strcmp(name, causes[c].function)) {
				snprintf(buf, size, "%s", causes[c].cause);
				return;
			}
		}
		if (*module && strncmp(module, "kvm", 3))
			other = module;
	}
	if (other)
		snprintf(buf, size, "unknown, in module %s", other);
	else
		snprintf(buf, size, "unknown");
}
