// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording for the Perfetto UI: VMs are processes, the tasks that opened windows are tracks, windows
 * are slices, violations and losses are instants, and what is mapped at which level are counters.
 * Field numbers are those of protos/perfetto/trace/ of Perfetto, which never change.  Stacks are interned:
 * written once, and then named by their number.
 */
#include "digest_parts.h"
#include "user/base/format.h"
#include "protobuf.h"
#include "user/sink/report.h"
#include "forms.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	TRACE_PACKET = 1,
	PACKET_CLOCKS = 6, PACKET_TIME = 8, PACKET_SEQUENCE = 10, PACKET_EVENT = 11,
	PACKET_INTERNED = 12, PACKET_FLAGS = 13,
	PACKET_TRACK = 60,
	CLOCKS_CLOCK = 1, CLOCK_ID = 1, CLOCK_TIME = 2,
	CLOCK_REALTIME = 1, CLOCK_MONO = 3, CLOCK_BOOT = 6,
	TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_PARENT = 5, TRACK_COUNTER = 8,
	PROCESS_PID = 1, PROCESS_NAME = 6,
	COUNTER_UNIT = 3, COUNTER_BYTES = 3, COUNTER_COUNT = 2,
	EVENT_NOTES = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_CATEGORY = 22, EVENT_NAME = 23,
	EVENT_COUNT = 30,
	NOTE_UINT = 3, NOTE_TEXT = 6, NOTE_NAME = 10, NOTE_TEXT_ID = 17,
	INTERNED_NOTE_TEXTS = 29, INTERNED_ID = 1, INTERNED_TEXT = 2,
	TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4,
	STATE_CLEARED = 1, STATE_NEEDED = 2,
	OUR_SEQUENCE = 1,
	PID_MADE_UP = 0x40000000,	/* beyond all real ones: of a second VM in a process */
	PACKET_MAX = 8192, TEXT_MAX = 800,
};

struct trace {
	FILE *f;
	struct digest *d;
	uint64_t *known;	/* uuids of what has been described: open addressing */
	size_t nknown;
	size_t size;
	bool begun;
	int err;
};

/* kinds of tracks and of texts, the upper bits of a uuid; a 0 is no uuid */
enum kind { KIND_PROCESS = 1, KIND_TASK, KIND_LEVEL, KIND_FAULTS, KIND_VIOLATIONS, KIND_RECORDING, KIND_STACK,
	    KIND_NOTIFIER_EVENT };

static uint64_t uuid(enum kind kind, uint32_t vm, uint32_t n)
{
	return (uint64_t)kind << 60 | (uint64_t)(vm & 0xfffffff) << 32 | n;
}

