// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: the SPEC of mmuscope walk --candidate.
 */
#include "user/judge/candidate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct candidate_types none = { .btf = NULL };
	struct candidate_error error = { 0 };
	struct candidate_spec spec;
	struct candidate c;
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	/* every error has a place inside the text, or just behind it */
	if (candidate_parse(text, &c, &error)) {
		if (!error.column || error.column > strlen(text) + 1 || !*error.text)
			abort();
		free(text);
		return 0;
	}
	if (!*c.function || !c.term[CANDIDATE_HVA].given)
		abort();
	if (candidate_resolve(&c, &none, &spec, &error) && (!error.column || !*error.text))
		abort();
	free(text);
	return 0;
}
