// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a recording one after the other.  Losses are cumulative in the file: those of a time range are
 * what was added in it.
 */
#include "judge_file.h"
#include "user/base/log.h"
#include "user/host/probe.h"
#include "user/recording/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct losses {
	uint64_t lost[LOSS_NR];
	uint64_t missed[HOOK_NR];
	uint64_t unrecorded[INV_NR];
	uint64_t unrecorded_windows;
	uint64_t unbalanced;
	uint64_t unadopted;
};

struct reading {
	struct judge *judge;
	struct judged_file *file;
	uint64_t from_after;	/* ns from the start; 0: all */
	uint64_t to_after;
	uint64_t from_ns;	/* CLOCK_MONOTONIC */
	uint64_t to_ns;
	struct losses before;	/* of the time range */
	struct losses after;
	bool after_is_final;
	bool full;		/* out of memory */
};

/* The first reason is the one to tell. */
static void __attribute__((format(printf, 2, 3))) not_whole(struct judged_file *f, const char *fmt, ...)
{
	va_list ap;

	if (*f->not_whole)
		return;
	va_start(ap, fmt);
	vsnprintf(f->not_whole, sizeof(f->not_whole), fmt, ap);
	va_end(ap);
}

static json_t *json_of(const char *text, size_t size)
{
	return json_loadb(text, size, 0, NULL);
}

static void replace(json_t **to, json_t *with)
{
	if (!with)
		return;
	json_decref(*to);
	*to = with;
}

