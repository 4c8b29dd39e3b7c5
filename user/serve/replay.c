// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers out of a recording: its snapshots, one after the other, as time goes by, and then the last one for
 * good.  For tests and demonstrations, and to look at a host's numbers with a fleet's tools; needs no kernel.
 */
#include "user/base/log.h"
#include "user/metrics/metrics.h"
#include "user/base/reason.h"
#include "user/recording/recording.h"
#include "user/serve/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct frame {
	uint64_t ns;
	char *text;		/* JSON */
	size_t size;
};

struct replay {
	struct source source;
	struct frame *frames;
	size_t n;
	uint64_t began_ns;
	size_t at;
};

static bool keep(struct replay *r, const struct record_head *head)
{
	struct frame *list = reallocarray(r->frames, r->n + 1, sizeof(*list));
	size_t size = head->size - sizeof(*head);

	if (!list)
		return false;
	r->frames = list;
	list[r->n] = (struct frame){ .ns = head->ns, .text = malloc(size + 1), .size = size };
	if (!list[r->n].text)
		return false;
	memcpy(list[r->n].text, head + 1, size);
	list[r->n++].text[size] = '\0';
	return true;
}

static void say(void *arg, const char *text)
{
	log_note("%s: %s", (const char *)arg, text);
}

/* Fewer than the recording has do when there is no memory for more. */
static int read_frames(struct replay *r, const char *path)
{
	struct recording_reader *reader;
	const struct record_head *head;
	int err = recording_open(path, say, (void *)(uintptr_t)path, &reader);

	if (err) {
		log_error("cannot read %s: %s", path,
			  err == -EBADMSG ? "it is no recording (of 'mmuscope record')" :
			  err == -EPROTONOSUPPORT ? "a newer mmuscope has recorded it" : strerror(-err));
		return -1;
	}
	while ((head = recording_next(reader)))
		if (head->type == RECORD_SNAPSHOT && !keep(r, head)) {
			err = -ENOMEM;
			break;
		}
	err = err ?: recording_error(reader);
	recording_reader_free(reader);
	if (err)
		log_error("cannot read %s: %s", path, strerror(-err));
	else if (!r->n)
		log_error("cannot replay %s: it has no snapshot; 'mmuscope record' makes one a second", path);
	return err || !r->n ? -1 : 0;
}

static int replay_open(struct source *s)
{
	struct replay *r = (struct replay *)s;

	r->began_ns = serve_clock_ns();
	return read_frames(r, s->options->replay) ? EXIT_FAILED : EXIT_OK;
}

/* The frame of now: the last one whose time has come. */
static const struct frame *current(struct replay *r)
{
	double speed = r->source.options->speed;
	double at = (double)(serve_clock_ns() - r->began_ns) * speed;

	if (speed <= 0)
		return &r->frames[r->n - 1];
	while (r->at + 1 < r->n && (double)(r->frames[r->at + 1].ns - r->frames[0].ns) <= at)
		r->at++;
	return &r->frames[r->at];
}

static void note_ended(const json_t *report, struct vm_set *ended)
{
	struct vm_set living = { 0 };
	size_t i;
	json_t *vm;

	for (int pass = 0; pass < 2; pass++)
		json_array_foreach(json_object_get(report, "vms"), i, vm) {
			uint64_t id = (uint64_t)json_integer_value(json_object_get(vm, "id"));
			bool gone = json_is_true(json_object_get(vm, "ended"));

			if (!pass && !gone)
				vm_set_add(&living, id);
			else if (pass && gone && !vm_set_has(&living, id))
				vm_set_add(ended, id);
		}
}

static int replay_gather(struct source *s, struct samples *out, struct vm_set *ended)
{
	const struct frame *f = current((struct replay *)s);
	json_t *report = json_loadb(f->text, f->size, 0, NULL);
	char why[256];
	int err;

	if (!report)
		return -EBADMSG;
	err = metrics_from_json(report, out, why, sizeof(why));
	if (err == -EINVAL)
		log_error("a snapshot of the recording cannot be used: %s", why);
	note_ended(report, ended);
	json_decref(report);
	return err;
}

static char *replay_report(struct source *s, size_t *size)
{
	const struct frame *f = current((struct replay *)s);
	char *text = malloc(f->size + 1);

	if (!text)
		return NULL;
	memcpy(text, f->text, f->size + 1);
	*size = f->size;
	return text;
}

static int replay_cost(struct source *s, struct samples *out)
{
	(void)s;
	(void)out;
	return 0;
}

static void replay_tick(struct source *s)
{
	(void)s;
}

static void replay_close(struct source *s)
{
	struct replay *r = (struct replay *)s;

	for (size_t i = 0; i < r->n; i++)
		free(r->frames[i].text);
	free(r->frames);
	free(r);
}

struct source *replay_source(void)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->source = (struct source){
		.mode = "replay", .open = replay_open, .fd = -1, .folder = -1, .tick = replay_tick, .gather = replay_gather,
		.report = replay_report, .cost = replay_cost, .close = replay_close,
	};
	return &r->source;
}
