// SPDX-License-Identifier: GPL-2.0-only
/*
 * Texts lie one behind the other in one block, since an allocation for each would take as much again.
 */
#include "symbol_table.h"

#include <stdlib.h>
#include <string.h>

static bool text_add(struct symbol_table *t, const char *text, uint32_t *at)
{
	size_t len = strlen(text) + 1, size = t->text_size ? t->text_size : 4096;
	char *block;

	while (size - t->text_n < len)
		size *= 2;
	if (size > UINT32_MAX)
		return false;
	if (size != t->text_size) {
		block = realloc(t->text, size);
		if (!block)
			return false;
		t->text = block;
		t->text_size = size;
	}
	*at = (uint32_t)t->text_n;
	memcpy(t->text + t->text_n, text, len);
	t->text_n += len;
	return true;
}

static bool same_module(const struct symbol_table *t, const char *module)
{
	return t->n && !strcmp(t->text + t->module, module);
}

bool symbol_table_add(struct symbol_table *t, uint64_t address, const char *name, const char *module)
{
	struct symbol s = { .address = address };

	if (t->n == t->size) {
		size_t size = t->size ? 2 * t->size : 256;
		struct symbol *list = reallocarray(t->list, size, sizeof(*list));

		if (!list)
			return false;
		t->list = list;
		t->size = size;
	}
	if (!same_module(t, module) && !text_add(t, module, &t->module))
		return false;
	if (!text_add(t, name, &s.name))
		return false;
	s.module = t->module;
	t->list[t->n++] = s;
	return true;
}

/* Texts of later ones lie behind those of earlier ones. */
static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

void symbol_table_seal(struct symbol_table *t)
{
	struct symbol *list;
	char *text;

	if (!t->n)
		return;
	qsort(t->list, t->n, sizeof(*t->list), by_address);
	list = reallocarray(t->list, t->n, sizeof(*list));
	if (list) {
		t->list = list;
		t->size = t->n;
	}
	text = realloc(t->text, t->text_n);
	if (text) {
		t->text = text;
		t->text_size = t->text_n;
	}
}

const struct symbol *symbol_table_find(const struct symbol_table *t, uint64_t address)
{
	size_t low = 0, high = t->n;

	/* the first one above */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->list[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	while (low > 1 && t->list[low - 2].address == t->list[low - 1].address)
		low--;
	return low ? &t->list[low - 1] : NULL;
}

const char *symbol_table_text(const struct symbol_table *t, uint32_t text)
{
	return t->text + text;
}

void symbol_table_deinit(struct symbol_table *t)
{
	free(t->list);
	free(t->text);
	*t = (struct symbol_table){ 0 };
}
