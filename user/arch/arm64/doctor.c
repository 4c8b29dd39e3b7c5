// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope doctor on arm64: attach to every hook of stage 2, run a little guest, and see which of them
 * ran.  With pKVM, stage 2 may be the hypervisor's: the functions are there, take programs, and are never
 * called for a guest.  Only trying tells.
 */
#include "try_hooks.h"
#include "try_vm.h"
#include "user/arch/arch.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "user/host/tier.h"
#include "user/host/kernel.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "stage2.skel.h"

enum { FENTRY, FEXIT };
enum tried { UNTRIED, TRIED, IN_WINDOW };

enum {
#define STAGE2(id, name, how, function, args, tried, text) STAGE2_##id,
#include "user/host/stage2.def"
#undef STAGE2
	STAGE2_NR,
};

static const struct row {
	const char *name, *program, *how, *function, *text;
	int args;
	enum tried tried;
} rows[STAGE2_NR] = {
#define STAGE2(id, name_, how_, function_, args_, tried_, text_)					\
	[STAGE2_##id] = { .name = name_, .program = "s2_" #id, .how = how_ == FEXIT ? "fexit" : "fentry",	\
			  .function = function_, .text = text_, .args = args_, .tried = tried_ },
#include "user/host/stage2.def"
#undef STAGE2
};

struct result {
	bool attached;
	uint64_t calls;
	char why[160];		/* if it does not work */
};

struct doctor {
	struct stage2_bpf *skel;
	struct kernel kernel;
	struct bpf_link *links[STAGE2_NR];
	struct result results[STAGE2_NR];
};

/* What needs which hooks, by name; each has to work. */
static const struct {
	const char *what;
	const char *hooks[8];
} claims[] = {
	{ "levels of guest memory, and every change of them",
	  { "vm-create", "vm-destroy", "stage2-walk", "stage2-install", "stage2-zap", "stage2-teardown" } },
	{ "which pages a guest may write, dirty logging", { "stage2-walk", "stage2-install", "stage2-rights" } },
	{ "invalidation windows, their cause", { "window-start", "window-end" } },
	{ "lookups, and a walk beside them", { "hva-to-pfn" } },
	{ "dirty-at-map", { "dirty-mark", "stage2-install" } },
	{ "flushed-at-start", { "tlb-flush", "stage2-zap" } },
	{ "notified-before-clean", { "window-start", "window-end", "folio-clean-io", "folio-cancel-dirty" } },
};

static bool works(const struct doctor *d, const char *name)
{
	for (int h = 0; h < STAGE2_NR; h++)
		if (!strcmp(rows[h].name, name) && d->results[h].attached &&
		    (d->results[h].calls || !rows[h].tried))
			return true;
	return false;
}

/* NULL: it can be had.  Else the first hook that is missing. */
static const char *lacks(const struct doctor *d, size_t claim)
{
	for (const char *const *name = claims[claim].hooks; *name; name++)
		if (!works(d, *name))
			return *name;
	return NULL;
}

static void choose(struct doctor *d)
{
	for (int h = 0; h < STAGE2_NR; h++) {
		const struct row *row = &rows[h];
		struct result *r = &d->results[h];
		int args = kernel_function_args(&d->kernel, row->function);
		struct bpf_program *p = bpf_object__find_program_by_name(d->skel->obj, row->program);

		if (args < 0)
			snprintf(r->why, sizeof(r->why), "%s is not in this kernel", row->function);
		else if (row->args && row->args != args)
			snprintf(r->why, sizeof(r->why), "%s has %d arguments, a shape not known here",
				 row->function, args);
		else if (!kernel_has_symbol(&d->kernel, row->function))
			snprintf(r->why, sizeof(r->why), "%s is in BTF but not in the symbol table (inlined)",
				 row->function);
		else
			bpf_program__set_autoload(p, true);
	}
}

static void attach(struct doctor *d)
{
	for (int h = 0; h < STAGE2_NR; h++) {
		struct bpf_program *p = bpf_object__find_program_by_name(d->skel->obj, rows[h].program);
		struct result *r = &d->results[h];

		if (bpf_program__fd(p) < 0)
			continue;
		d->links[h] = bpf_program__attach(p);
		r->attached = d->links[h];
		if (!r->attached)
			snprintf(r->why, sizeof(r->why), "%s %s: %s", rows[h].how, rows[h].function,
				 errno == 524 ? "not supported: this kernel cannot attach BPF programs to functions "
						"on arm64" : strerror(errno));
	}
}

static void see_calls(struct doctor *d)
{
	for (int h = 0; h < STAGE2_NR; h++) {
		struct result *r = &d->results[h];

		r->calls = d->skel->bss->calls[h];
		if (r->attached && rows[h].tried && !r->calls)
			snprintf(r->why, sizeof(r->why), "%s was not called when %s", rows[h].function,
				 rows[h].tried == IN_WINDOW ? "the host took a page of a guest's away" :
							      "a guest wrote to its memory");
	}
}

static const char *word(const struct doctor *d, int h)
{
	const struct result *r = &d->results[h];

	/* of alternatives one is enough */
	if (!r->attached)
		return works(d, rows[h].name) ? "-" : "FAILED";
	if (!rows[h].tried)
		return "attached";
	return r->calls ? "runs" : "SILENT";
}

