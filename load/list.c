// SPDX-License-Identifier: GPL-2.0-only
/*
 * --list for people: scenarios, backings, steps, and what each needs.
 */
#include "gmem.h"
#include "report.h"
#include "report_json.h"
#include "scenario.h"
#include "wrap.h"

#include <stdio.h>

#define TEXT_COLUMN 19

static void print_row(const char *name, const char *text, unsigned int needs)
{
	char label[32];
	char line[256] = "";
	bool any = false;

	snprintf(label, sizeof(label), "  %s", name);
	wrap_add(line, sizeof(line), "%s", text);
	for (unsigned int i = 0; i < NEEDS; i++) {
		if (!(needs & (1u << i)))
			continue;
		wrap_add(line, sizeof(line), "%s%s", any ? ", " : " [", need_name(i));
		any = true;
	}
	wrap_add(line, sizeof(line), "%s", any ? "]" : "");
	wrap_print(label, TEXT_COLUMN, line);
}

/* What makes private memory possible, as KVM says it. */
static void print_kvm(void)
{
	struct gmem_caps c;

	if (gmem_caps(&c))
		return;
	printf("This KVM: KVM_CAP_VM_TYPES 0x%x, KVM_CAP_MEMORY_ATTRIBUTES 0x%x,\n"
	       "  KVM_CAP_GUEST_MEMFD %u, KVM_CAP_GUEST_MEMFD_FLAGS 0x%x\n",
	       c.vm_types, c.attributes, c.guest_memfd, c.flags);
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
	print_kvm();
	return fflush(stdout) || ferror(stdout) ? STATUS_ERROR : 0;
}
