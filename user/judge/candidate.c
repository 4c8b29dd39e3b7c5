// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the SPEC of a candidate: FUNC(key=value,...), by hand, since each error is to say where.
 * Pure.
 */
#include "candidate.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[CANDIDATE_KEYS] = {
	"hva", "mm", "write", "pfn", "page", "level", "shift", "order", "size", "writable", "ok",
};

struct reader {
	const char *spec;
	const char *p;
	struct candidate_error *error;
};

const char *candidate_key_name(enum candidate_key key)
{
	return keys[key];
}

__attribute__((format(printf, 3, 4)))
static int wrong(const struct reader *r, const char *at, const char *fmt, ...)
{
	va_list args;

	r->error->column = (size_t)(at - r->spec) + 1;
	va_start(args, fmt);
	vsnprintf(r->error->text, sizeof(r->error->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

static void skip_blanks(struct reader *r)
{
	while (*r->p == ' ' || *r->p == '\t')
		r->p++;
}

static bool take(struct reader *r, const char *text)
{
	size_t len = strlen(text);

	skip_blanks(r);
	if (strncmp(r->p, text, len))
		return false;
	r->p += len;
	return true;
}

static int expect(struct reader *r, const char *text, const char *where)
{
	if (take(r, text))
		return 0;
	return wrong(r, r->p, "'%s' is missing %s", text, where);
}

/* A name as C has them; what: of what, for the message. */
static int take_name(struct reader *r, char *name, const char *what)
{
	const char *start;
	size_t len = 0;

	skip_blanks(r);
	start = r->p;
	while (isalnum((unsigned char)start[len]) || start[len] == '_')
		len++;
	if (!len || isdigit((unsigned char)*start))
		return wrong(r, start, "%s is missing", what);
	if (len >= CANDIDATE_NAME)
		return wrong(r, start, "%s is longer than %d characters", what, CANDIDATE_NAME - 1);
	memcpy(name, start, len);
	name[len] = '\0';
	r->p += len;
	return 0;
}

/* A number: decimal or 0x..., with a sign. */
static int take_number(struct reader *r, uint64_t *value)
{
	const char *start;
	bool minus;
	char *end;

	skip_blanks(r);
	start = r->p;
	minus = *r->p == '-';
	r->p += minus;
	if (!isdigit((unsigned char)*r->p))
		return wrong(r, start, "a number is missing");
	errno = 0;
	*value = strtoull(r->p, &end, 0);
	if (errno || isalnum((unsigned char)*end) || *end == '_')
		return wrong(r, start, "not a number of 64 bits, decimal or 0x...");
	if (minus)
		*value = -*value;
	r->p = end;
	return 0;
}

static int take_source(struct reader *r, struct candidate_term *t)
{
	char name[CANDIDATE_NAME];
	const char *start;
	int err;

	t->deref = take(r, "*");
	skip_blanks(r);
	start = r->p;
	err = take_name(r, name, "arg1 to arg6, or ret,");
	if (err)
		return err;
	if (!strcmp(name, "ret")) {
		t->source = CANDIDATE_RET + 1;
		return 0;
	}
	if (strncmp(name, "arg", 3) || strlen(name) != 4 || name[3] < '1' || name[3] > '0' + CANDIDATE_ARGS)
		return wrong(r, start, "'%s' is neither arg1 to arg%d nor ret", name, CANDIDATE_ARGS);
	t->source = (uint32_t)(name[3] - '0');
	return 0;
}

static int take_fields(struct reader *r, struct candidate_term *t)
{
	for (;;) {
		bool arrow = take(r, "->");
		struct candidate_field *f = &t->field[t->nfields];
		int err;

		if (!arrow && !take(r, "."))
			return 0;
		if (t->nfields == CANDIDATE_FIELDS)
			return wrong(r, r->p, "more than %d fields", CANDIDATE_FIELDS);
		if (!arrow && !t->nfields)
			return wrong(r, r->p - 1, "a register holds no struct: use '->'");
		f->arrow = arrow;
		err = take_name(r, f->name, "the name of a field");
		if (err)
			return err;
		t->nfields++;
	}
}

static int take_width(struct reader *r, struct candidate_term *t)
{
	static const struct {
		const char *name;
		uint32_t width;
		bool is_signed;
	} widths[] = {
		{ "u8", 1, false }, { "u16", 2, false }, { "u32", 4, false }, { "u64", 8, false },
		{ "s8", 1, true }, { "s16", 2, true }, { "s32", 4, true }, { "s64", 8, true },
	};
	char name[CANDIDATE_NAME];
	const char *start;
	int err;

	if (!take(r, ":"))
		return 0;
	skip_blanks(r);
	start = r->p;
	err = take_name(r, name, "a width (u8 to u64, s8 to s64)");
	for (size_t i = 0; !err && i < sizeof(widths) / sizeof(widths[0]); i++) {
		if (strcmp(name, widths[i].name))
			continue;
		t->width = widths[i].width;
		t->is_signed = widths[i].is_signed;
		return 0;
	}
	return err ? err : wrong(r, start, "'%s' is no width: u8, u16, u32, u64, s8, s16, s32, s64", name);
}

static int take_comparison(struct reader *r, struct candidate_term *t)
{
	static const struct {
		const char *sign;
		uint32_t compare;
	} signs[] = {
		/* longer ones first */
		{ "==", IS_EQUAL }, { "!=", IS_DIFFERENT }, { "<=", IS_AT_MOST }, { ">=", IS_AT_LEAST },
		{ "<", IS_BELOW }, { ">", IS_ABOVE },
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (take(r, signs[i].sign)) {
			t->compare = signs[i].compare;
			return take_number(r, &t->operand);
		}
	}
	return 0;
}

static int take_value(struct reader *r, struct candidate_term *t)
{
	int err;

	skip_blanks(r);
	t->given = true;
	t->at = (size_t)(r->p - r->spec) + 1;
	err = take_source(r, t);
	err = err ? err : take_fields(r, t);
	err = err ? err : take_width(r, t);
	if (!err && take(r, "&")) {
		t->masked = true;
		err = take_number(r, &t->mask);
	}
	return err ? err : take_comparison(r, t);
}

static bool is_level(int key)
{
	return key >= CANDIDATE_LEVEL && key <= CANDIDATE_SIZE;
}

/* What may not be said twice, in the same words or in others. */
static int check_once(const struct reader *r, const struct candidate *c, int key, const char *at)
{
	for (int k = 0; k < CANDIDATE_KEYS; k++) {
		bool same = k == key || (is_level(k) && is_level(key)) ||
			    (k == CANDIDATE_PFN && key == CANDIDATE_PAGE) ||
			    (k == CANDIDATE_PAGE && key == CANDIDATE_PFN);

		if (same && c->term[k].given)
			return wrong(r, at, k == key ? "'%s' is given twice" :
				     "'%s' says what another word has said", keys[key]);
	}
	return 0;
}

static int take_pair(struct reader *r, struct candidate *c)
{
	char name[CANDIDATE_NAME];
	const char *start;
	int err, key;

	skip_blanks(r);
	start = r->p;
	err = take_name(r, name, "a word (hva, pfn, level...)");
	if (err)
		return err;
	for (key = 0; key < CANDIDATE_KEYS && strcmp(name, keys[key]);)
		key++;
	if (key == CANDIDATE_KEYS)
		return wrong(r, start, "'%s' is none of hva, mm, write, pfn, page, level, shift, order, size, "
			     "writable, ok", name);
	err = check_once(r, c, key, start);
	err = err ? err : expect(r, "=", "after the word");
	start = r->p;
	err = err ? err : take_value(r, &c->term[key]);
	if (err || key > CANDIDATE_WRITE || c->term[key].source != CANDIDATE_RET + 1)
		return err;
	return wrong(r, start, "'%s' is read at the entry, where there is no ret", keys[key]);
}

int candidate_parse(const char *spec, struct candidate *out, struct candidate_error *error)
{
	struct reader r = { .spec = spec, .p = spec, .error = error };
	int err;

	memset(out, 0, sizeof(*out));
	err = take_name(&r, out->function, "the name of a function");
	err = err ? err : expect(&r, "(", "after the function");
	do
		err = err ? err : take_pair(&r, out);
	while (!err && take(&r, ","));
	err = err ? err : expect(&r, ")", "at the end");
	skip_blanks(&r);
	if (!err && *r.p)
		err = wrong(&r, r.p, "nothing may follow the ')'");
	if (!err && !out->term[CANDIDATE_HVA].given)
		err = wrong(&r, r.p, "hva=... is missing: which address is looked up?");
	for (int key = CANDIDATE_PFN; !err && key < CANDIDATE_OK; key++)
		if (out->term[key].given)
			return 0;
	return err ? err : wrong(&r, r.p, "nothing to judge: give pfn=, page=, level= or writable=");
}
