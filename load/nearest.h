/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The name that a mistyped one was meant to be.
 */
#ifndef LOAD_NEAREST_H
#define LOAD_NEAREST_H

#include <stddef.h>

/* name_at(i) gives the names, NULL ends them. NULL when none is near enough. */
const char *nearest_name(const char *typed, const char *(*name_at)(size_t i));

#endif
