/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every function of a kernel: its address, its name and its module, in 16 bytes and the name.  There are
 * some 130,000, and who watches for months keeps them all.
 */
#ifndef MMUSCOPE_SYMBOL_TABLE_H
#define MMUSCOPE_SYMBOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	uint32_t name;		/* where its text begins */
	uint32_t module;
};

/* zeros: an empty one */
struct symbol_table {
	struct symbol *list;
	size_t n;
	size_t size;
	char *text;		/* names and modules, each ended by NUL */
	size_t text_n;
	size_t text_size;
	uint32_t module;	/* of the symbol before: they come in groups */
};

/* module: "" for the kernel.  False: out of memory. */
bool symbol_table_add(struct symbol_table *t, uint64_t address, const char *name, const char *module);
/* When all are there: put them in order, give back what is not needed. */
void symbol_table_seal(struct symbol_table *t);
/*
 * The symbol nearest to an address, at it or below; of several at one address the one that was added
 * first.  NULL: there is none.
 */
const struct symbol *symbol_table_find(const struct symbol_table *t, uint64_t address);
const char *symbol_table_text(const struct symbol_table *t, uint32_t text);
void symbol_table_deinit(struct symbol_table *t);

#endif /* MMUSCOPE_SYMBOL_TABLE_H */
