// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a session that judges a candidate: finding the user's function, hooking it, and taking
 * what its programs say.
 */
#include "user/judge/candidate.h"
#include "user/host/hooked.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "session_state.h"

#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmuscope.skel.h"

/* where a function is; module "": in vmlinux */
struct place {
	bool found;
	char module[64];
};

/* A line of kallsyms: address, type, name, and for a module's [module]. */
static void find_symbol(const char *function, struct place *out)
{
	char line[1024], name[512], module[64], type;
	FILE *f = fopen("/proc/kallsyms", "r");

	*out = (struct place){ .found = !f };
	while (f && !out->found && fgets(line, sizeof(line), f)) {
		module[0] = '\0';
		if (sscanf(line, "%*s %c %511s [%63[^]]", &type, name, module) < 2)
			continue;
		if (strcmp(name, function) || (type != 't' && type != 'T'))
			continue;
		out->found = true;
		strcpy(out->module, module);
	}
	if (f)
		fclose(f);
}

/* The candidate's programs, and no others of its kind, are loaded. */
static void choose_programs(struct session *s, bool by_trampoline)
{
	struct mmuscope_bpf *skel = s->skel;

	s->candidate_programs[0] = by_trampoline ? skel->progs.candidate_enter : skel->progs.candidate_kenter;
	s->candidate_programs[1] = by_trampoline ? skel->progs.candidate_exit : skel->progs.candidate_kexit;
	for (int i = 0; i < 2; i++)
		bpf_program__set_autoload(s->candidate_programs[i], true);
}

static int resolve(struct session *s, const struct candidate_types *types)
{
	const struct candidate *c = s->options.candidate;
	struct candidate_error error;

	if (!candidate_resolve(c, types, &s->candidate_spec, &error))
		return EXIT_OK;
	log_error("--candidate: at column %zu: %s", error.column, error.text);
	return EXIT_FAILED;
}

/* BTF of the function, if there is any.  Module BTF is the caller's to free. */
static struct btf *find_types(struct session *s, const struct place *place, struct candidate_types *types)
{
	const char *function = s->options.candidate->function;
	struct btf *module = NULL;
	int id;

	*types = (struct candidate_types){ .btf = NULL };
	if (*place->module) {
		module = btf__load_module_btf(place->module, s->kernel.vmlinux);
		if (!module)
			return NULL;
	}
	id = btf__find_by_name_kind(module ? module : s->kernel.vmlinux, function, BTF_KIND_FUNC);
	if (id > 0)
		*types = (struct candidate_types){
			.btf = module ? module : s->kernel.vmlinux, .function = id,
		};
	return module;
}

int judged_configure(struct session *s)
{
	const struct candidate *c = s->options.candidate;
	struct candidate_types types;
	struct place place;
	struct btf *module;
	bool by_trampoline;
	int err;

	s->skel->rodata->cfg_candidate = c != NULL;
	if (!c)
		return EXIT_OK;
	s->candidate_stories = calloc(s->options.max_stories + 1, sizeof(*s->candidate_stories));
	if (!s->candidate_stories)
		return reason_explain("candidate", ENOMEM);
	find_symbol(c->function, &place);
	if (!place.found) {
		log_error("--candidate: this kernel has no function '%s': it is inlined, or its module is not "
			  "loaded (/proc/kallsyms)", c->function);
		return EXIT_FAILED;
	}
	module = find_types(s, &place, &types);
	by_trampoline = candidate_fits_trampoline(&types);
	log_verbose("candidate %s of %s: %s, by %s", c->function, *place.module ? place.module : "vmlinux",
		    types.btf ? "in BTF" : "not in BTF", by_trampoline ? "fexit" : "kretprobe");
	err = resolve(s, &types);
	btf__free(module);
	if (err)
		return err;
	choose_programs(s, by_trampoline);
	for (int i = 0; by_trampoline && i < 2 && !err; i++)
		err = bpf_program__set_attach_target(s->candidate_programs[i], 0, c->function);
	return err ? reason_explain("candidate", err) : EXIT_OK;
}

