// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: the rules of a gate, as they may stand in any file.
 */
#include "user/gate/rules.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rules rules;
	struct rules_error error;

	/* every error has a place, and every rule its words */
	if (rules_parse((const char *)data, size, &rules, &error)) {
		if (!error.line || !error.column || !*error.text)
			abort();
		return 0;
	}
	for (size_t i = 0; i < rules.n; i++)
		if (!*rules.list[i].text || !rule_unit(&rules.list[i]))
			abort();
	return 0;
}
