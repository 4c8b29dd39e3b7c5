// SPDX-License-Identifier: GPL-2.0-only
/*
 * A SPEC's values by the types of the function: which register, which offsets, how wide.
 */
#include "candidate.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* one value on its way to a number */
struct way {
	const struct btf *btf;
	const struct candidate_term *term;
	const struct btf_type *type;	/* of what has been reached; NULL: not known */
	struct candidate_value *out;
	struct candidate_error *error;
	const char *key;
};

__attribute__((format(printf, 2, 3)))
static int wrong(const struct way *w, const char *fmt, ...)
{
	size_t used;
	va_list args;

	w->error->column = w->term->at;
	used = (size_t)snprintf(w->error->text, sizeof(w->error->text), "%s: ", w->key);
	va_start(args, fmt);
	vsnprintf(w->error->text + used, sizeof(w->error->text) - used, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* The type itself, without typedefs and qualifiers; NULL: void. */
static const struct btf_type *strip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t)))
		t = btf__type_by_id(btf, t->type);
	return t && !btf_is_void(t) ? t : NULL;
}

static const struct btf_type *proto_of(const struct candidate_types *types)
{
	const struct btf_type *function;

	if (!types->btf)
		return NULL;
	function = btf__type_by_id(types->btf, (uint32_t)types->function);
	return btf__type_by_id(types->btf, function->type);
}

/* A member by name, also inside anonymous structs and unions. */
static const struct btf_member *find_member(const struct btf *btf, const struct btf_type *t, const char *name,
					    uint32_t *bits)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i], *inside;
		const struct btf_type *type = strip(btf, m->type);
		uint32_t at = btf_member_bit_offset(t, i);

		if (m->name_off && !strcmp(btf__name_by_offset(btf, m->name_off), name)) {
			*bits += at;
			return btf_member_bitfield_size(t, i) ? NULL : m;
		}
		if (m->name_off || !type || !btf_is_composite(type))
			continue;
		inside = find_member(btf, type, name, bits);
		if (inside) {
			*bits += at;
			return inside;
		}
	}
	return NULL;
}

/* One more read of memory. */
static int add_load(struct way *w, uint32_t offset)
{
	if (w->out->loads == CANDIDATE_LOADS)
		return wrong(w, "more than %d reads of memory", CANDIDATE_LOADS);
	w->out->offset[w->out->loads++] = offset;
	return 0;
}

static int follow_field(struct way *w, const struct candidate_field *f)
{
	const struct btf_type *t = w->type;
	const struct btf_member *m;
	uint32_t bits = 0;
	int err;

	if (!w->btf)
		return wrong(w, "BTF does not have this function: there are no fields, only *argN with a width");
	if (f->arrow)
		t = t && btf_is_ptr(t) ? strip(w->btf, t->type) : NULL;
	if (!t || !btf_is_composite(t))
		return wrong(w, f->arrow ? "what is before '->%s' is no pointer to a struct" :
			     "what is before '.%s' is no struct", f->name);
	m = find_member(w->btf, t, f->name, &bits);
	if (!m)
		return wrong(w, "struct %s has no member %s that is not a bit field",
			     btf__name_by_offset(w->btf, t->name_off), f->name);
	if (f->arrow) {
		err = add_load(w, bits / 8);
		if (err)
			return err;
	} else {
		w->out->offset[w->out->loads - 1] += bits / 8;
	}
	w->type = strip(w->btf, m->type);
	return 0;
}

static int follow_star(struct way *w)
{
	int err = add_load(w, 0);

	if (err)
		return err;
	if (w->btf && w->type && !btf_is_ptr(w->type))
		return wrong(w, "'*' before what is no pointer");
	w->type = w->btf && w->type ? strip(w->btf, w->type->type) : NULL;
	if (!w->type && !w->term->width)
		return wrong(w, "the type behind the pointer is not known: give a width, as *arg2:u64");
	return 0;
}

/* Width and sign, by the SPEC or else by the type. */
static int set_width(struct way *w)
{
	const struct btf_type *t = w->type;

	if (w->term->width) {
		w->out->width = w->term->width;
		w->out->is_signed = w->term->is_signed;
		return 0;
	}
	w->out->width = 8;
	if (!t || btf_is_ptr(t))
		return 0;
	if (!btf_is_int(t) && !btf_is_any_enum(t))
		return wrong(w, "is no number, bool or pointer");
	w->out->width = t->size;
	w->out->is_signed = btf_is_int(t) && (btf_int_encoding(t) & BTF_INT_SIGNED);
	return t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8 ? 0 :
	       wrong(w, "is a number of %u bytes", t->size);
}

/* The type of a register. */
static int start(struct way *w, const struct btf_type *proto)
{
	uint32_t n = w->term->source - 1;

	if (!proto)
		return 0;
	if (n == CANDIDATE_RET) {
		w->type = strip(w->btf, proto->type);
		return w->type ? 0 : wrong(w, "the function returns nothing");
	}
	if (n >= btf_vlen(proto))
		return wrong(w, "the function has %u arguments", btf_vlen(proto));
	w->type = strip(w->btf, btf_params(proto)[n].type);
	return 0;
}

static int resolve(struct way *w, const struct btf_type *proto)
{
	int err = start(w, proto);

	w->out->source = w->term->source;
	for (size_t i = 0; !err && i < w->term->nfields; i++)
		err = follow_field(w, &w->term->field[i]);
	if (!err && w->term->deref)
		err = follow_star(w);
	if (err)
		return err;
	w->out->mask = w->term->masked ? w->term->mask : UINT64_MAX;
	w->out->compare = w->term->compare;
	w->out->operand = w->term->operand;
	return set_width(w);
}

static int check_arguments(const struct candidate_types *types, const struct btf_type *proto,
			   struct candidate_error *error)
{
	for (uint32_t i = 0; proto && i < btf_vlen(proto); i++) {
		const struct btf_type *t = strip(types->btf, btf_params(proto)[i].type);

		if (!t || !btf_is_composite(t))
			continue;
		error->column = 1;
		snprintf(error->text, sizeof(error->text),
			 "its argument %u is a struct by value, behind which arguments cannot be told", i + 1);
		return -EINVAL;
	}
	return 0;
}

int candidate_resolve(const struct candidate *c, const struct candidate_types *types,
		      struct candidate_spec *out, struct candidate_error *error)
{
	const struct btf_type *proto = proto_of(types);
	int err = check_arguments(types, proto, error);

	memset(out, 0, sizeof(*out));
	for (int key = 0; !err && key < CANDIDATE_KEYS; key++) {
		struct way w = {
			.btf = types->btf, .term = &c->term[key], .out = &out->value[key],
			.error = error, .key = candidate_key_name(key),
		};

		if (c->term[key].given)
			err = resolve(&w, proto);
	}
	return err;
}

bool candidate_fits_trampoline(const struct candidate_types *types)
{
	const struct btf_type *proto = proto_of(types);

	return proto && btf_vlen(proto) <= CANDIDATE_ARGS;
}