static uint64_t number_of(const json_t *o, const char *prefix, const char *name)
{
	char key[96];

	snprintf(key, sizeof(key), "%s%s", prefix, name);
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void read_losses(struct losses *l, const json_t *o)
{
	for (int i = 0; i < LOSS_NR; i++)
		l->lost[i] = number_of(o, "", loss_name(i));
	for (int h = 0; h < HOOK_NR; h++)
		l->missed[h] = number_of(o, "missed-runs/", hook_name(h));
	for (int i = 0; i < INV_NR; i++)
		l->unrecorded[i] = number_of(o, "unrecorded/", invariant_name(i));
	l->unrecorded_windows = number_of(o, "unrecorded/", "windows");
	l->unbalanced = number_of(o, "", "unbalanced-vms");
	l->unadopted = number_of(o, "", "unadopted-vms");
}

static void take_losses(struct reading *r, uint64_t ns, const char *text, size_t size)
{
	json_t *o = json_of(text, size);

	if (!o)
		return;
	if (ns <= r->from_ns)
		read_losses(&r->before, o);
	if (!r->after_is_final)
		read_losses(&r->after, o);
	r->after_is_final |= ns >= r->to_ns;
	json_decref(o);
}

static void take_vm(struct reading *r, uint64_t ns, const struct record_vm *vm, size_t size)
{
	json_t *o = size > sizeof(*vm) ? json_of(vm->json, size - sizeof(*vm)) : NULL;
	struct vm_info info = { .index = vm->vm };
	const char *comm = json_string_value(json_object_get(o, "comm"));

	if (size > sizeof(*vm)) {
		info.pid = (uint32_t)json_integer_value(json_object_get(o, "pid"));
		/* whether it was adopted is among the losses */
		if (json_is_true(json_object_get(o, "late")))
			info.flags = VM_LATE | VM_ADOPTED;
		for (size_t i = 0; comm && comm[i] && i < sizeof(info.comm) - 1; i++)
			info.comm[i] = comm[i];
	}
	r->full |= !judge_vm(r->judge, ns, vm->vm, size > sizeof(*vm) ? &info : NULL);
	json_decref(o);
}

/* Times count from when the hooks were in place, which is before the first step. */
static void set_range(struct reading *r)
{
	uint64_t start = number_of(r->file->meta, "", "started_ns");

	if (start)
		r->file->start_ns = start;
	start = r->file->start_ns;
	r->from_ns = r->from_after ? start + r->from_after : 0;
	r->to_ns = r->to_after ? start + r->to_after : UINT64_MAX;
	judge_range(r->judge, r->from_ns, r->to_ns);
}

static void take(struct reading *r, const struct record_head *head)
{
	const void *body = head + 1;
	size_t size = head->size - sizeof(*head);
	struct judged_file *f = r->file;

	switch (head->type) {
	case RECORD_STEP:
		f->steps++;
		if (((const struct record_step *)body)->invariant >= INV_NR)
			f->unknown_steps++;
		else
			r->full |= !judge_step(r->judge, head->ns, body);
		break;
	case RECORD_WINDOW:
		judge_window(r->judge, body);
		break;
	case RECORD_VM:
		take_vm(r, head->ns, body, size);
		break;
	case RECORD_LOSS:
		take_losses(r, head->ns, body, size);
		break;
	case RECORD_META:
		replace(&f->meta, json_of(body, size));
		set_range(r);
		break;
	default:
		break;
	}
}

/* The last snapshot of a part, read when the part is done: there is one for each second. */
struct last_text {
	char *text;
	size_t size;
};

static bool keep_text(struct last_text *last, const struct record_head *head)
{
	size_t size = head->size - sizeof(*head);
	char *text = realloc(last->text, size + 1);

	if (!text)
		return false;
	memcpy(text, head + 1, size);
	last->text = text;
	last->size = size;
	return true;
}

static void check_health(struct judged_file *f, const char *path, const struct recording_health *h)
{
	if (recording_is_lossless(h))
		return;
	/* frames that could not be written are lost ones, too */
	if (h->header_damaged || h->damages || h->lost_records || (h->lost_frames && !h->gap_records))
		not_whole(f, "%s is damaged", path);
	else if (h->gap_records)
		not_whole(f, "%" PRIu64 " records could not be written", h->gap_records);
	else if (h->ends_early)
		not_whole(f, "it ends early; its recorder was killed, or is still at work");
	else
		not_whole(f, "%s has unknown frames", path);
}

static void say(void *arg, const char *text)
{
	log_note("%s: %s", (const char *)arg, text);
}

static void begin(struct reading *r, const struct recording_reader *reader)
{
	const struct recording_head *head = recording_header(reader);
	const char *facts = recording_facts(reader);
	struct judged_file *f = r->file;

	if (facts && !f->facts)
		f->facts = json_of(facts, strlen(facts));
	if (f->parts++)
		return;
	if (head && head->part)
		not_whole(f, "the %u files before it are not here", head->part);
	f->start_ns = head ? head->start_ns : 0;
	set_range(r);
}

/* One file.  *next: the number of the part that follows, 0: none, or not known.  0 or -1. */
static int read_part(struct reading *r, const char *path, uint32_t *next)
{
	struct recording_reader *reader;
	const struct record_head *head, *ahead;
	struct last_text last = { 0 };
	int err = recording_open(path, say, (void *)path, &reader);

	if (err) {
		log_error("cannot read %s: %s", path,
			  err == -EBADMSG ? "it is no recording" :
			  err == -EPROTONOSUPPORT ? "a newer mmuscope has recorded it" : strerror(-err));
		return -1;
	}
	begin(r, reader);
	while (!r->full && (head = recording_next(reader))) {
		ahead = recording_ahead(reader);
		if (ahead && ahead->type == RECORD_STEP)
			judge_expect(r->judge, (const void *)(ahead + 1));
		if (head->type == RECORD_SNAPSHOT)
			r->full = !keep_text(&last, head);
		else
			take(r, head);
		r->file->end_ns = head->ns > r->file->end_ns ? head->ns : r->file->end_ns;
	}
	err = r->full ? -ENOMEM : recording_error(reader);
	if (last.text)
		replace(&r->file->live, json_of(last.text, last.size));
	free(last.text);
	r->file->records += recording_health(reader)->records;
	check_health(r->file, path, recording_health(reader));
	*next = recording_health(reader)->next_part;
	r->file->ended = !*next && !recording_health(reader)->ends_early;
	recording_reader_free(reader);
	if (err)
		log_error("cannot read %s: %s", path, strerror(-err));
	return err ? -1 : 0;
}

/* The path without the number of a part: "run.0002.mms" is a part of "run.mms". */
static void base_of(const char *path, char *buf, size_t size)
{
	size_t len = strlen(path);
	bool part = len > 9 && !strcmp(path + len - 4, ".mms") && path[len - 9] == '.' &&
		    strspn(path + len - 8, "0123456789") == 4;

	snprintf(buf, size, "%.*s%s", (int)(part ? len - 9 : len), path, part ? ".mms" : "");
}

static void hand_over(struct reading *r)
{
	struct snapshot *s = judge_snapshot(r->judge);
	const json_t *audit = json_object_get(r->file->live, "audit");
	const char *marks = json_string_value(json_object_get(r->file->meta, "marks_at"));
	const struct losses *a = &r->after, *b = &r->before;
	uint64_t end = r->to_ns < r->file->end_ns ? r->to_ns : r->file->end_ns;
	uint64_t start = r->from_ns ? r->from_ns : r->file->start_ns;

	for (int i = 0; i < LOSS_NR; i++)
		s->losses[i] = a->lost[i] - b->lost[i];
	for (int h = 0; h < HOOK_NR; h++) {
		s->missed[h] = a->missed[h] - b->missed[h];
		s->missed_runs += s->missed[h];
	}
	for (int i = 0; i < INV_NR; i++)
		s->unrecorded[i] = a->unrecorded[i] - b->unrecorded[i];
	s->unbalanced_vms = a->unbalanced - b->unbalanced;
	s->unadopted_vms = a->unadopted;
	for (size_t i = 0; i < s->nvms; i++)
		s->late_vms += (s->vms[i].info.flags & VM_LATE) != 0;
	s->marks_at_map = marks && !strcmp(marks, "map");
	s->flushes_unseen = json_is_true(json_object_get(r->file->meta, "flushes_unseen"));
	s->audited = json_is_object(audit);
	s->audit_sptes = number_of(audit, "", "sptes");
	s->seconds_ns = end > start ? end - start : 0;
	if (r->file->unknown_steps)
		not_whole(r->file, "%" PRIu64 " steps are of invariants that this mmuscope does not know",
			  r->file->unknown_steps);
	if (!r->file->meta)
		not_whole(r->file, "it does not say what was attached");
	s->not_whole = *r->file->not_whole ? r->file->not_whole : NULL;
}

int judge_file(struct judge *j, const char *path, uint64_t from_ns, uint64_t to_ns, struct judged_file *out)
{
	struct reading r = { .judge = j, .file = out, .from_after = from_ns, .to_after = to_ns };
	char base[PATH_MAX], name[PATH_MAX];
	uint32_t next = 0;
	int err;

	memset(out, 0, sizeof(*out));
	base_of(path, base, sizeof(base));
	err = read_part(&r, path, &next);
	while (!err && next) {
		uint32_t part = next;

		if (recording_part_path(base, part, name, sizeof(name)))
			return -1;
		if (access(name, R_OK) && errno == ENOENT) {
			not_whole(out, "its file %s is missing", name);
			break;
		}
		err = read_part(&r, name, &next);
	}
	if (!err)
		hand_over(&r);
	return err;
}

void judged_file_free(struct judged_file *f)
{
	json_decref(f->facts);
	json_decref(f->meta);
	json_decref(f->live);
}
