// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of record types.
 */
#include "recording.h"

struct type {
	const char *name;
	size_t least;	/* size of the body */
};

static const struct type types[] = {
#define RECORD(id_, constant_, name_, least_, since_, what_) [id_] = { name_, least_ },
#include "records.def"
#undef RECORD
};

enum { NTYPES = sizeof(types) / sizeof(types[0]) };

const char *record_name(uint16_t type)
{
	return type < NTYPES ? types[type].name : NULL;
}

bool record_is_known(const struct record_head *r)
{
	return record_name(r->type) && r->size - sizeof(*r) >= types[r->type].least;
}
