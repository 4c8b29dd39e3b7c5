// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON for people and for judge; names are those of --json where there are such.
 */
#include "recorder_facts.h"
#include "user/base/format.h"
#include "user/judge/verdict.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

static char *text_of(json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII) : NULL;

	json_decref(o);
	return text;
}

static void set_number(json_t *o, const char *name, uint64_t n)
{
	json_object_set_new(o, name, json_integer((json_int_t)n));
}

/* FNV-1a of the kernel's type information: the same type layouts, the same hash. */
static void btf_hash(char *buf, size_t size)
{
	FILE *f = fopen("/sys/kernel/btf/vmlinux", "rb");
	uint64_t hash = 0xcbf29ce484222325ULL;
	static unsigned char block[1 << 16];
	size_t n;

	*buf = '\0';
	if (!f)
		return;
	while ((n = fread(block, 1, sizeof(block), f)))
		for (size_t i = 0; i < n; i++)
			hash = (hash ^ block[i]) * 0x100000001b3ULL;
	fclose(f);
	snprintf(buf, size, "%016llx", (unsigned long long)hash);
}

static json_t *options_json(const struct options *o)
{
	json_t *only = json_array();

	for (int i = 0; i < INV_NR; i++)
		if (o->only & (1u << i))
			json_array_append_new(only, json_string(invariant_name(i)));
	return json_pack("{s:i, s:I, s:i, s:i, s:i, s:o, s:I, s:I, s:i}", "pid", (int)o->pid, "for_ns",
			 (json_int_t)o->for_ns, "max_vms", (int)o->max_vms, "stories", (int)o->stories,
			 "ring_bytes", (int)o->ring_bytes, "only", only, "rotate_bytes",
			 (json_int_t)o->rotate_bytes, "rotate_ns", (json_int_t)o->rotate_ns, "keep",
			 (int)o->keep);
}

char *facts_before(const struct options *o)
{
	struct utsname uts;
	json_t *j, *list;
	char hash[32];

	uname(&uts);
	btf_hash(hash, sizeof(hash));
	j = json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:o}", "mmuscope", VERSION, "command", "record",
		      "host", "kernel", uts.release, "machine", uts.machine, "name", uts.nodename,
		      "btf", hash, "clock", "CLOCK_MONOTONIC", "options", options_json(o));
	if (!j || !o->command)
		return text_of(j);
	list = json_array();
	for (char *const *word = o->command; *word; word++) {
		json_t *text = json_string(*word);

		json_array_append_new(list, text ? text : json_string("?"));
	}
	json_object_set_new(j, "workload", list);
	return text_of(j);
}

char *facts_attached(const struct session *s)
{
	json_t *hooks = json_object(), *facts;

	for (int h = 0; h < HOOK_NR; h++) {
		const struct hook_state *hook = session_hook(s, h);

		if (hook->attached)
			json_object_set_new(hooks, hook_name(h),
					    json_sprintf("%s %s", how_name(hook->shape->how),
							 hook->shape->target));
	}
	facts = json_pack("{s:s, s:s, s:I, s:o}", "tier", session_tier(s), "marks_at",
			  session_marks_at_map(s) ? "map" : "zap", "started_ns", (json_int_t)session_started_ns(s),
			  "hooks", hooks);
	if (facts && session_flushes_unseen(s))
		json_object_set_new(facts, "flushes_unseen", json_true());
	return text_of(facts);
}

char *facts_of_vm(const struct vm_info *vm)
{
	char comm[FORMAT_LEN];

	return text_of(json_pack("{s:i, s:i, s:s, s:b, s:I}", "id", (int)vm->index, "pid", (int)vm->pid, "comm",
				 format_comm(comm, vm->comm, COMM_LEN), "late", vm->flags & VM_LATE ? 1 : 0,
				 "born_ns", (json_int_t)vm->born_ns));
}

char *facts_of_losses(const struct snapshot *s)
{
	struct vm_counts total;
	json_t *o = json_object();
	char name[64];

	snapshot_total(s, &total);
	for (int l = 0; o && l < LOSS_NR; l++)
		set_number(o, loss_name(l), s->losses[l]);
	set_number(o, "unbalanced-vms", s->unbalanced_vms);
	set_number(o, "unadopted-vms", s->unadopted_vms);
	for (int h = 0; h < HOOK_NR; h++) {
		snprintf(name, sizeof(name), "missed-runs/%s", hook_name(h));
		if (s->missed[h])
			set_number(o, name, s->missed[h]);
	}
	for (int i = 0; i < INV_NR; i++) {
		snprintf(name, sizeof(name), "unrecorded/%s", invariant_name(i));
		if (total.unrecorded[i])
			set_number(o, name, total.unrecorded[i]);
	}
	set_number(o, "unrecorded/windows", total.unrecorded_windows);
	return text_of(o);
}
