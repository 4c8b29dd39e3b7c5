// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs tell goes into the frame as it is; only of windows the cause and the stack are looked
 * up, once for each initiator.
 */
#include "recorder.h"
#include "user/base/log.h"
#include "user/base/reason.h"
#include "recorder_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	INITIATORS = 8192,	/* of them remembered, a power of 2; twice what the programs keep */
	STACK_TEXT = 4096,
};

/* one who opens windows, by its cause_key */
struct initiator {
	struct cause_key key;
	uint32_t cause;
	uint32_t stack;
	bool known;
};

struct recorder {
	struct recording *w;
	const struct options *options;
	struct collector *collector;
	struct session *session;	/* once everything is attached */
	struct ksyms *ksyms;		/* every name there is: stacks are not known beforehand */
	struct initiator initiators[INITIATORS];
	size_t ninitiators;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void say(void *arg, const char *text)
{
	(void)arg;
	log_error("%s", text);
}

struct recorder *recorder_new(const struct options *o, struct collector *c)
{
	struct recorder *r = calloc(1, sizeof(*r));
	char *facts = r ? facts_before(o) : NULL;
	struct recording_options ro = {
		.path = o->output, .facts = facts, .say = say, .part_bytes = o->rotate_bytes,
		.part_age_ns = o->rotate_ns, .keep_parts = o->keep, .replace = o->force,
	};
	int err = facts ? recording_create(&ro, clock_ns(), &r->w) : -ENOMEM;

	free(facts);
	if (!err) {
		r->options = o;
		r->collector = c;
		return r;
	}
	log_error("cannot write the recording %s: %s%s", o->output, strerror(-err),
		  err == -EEXIST ? "; --force writes over it" : "");
	free(r);
	return NULL;
}

/* Names and offsets, a frame a line: addresses are nobody's business. */
static uint32_t put_stack(struct recorder *r, uint64_t ns, const struct cause_row *row)
{
	size_t n = row->frames < CAUSE_FRAMES ? row->frames : CAUSE_FRAMES, len = 0;
	size_t own = ksyms_own_frames(r->ksyms, (const uint64_t *)row->stack, n);
	char text[STACK_TEXT];

	*text = '\0';
	for (size_t i = own; i < n && row->stack[i] && len < sizeof(text); i++) {
		const char *module;
		uint64_t offset;
		const char *name = ksyms_name(r->ksyms, row->stack[i], &module, &offset);

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s+0x%llx%s%s%s", i > own ? "\n" : "",
					name, (unsigned long long)offset, *module ? " [" : "", module,
					*module ? "]" : "");
	}
	return *text ? recording_stack(r->w, ns, text) : 0;
}

static void identify(struct recorder *r, uint64_t ns, struct initiator *who)
{
	char name[CAUSE_LEN];
	struct cause_row row;

	/* its row is filled by the window's start; without one the table was full */
	if (!session_cause(r->session, &who->key, &row))
		return;
	if (row.frames > CAUSE_FRAMES)
		row.frames = CAUSE_FRAMES;
	who->cause = cause_of_stack(r->ksyms, (const uint64_t *)row.stack, row.frames, name);
	who->stack = put_stack(r, ns, &row);
}

static size_t hash_key(const struct cause_key *key)
{
	uint64_t h = (uint64_t)key->tid << 32 | key->path;

	h = (h ^ ((uint64_t)key->vm << 8 | key->event)) * 0x9e3779b97f4a7c15ULL;
	return h >> 51;	/* 13 bits: INITIATORS */
}

/* Who it was; when too many are known, the last one is forgotten each time. */
static const struct initiator *initiator_of(struct recorder *r, uint64_t ns, const struct cause_key *key)
{
	size_t i = hash_key(key);
	struct initiator *who;

	_Static_assert(INITIATORS == 1 << 13, "hash_key() gives 13 bits");
	for (; r->initiators[i].known; i = (i + 1) % INITIATORS)
		if (!memcmp(&r->initiators[i].key, key, sizeof(*key)))
			return &r->initiators[i];
	who = &r->initiators[i];
	*who = (struct initiator){ .key = *key };
	identify(r, ns, who);
	if (r->ninitiators < INITIATORS - 1) {
		who->known = true;
		r->ninitiators++;
	}
	return who;
}