/* All messages are small, but for a packet. */
#define SMALL(name_) \
	uint8_t name_##_data[1024]; \
	struct pb name_ = { .data = name_##_data, .room = sizeof(name_##_data) }

static void packet_write(struct trace *t, struct pb *packet)
{
	uint8_t data[16];
	struct pb head = { .data = data, .room = sizeof(data) };

	pb_uint(packet, PACKET_FLAGS, t->begun ? STATE_NEEDED : STATE_CLEARED);
	t->begun = true;
	pb_uint(packet, PACKET_SEQUENCE, OUR_SEQUENCE);
	if (packet->full) {
		t->err = -E2BIG;
		return;
	}
	/* a message of a given length, whose contents are written behind it */
	pb_uint(&head, TRACE_PACKET, packet->n);
	data[0] |= 2;
	fwrite(data, 1, head.n, t->f);
	fwrite(packet->data, 1, packet->n, t->f);
}

static void track_write(struct trace *t, const struct pb *track)
{
	uint8_t data[PACKET_MAX];
	struct pb packet = { .data = data, .room = sizeof(data) };

	pb_message(&packet, PACKET_TRACK, track);
	packet_write(t, &packet);
}

/* Where a uuid is, or would be. */
static uint64_t *known_place(uint64_t *known, size_t size, uint64_t id)
{
	size_t at = (id * 0x9e3779b97f4a7c15ULL >> 20) & (size - 1);

	while (known[at] && known[at] != id)
		at = (at + 1) & (size - 1);
	return &known[at];
}

static bool known_grow(struct trace *t)
{
	size_t size = t->size ? t->size * 2 : 64;
	uint64_t *known = calloc(size, sizeof(*known));

	if (!known)
		return false;
	for (size_t i = 0; i < t->size; i++)
		if (t->known[i])
			*known_place(known, size, t->known[i]) = t->known[i];
	free(t->known);
	t->known = known;
	t->size = size;
	return true;
}

/* True: this is new, and to be described. */
static bool is_new(struct trace *t, uint64_t id)
{
	uint64_t *place;

	if (t->nknown * 2 >= t->size && !known_grow(t)) {
		t->err = -ENOMEM;
		return false;
	}
	place = known_place(t->known, t->size, id);
	if (*place)
		return false;
	*place = id;
	t->nknown++;
	return true;
}

/* Is there an earlier VM of this process? */
static bool pid_is_taken(const struct digest *d, size_t vm)
{
	for (size_t i = 0; i < vm; i++)
		if (d->vms[i].pid == d->vms[vm].pid)
			return true;
	return false;
}

static uint64_t process(struct trace *t, uint32_t vm)
{
	uint64_t id = uuid(KIND_PROCESS, vm, 0);
	uint32_t pid = PID_MADE_UP + vm;
	char name[64];

	if (!is_new(t, id))
		return id;
	SMALL(track);
	SMALL(p);
	for (size_t i = 0; i < t->d->nvms; i++)
		if (t->d->vms[i].id == vm && !pid_is_taken(t->d, i))
			pid = t->d->vms[i].pid;
	pb_uint(&p, PROCESS_PID, pid);
	pb_text(&p, PROCESS_NAME, vm ? digest_vm_name(t->d, vm, name, sizeof(name)) : "host");
	pb_uint(&track, TRACK_UUID, id);
	pb_message(&track, TRACK_PROCESS, &p);
	track_write(t, &track);
	return id;
}

/* A track of a VM; unit: of a counter, 0: it is none. */
static uint64_t track(struct trace *t, enum kind kind, uint32_t vm, uint32_t n, const char *name, int unit)
{
	uint64_t id = uuid(kind, vm, n), parent = kind == KIND_RECORDING ? 0 : process(t, vm);

	if (!is_new(t, id))
		return id;
	SMALL(track);
	SMALL(counter);
	pb_uint(&track, TRACK_UUID, id);
	pb_text(&track, TRACK_NAME, name);
	if (parent)
		pb_uint(&track, TRACK_PARENT, parent);
	if (unit) {
		pb_uint(&counter, COUNTER_UNIT, (uint64_t)unit);
		pb_message(&track, TRACK_COUNTER, &counter);
	}
	track_write(t, &track);
	return id;
}

static void note_uint(struct pb *event, const char *name, uint64_t value)
{
	SMALL(note);

	pb_text(&note, NOTE_NAME, name);
	pb_uint(&note, NOTE_UINT, value);
	pb_message(event, EVENT_NOTES, &note);
}

static void note_text(struct pb *event, const char *name, const char *value)
{
	SMALL(note);
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s", value);
	pb_text(&note, NOTE_NAME, name);
	pb_text(&note, NOTE_TEXT, text);
	pb_message(event, EVENT_NOTES, &note);
}

/* A text that comes again: it is written once.  n: its number among those of its kind. */
static void note_known(struct trace *t, struct pb *event, const char *name, enum kind kind, uint32_t n,
		       const char *value)
{
	uint64_t id = 1 + (uint64_t)n * 2 + (kind == KIND_STACK);
	SMALL(note);

	if (is_new(t, uuid(kind, 0, n))) {
		uint8_t data[PACKET_MAX];
		struct pb packet = { .data = data, .room = sizeof(data) };
		char text[TEXT_MAX];
		SMALL(list);
		SMALL(entry);

		snprintf(text, sizeof(text), "%s", value);
		pb_uint(&entry, INTERNED_ID, id);
		pb_text(&entry, INTERNED_TEXT, text);
		pb_message(&list, INTERNED_NOTE_TEXTS, &entry);
		pb_message(&packet, PACKET_INTERNED, &list);
		packet_write(t, &packet);
	}
	pb_text(&note, NOTE_NAME, name);
	pb_uint(&note, NOTE_TEXT_ID, id);
	pb_message(event, EVENT_NOTES, &note);
}

static void event_begin(struct pb *event, int type, uint64_t id, const char *category, const char *name)
{
	pb_uint(event, EVENT_TYPE, (uint64_t)type);
	pb_uint(event, EVENT_TRACK, id);
	if (category)
		pb_text(event, EVENT_CATEGORY, category);
	if (name)
		pb_text(event, EVENT_NAME, name);
}

static void event_write(struct trace *t, uint64_t ns, const struct pb *event)
{
	uint8_t data[PACKET_MAX];
	struct pb packet = { .data = data, .room = sizeof(data) };

	pb_uint(&packet, PACKET_TIME, ns);
	pb_message(&packet, PACKET_EVENT, event);
	packet_write(t, &packet);
}

#define EVENT(name_) \
	uint8_t name_##_data[PACKET_MAX - 64]; \
	struct pb name_ = { .data = name_##_data, .room = sizeof(name_##_data) }

static void window(struct trace *t, const struct record_window *w)
{
	char comm[FORMAT_LEN], name[64];
	uint64_t id;

	format_comm(comm, w->comm, sizeof(w->comm));
	snprintf(name, sizeof(name), "%s %u", comm, w->tid);
	id = track(t, KIND_TASK, w->vm, w->tid, name, 0);
	EVENT(begin);
	EVENT(end);
	event_begin(&begin, TYPE_BEGIN, id, "window", cause_name(window_cause(w)));
	note_uint(&begin, "pages", w->pages);
	note_uint(&begin, "retries", w->retries);
	note_known(t, &begin, "event", KIND_NOTIFIER_EVENT, w->event, notifier_event_name((int)w->event));
	if (w->stack)
		note_known(t, &begin, "stack", KIND_STACK, w->stack, digest_stack(t->d, w->stack));
	event_begin(&end, TYPE_END, id, NULL, NULL);
	event_write(t, w->start, &begin);
	event_write(t, w->end > w->start ? w->end : w->start, &end);
}

static void count(struct trace *t, uint64_t ns, uint64_t id, uint64_t n)
{
	EVENT(event);

	event_begin(&event, TYPE_COUNTER, id, NULL, NULL);
	pb_uint(&event, EVENT_COUNT, n);
	event_write(t, ns, &event);
}

static void levels(struct trace *t, const struct point *p)
{
	for (size_t i = 0; i < t->d->nvms; i++) {
		const struct point_vm *v = &p->vm[1 + i];
		uint32_t vm = t->d->vms[i].id;
		char name[64];

		if (!v->known)
			continue;
		for (int l = 0; l < LEVELS; l++) {
			snprintf(name, sizeof(name), "mapped %s", level_name(l));
			if (v->mapped[l] >= 0)
				count(t, p->ns, track(t, KIND_LEVEL, vm, (uint32_t)l, name, COUNTER_BYTES),
				      (uint64_t)v->mapped[l]);
		}
		count(t, p->ns, track(t, KIND_FAULTS, vm, 0, "faults", COUNTER_COUNT), (uint64_t)v->faults);
	}
}

static void step(struct trace *t, uint64_t id, const struct story_step *k)
{
	EVENT(event);

	event_begin(&event, TYPE_INSTANT, id, "step", step_text(&k->step));
	if (k->more)
		note_uint(&event, "more_before", k->more);
	note_uint(&event, "gfn", k->step.gfn);
	note_uint(&event, "pfn", k->step.pfn);
	note_uint(&event, "old_spte", k->step.old_spte);
	note_uint(&event, "new_spte", k->step.new_spte);
	event_write(t, k->ns, &event);
}

static void violation(struct trace *t, const struct story *s, const json_t *v)
{
	uint64_t id = track(t, KIND_VIOLATIONS, s->vm, 0, "violations", 0);
	const char *name = json_string_value(json_object_get(v, "invariant"));
	const char *cause = json_string_value(json_object_get(v, "cause"));
	char text[96];

	EVENT(event);
	snprintf(text, sizeof(text), "VIOLATED %s", name ? name : "?");
	event_begin(&event, TYPE_INSTANT, id, "violation", text);
	note_uint(&event, "gfn", s->gfn);
	note_uint(&event, "pfn", s->pfn);
	note_text(&event, "cause", cause ? cause : "?");
	for (size_t i = 0; story_step(s, i); i++)
		step(t, id, story_step(s, i));
	event_write(t, s->found ? s->step_ns : s->ns, &event);
}

static void remark(struct trace *t, uint64_t ns, const char *category, const char *text)
{
	uint64_t id = track(t, KIND_RECORDING, 0, 0, "recording", 0);
	char name[512];

	EVENT(event);
	snprintf(name, sizeof(name), "%s", text);
	event_begin(&event, TYPE_INSTANT, id, category, name);
	event_write(t, ns, &event);
}

/* Times are CLOCK_MONOTONIC; which is BOOTTIME, the clock of traces, but for time asleep. */
static void clocks(struct trace *t)
{
	static const uint32_t ids[] = { CLOCK_MONO, CLOCK_BOOT, CLOCK_REALTIME };
	const struct digest *d = t->d;
	uint8_t data[256];
	struct pb packet = { .data = data, .room = sizeof(data) };

	if (!d->header_known)
		return;
	SMALL(snapshot);
	for (size_t i = 0; i < 3; i++) {
		SMALL(clock);
		pb_uint(&clock, CLOCK_ID, ids[i]);
		pb_uint(&clock, CLOCK_TIME, ids[i] == CLOCK_REALTIME ? d->head.real_ns : d->head.start_ns);
		pb_message(&snapshot, CLOCKS_CLOCK, &clock);
	}
	pb_message(&packet, PACKET_CLOCKS, &snapshot);
	packet_write(t, &packet);
}

static int visit(void *arg, const struct record_head *r, const void *body)
{
	struct trace *t = arg;

	if (r->type == RECORD_WINDOW)
		window(t, body);
	return t->err;
}

int report_perfetto(FILE *f, struct digest *d, const char *name)
{
	struct trace t = { .f = f, .d = d };
	const json_t *list = json_object_get(d->last, "violations");
	char text[96];

	(void)name;
	clocks(&t);
	for (size_t i = 0; i < d->nwarnings; i++)
		remark(&t, d->first_ns, "warning", d->warnings[i]);
	for (size_t i = 0; i < d->npoints; i++)
		levels(&t, &d->points[i]);
	for (size_t i = 0; i < d->nstories; i++)
		violation(&t, &d->stories[i], json_array_get(list, i));
	for (size_t i = 0; i < d->nmoments; i++) {
		snprintf(text, sizeof(text), "lost: %s %" PRIu64, d->moments[i].name, d->moments[i].n);
		remark(&t, d->moments[i].ns, "loss", text);
	}
	if (!t.err)
		t.err = digest_visit(d, visit, &t);
	free(t.known);
	return t.err;
}