static void print_text(FILE *f, const struct doctor *d, const struct utsname *uts)
{
	fprintf(f, "mmuscope doctor: Linux %s %s\n\n", uts->release, uts->machine);
	fprintf(f, "%-19s %-8s %-10s %s\n", "HOOK", "", "HOW", "WHERE, WHAT FOR");
	for (int h = 0; h < STAGE2_NR; h++)
		fprintf(f, "%-19s %-8s %-10s %s\n%39s %s\n", rows[h].name, word(d, h), rows[h].how,
			rows[h].function, "", d->results[h].why[0] ? d->results[h].why : rows[h].text);
	fprintf(f, "\nWhat these hooks give:\n");
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		const char *missing = lacks(d, i);

		fprintf(f, "  %-3s  %s%s%s\n", missing ? "no" : "yes", claims[i].what, missing ? ": no " : "",
			missing ? missing : "");
	}
	if (works(d, "guest-abort") && !works(d, "stage2-install"))
		fprintf(f, "A guest faulted, and KVM did not touch stage 2 by the functions that it has for that: "
			"the\nhypervisor keeps it, as with kvm-arm.mode=protected (pKVM)\n");
	fprintf(f, "\n%s\n", works(d, "stage2-install") ? "`mmuscope levels` counts what guests map; what else uses "
		"these hooks: docs/arm64.md" : "guests cannot be observed on this kernel");
}

static int print_json(FILE *f, const struct doctor *d, const struct utsname *uts)
{
	json_t *hooks = json_array(), *gives = json_array(), *o;
	int err;

	for (int h = 0; h < STAGE2_NR; h++)
		json_array_append_new(hooks, json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:I}", "name", rows[h].name,
						       "attached", d->results[h].attached, "state", word(d, h),
						       "how", rows[h].how, "target", rows[h].function,
						       "enables", rows[h].text, "why", d->results[h].why, "calls",
						       (json_int_t)d->results[h].calls));
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		const char *missing = lacks(d, i);

		json_array_append_new(gives, json_pack("{s:s, s:b, s:s}", "what", claims[i].what, "can", !missing,
						       "lacks", missing ? missing : ""));
	}
	o = json_pack("{s:s, s:i, s:s, s:{s:s, s:s}, s:o, s:o}", "mmuscope", VERSION, "version", 1, "command",
		      "doctor", "host", "kernel", uts->release, "machine", uts->machine, "hooks", hooks, "gives",
		      gives);
	if (!o)
		return -ENOMEM;
	err = json_dumpf(o, f, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
	fputc('\n', f);
	json_decref(o);
	return err;
}

static int try_hooks(struct doctor *d)
{
	const char *what;
	int err;

	for (int h = 0; h < STAGE2_NR; h++)
		kernel_want(&d->kernel, rows[h].function);
	err = kernel_open(&d->kernel, NULL);
	if (err)
		return reason_explain("reading BTF", err);
	d->skel = stage2_bpf__open();
	if (!d->skel)
		return reason_explain("opening the BPF object", errno);
	d->skel->rodata->cfg_tgid = (uint32_t)getpid();
	choose(d);
	err = stage2_bpf__load(d->skel);
	if (err)
		return reason_explain("loading the BPF programs", err);
	attach(d);
	err = try_vm(&what);
	if (err) {
		log_error("the little guest that tries the hooks: %s: %s", what, strerror(-err));
		return EXIT_CANNOT;
	}
	see_calls(d);
	return EXIT_OK;
}

static void close_hooks(struct doctor *d)
{
	for (int h = 0; h < STAGE2_NR; h++)
		bpf_link__destroy(d->links[h]);
	stage2_bpf__destroy(d->skel);
	kernel_close(&d->kernel);
}

int stage2_try(bool *flushes)
{
	static const char *const needed[] = { "stage2-walk", "stage2-install", "stage2-zap", "stage2-teardown" };
	struct doctor d = { 0 };
	int result = try_hooks(&d);

	for (size_t i = 0; !result && i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (works(&d, needed[i]))
			continue;
		log_error("hook %s does not run: this KVM does not keep stage 2 itself, as with pKVM; `mmuscope "
			  "doctor` says what remains", needed[i]);
		result = EXIT_CANNOT;
	}
	*flushes = !result && works(&d, "tlb-flush");
	close_hooks(&d);
	return result;
}

int arch_doctor(FILE *f, bool json, const struct utsname *uts)
{
	struct doctor d = { 0 };
	struct tiers tiers;
	int result;

	tiers_look(&tiers, false);
	if (tier_misses(&tiers, TIER_FENTRY) != NEED_NR)
		return tiers_refuse(&tiers);
	log_attach_libbpf();
	result = try_hooks(&d);
	if (!result) {
		result = works(&d, "stage2-install") ? EXIT_OK : EXIT_CANNOT;
		if (!json)
			print_text(f, &d, uts);
		else if (print_json(f, &d, uts))
			result = EXIT_FAILED;
	}
	close_hooks(&d);
	return result;
}