static void put_window(struct recorder *r, const struct event_window *e)
{
	struct record_window window = e->window;
	struct cause_key key = { .tid = window.tid, .vm = window.vm, .path = window.cause,
				 .event = window.event };
	const struct initiator *who = initiator_of(r, e->head.ns, &key);

	window.cause = who->cause;
	window.stack = who->stack;
	recording_put(r->w, RECORD_WINDOW, WINDOW_VERSION, e->head.ns, &window, sizeof(window));
}

/* A record that cannot be taken is counted as a gap by the recording itself. */
static void take(void *arg, const struct event_head *e)
{
	struct recorder *r = arg;
	char *json;

	switch (e->type) {
	case EVENT_STEP:
		recording_put(r->w, RECORD_STEP, STEP_VERSION, e->ns, &((const struct event_step *)e)->step,
			      sizeof(struct record_step));
		break;
	case EVENT_WINDOW:
		put_window(r, (const struct event_window *)e);
		break;
	case EVENT_VM_NEW:
		json = facts_of_vm(&((const struct event_vm *)e)->vm);
		if (json)
			recording_vm(r->w, e->ns, ((const struct event_vm *)e)->vm.index, json);
		free(json);
		break;
	case EVENT_VM_GONE:
		recording_vm(r->w, e->ns, ((const struct event_vm *)e)->vm.index, "");
		break;
	default:
		break;
	}
}

static void put_text(struct recorder *r, uint16_t type, char *text)
{
	if (text)
		recording_text(r->w, type, clock_ns(), text);
	else
		log_error("out of memory: numbers of this second are not recorded");
	free(text);
}

static void put_report(struct recorder *r, const struct report *report)
{
	struct report compact = *report;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int err;

	compact.compact = true;
	if (!f) {
		put_text(r, RECORD_SNAPSHOT, NULL);
		return;
	}
	err = json_report(f, &compact);
	if (fclose(f) || err) {
		free(text);
		text = NULL;
	}
	put_text(r, RECORD_SNAPSHOT, text);
}

/* Losses first: who reads a snapshot then knows what it lacks. */
static void put_numbers(struct recorder *r, const struct report *report)
{
	put_text(r, RECORD_LOSS, facts_of_losses(report->snapshot));
	put_report(r, report);
}

static int began(struct session *s, void *arg)
{
	struct recorder *r = arg;

	r->session = s;
	r->ksyms = ksyms_new();
	if (!r->ksyms)
		return reason_explain("record", ENOMEM);
	ksyms_want_all(r->ksyms);
	ksyms_load(r->ksyms);
	put_text(r, RECORD_META, facts_attached(s));
	return EXIT_OK;
}

static void tick(struct session *s, void *arg)
{
	static struct checked checked;
	struct recorder *r = arg;

	/* what is in the numbers is in front of them */
	session_consume(s, collect, r->collector);
	if (checked_make(&checked, s, r->options, r->collector, r->ksyms)) {
		log_error("out of memory: numbers of this second are not recorded");
		return;
	}
	put_numbers(r, &checked.report);
	checked_free(&checked);
}

static void drained(void *arg)
{
	struct recorder *r = arg;

	recording_tick(r->w, clock_ns());
}

const struct observe_hooks recorder_hooks = {
	.began = began,
	.tick = tick,
	.record = take,
	.drained = drained,
};

int recorder_end(struct recorder *r, const struct report *report)
{
	struct recording_totals totals;
	int err;

	if (report)
		put_numbers(r, report);
	err = recording_close(r->w, clock_ns(), &totals);
	if (err)
		log_error("the recording %s has no end: %s", r->options->output, strerror(-err));
	else if (totals.dropped_records)
		log_error("%llu records could not be written to %s; it says where they are missing",
			  (unsigned long long)totals.dropped_records, r->options->output);
	else
		log_note("recorded %llu records, %llu bytes: %s", (unsigned long long)totals.records,
			 (unsigned long long)totals.bytes, r->options->output);
	ksyms_free(r->ksyms);
	err = err || totals.dropped_records ? -1 : 0;
	free(r);
	return err;
}
