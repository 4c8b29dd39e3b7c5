// SPDX-License-Identifier: GPL-2.0-only
/*
 * The static program is linked with what scripts/make-absent writes, in the place of libraries that are no
 * archives in Debian; its list of them is there only then.
 */
#include "user/base/features.h"

#include <stddef.h>

extern const char features_absent[] __attribute__((weak));

const char *features_missing(void)
{
	return features_absent ? features_absent : NULL;
}