int judged_load(struct session *s)
{
	uint32_t zero = 0;

	if (!s->options.candidate)
		return 0;
	return bpf_map_update_elem(bpf_map__fd(s->skel->maps.candidate_specs), &zero, &s->candidate_spec,
				   BPF_ANY) ? -errno : 0;
}

static bool by_fexit(const struct session *s)
{
	return s->candidate_programs[1] == s->skel->progs.candidate_exit;
}

static uint64_t misses(const struct session *s)
{
	uint64_t n = 0;

	for (int i = 0; i < 2; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(s->candidate_programs[i]), &info, &size))
			n += info.recursion_misses;
	}
	return n;
}

/* An attached program that the kernel does not call is worse than none. */
static int check_hooked(const char *function)
{
	struct hooked *list = hooked_read();
	bool there = !list || hooked_has(list, function);

	hooked_free(list);
	if (!there)
		log_error("candidate %s: attached, but never called", function);
	return there ? EXIT_OK : EXIT_CANNOT;
}

int judged_attach(struct session *s)
{
	const char *function = s->options.candidate ? s->options.candidate->function : NULL;
	char what[CANDIDATE_NAME + 32];

	if (!function)
		return EXIT_OK;
	/* the exit first: an entry without one would look like a call that was lost */
	for (int i = 1; i >= 0; i--) {
		struct bpf_program *p = s->candidate_programs[i];

		s->candidate_links[i] = by_fexit(s) ? bpf_program__attach(p) :
					bpf_program__attach_kprobe(p, i == 1, function);
		if (s->candidate_links[i])
			continue;
		snprintf(what, sizeof(what), "hooking candidate %s", function);
		return reason_explain(what, errno);
	}
	s->candidate_misses = misses(s);
	return by_fexit(s) ? check_hooked(function) : EXIT_OK;
}

/* What the process has mapped there, if it still lives: rights and name. */
static void name_vma(char *out, size_t size, uint32_t pid, uint64_t hva)
{
	unsigned long long start, end;
	char line[4352], path[65], rights[8];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	f = fopen(path, "r");
	snprintf(out, size, f ? "no mapping" : "not known: the process has ended");
	while (f && fgets(line, sizeof(line), f)) {
		path[0] = '\0';
		if (sscanf(line, "%llx-%llx %7s %*s %*s %*s %64[^\n]", &start, &end, rights, path) < 3 ||
		    hva < start || hva >= end)
			continue;
		snprintf(out, size, "%s %s", rights, *path ? path : "anonymous");
		break;
	}
	if (f)
		fclose(f);
	/* names of files are the user's: nothing in them may reach a terminal as it is */
	for (; *out; out++)
		if (*out < ' ' || *out > '~')
			*out = '?';
}

void judged_take(struct session *s, const struct event_candidate *e)
{
	struct candidate_story *story;

	if (!s->candidate_stories || s->ncandidate_stories == s->options.max_stories)
		return;
	story = &s->candidate_stories[s->ncandidate_stories++];
	story->e = *e;
	story->since_start_ns = (int64_t)(e->head.ns - s->started_ns);
	name_vma(story->vma, sizeof(story->vma), e->pid, e->hva);
}

void session_candidate(struct session *s, struct candidate_report *out)
{
	struct candidate_counts shard;

	*out = (struct candidate_report){
		.function = s->options.candidate->function,
		.how = by_fexit(s) ? "fexit" : "kretprobe",
		.missed_runs = misses(s) - s->candidate_misses,
		.lost_state = s->skel->bss->losses[LOSS_TASK_STATE],
		.stories = s->candidate_stories,
		.nstories = s->ncandidate_stories,
	};
	for (uint32_t i = 0; i < COUNT_SHARDS; i++)
		if (!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.candidate_counted), &i, &shard))
			candidate_counts_add(&out->counts, &shard);
}

void judged_close(struct session *s)
{
	for (int i = 0; i < 2; i++)
		bpf_link__destroy(s->candidate_links[i]);
	free(s->candidate_stories);
}
