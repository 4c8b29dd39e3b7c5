// SPDX-License-Identifier: GPL-2.0-only
/*
 * --list for people: scenarios, backings, steps, and what each needs.
 */
#include "report.h"
#include "report_json.h"
#include "scenario.h"

#include <stdio.h>

static void print_row(const char *name, const char *text, unsigned int needs)
{
	bool any = false;

	printf("  %-16s %s", name, text);
	for (unsigned int i = 0; i < NEEDS; i++) {
		if (!(needs & (1u << i)))
			continue;
		printf("%s%s", any ? ", " : " [", need_name(i));
		any = true;
	}
	printf("%s\n", any ? "]" : "");
}

int report_list(bool json)
{
	if (json)
		return list_json();
	printf("Scenarios [and what they need]\n");
	for (size_t i = 0; i < nscenarios; i++)
		print_row(scenarios[i].name, scenarios[i].text, scenario_needs(&scenarios[i]));
	printf("Backings, for --steps 'backing=NAME ...'\n");
	for (size_t i = 0; i < nbackings; i++)
		print_row(backings[i].name, backings[i].text, backings[i].needs);
	printf("Steps, for --steps; also as NAME:PART/PARTS\n");
	for (size_t i = 0; i < nstep_kinds; i++)
		print_row(step_kinds[i].name, step_kinds[i].text, step_kinds[i].needs);
	return fflush(stdout) || ferror(stdout) ? STATUS_ERROR : 0;
}
