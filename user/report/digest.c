// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording is read up to three times: for everything, for who broke an invariant, and for what had
 * happened to them.  That needs a file; what comes through a pipe is kept in one meanwhile.
 */
#include "digest_parts.h"
#include "user/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACKS_MAX = 1 << 18, NOTES_MAX = 100, COPY_BYTES = 1 << 16 };

void digest_warn(struct digest *d, const char *fmt, ...)
{
	va_list list;

	if (d->nwarnings == DIGEST_WARNINGS) {
		d->warnings_over++;
		return;
	}
	va_start(list, fmt);
	if (vasprintf(&d->warnings[d->nwarnings], fmt, list) > 0)
		d->nwarnings++;
	va_end(list);
}

static void say(void *arg, const char *text)
{
	digest_warn(arg, "%s", text);
}

static void be_silent(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static char clean_byte(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

/*
 * Text comes from the traced machine, and a file from anybody: as everywhere, what is not printable ASCII
 * becomes '?', so that no output has to fear it.  A stack has lines.
 */
static char *clean_text(const char *text, size_t size, bool lines)
{
	char *clean = strndup(text, size);

	for (char *p = clean; p && *p; p++)
		if (!lines || *p != '\n')
			*p = clean_byte(*p);
	return clean;
}

/* The same within JSON, where only quote, backslash and slash stay escaped: the text's new length. */
static size_t clean_json(char *to, const char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\\' || i + 1 == size) {
			to[n++] = strchr("\n\r\t", text[i]) ? ' ' : clean_byte(text[i]);
		} else if (strchr("\"\\/", text[++i])) {
			to[n++] = '\\';
			to[n++] = text[i];
		} else {
			to[n++] = '?';
			i += text[i] == 'u' && size - i > 4 ? 4 : 0;
		}
	}
	return n;
}

json_t *digest_object(const char *text, size_t size, json_error_t *e)
{
	char *clean = malloc(size + 1);
	json_t *o = clean ? json_loadb(clean, clean_json(clean, text, size), 0, e) : NULL;

	free(clean);
	return o;
}

/* What is not JSON, or not an object, is as if it were not there; that is said. */
static json_t *object_of(struct digest *d, const char *name, const char *text, size_t size)
{
	json_error_t e = { 0 };
	json_t *o = digest_object(text, size, &e);

	if (json_is_object(o))
		return o;
	digest_warn(d, "the JSON of %s cannot be read: %.80s", name, o ? "not an object" : e.text);
	json_decref(o);
	return NULL;
}

static int take_stack(struct digest *d, const struct record_stack *s, size_t size)
{
	size_t id = s->id, len = size - sizeof(*s);

	if (!id || id >= STACKS_MAX)
		return 0;
	if (id >= d->nstacks) {
		size_t n = id * 2 + 64;
		char **list = realloc(d->stacks, n * sizeof(*list));

		if (!list)
			return -ENOMEM;
		memset(list + d->nstacks, 0, (n - d->nstacks) * sizeof(*list));
		d->stacks = list;
		d->nstacks = n;
	}
	if (d->stacks[id])
		return 0;
	d->stacks[id] = clean_text(s->text, len, true);
	return d->stacks[id] ? 0 : -ENOMEM;
}

static void take_moment(struct digest *d, uint64_t ns, const char *name, uint64_t n, bool gap)
{
	struct moment *m = &d->moments[d->nmoments];

	if (d->nmoments == DIGEST_MOMENTS) {
		d->moments_over++;
		return;
	}
	*m = (struct moment){ .ns = ns, .n = n, .gap = gap };
	snprintf(m->name, sizeof(m->name), "%s", name);
	d->nmoments++;
}

static int take_losses(struct digest *d, uint64_t ns, json_t *losses)
{
	const char *name;
	json_t *n;

	if (!losses)
		return 0;
	json_object_foreach(losses, name, n) {
		json_int_t now = json_integer_value(n);
		json_int_t before = json_integer_value(json_object_get(d->losses, name));

		/* no loss: those that could not be adopted are another one */
		if (!strcmp(name, "late-vms"))
			continue;
		if (now > before)
			take_moment(d, ns, name, (uint64_t)(now - before), false);
		if (now > before && json_object_set(d->losses, name, n))
			return -ENOMEM;
	}
	json_decref(losses);
	return 0;
}

static int take_snapshot(struct digest *d, uint64_t ns, const char *text, size_t size)
{
	json_t *report = object_of(d, "a snapshot", text, size);
	int err;

	if (!report)
		return 0;
	d->vms_over = 0;
	time_snapshot(d, ns, report);
	err = take_losses(d, ns, json_incref(json_object_get(report, "losses")));
	json_decref(d->last);
	d->last = report;
	d->last_at = ns;
	return err;
}

static void take_note(struct digest *d, const char *text, size_t size)
{
	char *clean = json_array_size(d->notes) < NOTES_MAX ? clean_text(text, size, false) : NULL;

	if (clean)
		json_array_append_new(d->notes, json_string(clean));
	free(clean);
}

static int take(void *arg, const struct record_head *r, const void *body)
{
	struct digest *d = arg;
	size_t size = r->size - sizeof(*r);
	const struct record_gap *gap = body;

	if (r->type < sizeof(d->types) / sizeof(d->types[0]))
		d->types[r->type]++;
	if (!d->header_known && (!d->first_ns || r->ns < d->first_ns))
		d->first_ns = r->ns;
	if (r->ns > d->last_ns)
		d->last_ns = r->ns;
	switch (r->type) {
	case RECORD_META:
		json_decref(d->meta);
		d->meta = object_of(d, "the facts", body, size);
		time_begin(d);
		return 0;
	case RECORD_SNAPSHOT:
		return take_snapshot(d, r->ns, body, size);
	case RECORD_STACK:
		return take_stack(d, body, size);
	case RECORD_LOSS:
		return take_losses(d, r->ns, object_of(d, "a loss", body, size));
	case RECORD_NOTE:
		take_note(d, body, size);
		return 0;
	case RECORD_GAP:
		take_moment(d, gap->from_ns, "records not written", gap->records, true);
		return 0;
	case RECORD_WINDOW:
		return time_window(d, body);
	default:
		return 0;
	}
}

static bool is_step(const struct record_head *r)
{
	return r->type == RECORD_STEP && r->size >= sizeof(*r) + sizeof(struct record_step);
}

static int find(void *arg, const struct record_head *r, const void *body)
{
	if (is_step(r))
		story_find(arg, r, body);
	return 0;
}

static int collect(void *arg, const struct record_head *r, const void *body)
{
	if (is_step(r))
		story_collect(arg, r, body);
	return 0;
}

static void header(struct digest *d, const struct recording_reader *r)
{
	const char *facts = recording_facts(r);

	d->header_known = recording_header(r);
	if (d->header_known) {
		d->head = *recording_header(r);
		d->first_ns = d->head.start_ns;
		d->last_ns = d->head.start_ns;
	}
	if (facts)
		d->facts = object_of(d, "the facts", facts, strlen(facts));
}

static int pass(struct digest *d, bool first, digest_visit_fn *fn, void *arg)
{
	const struct record_head *r;
	struct recording_reader *reader;
	int err, copy = lseek(d->fd, 0, SEEK_SET) ? -1 : dup(d->fd);

	if (copy < 0)
		return -errno;
	err = recording_open_fd(copy, first ? say : be_silent, d, &reader);
	if (err)
		return err;
	if (first)
		header(d, reader);
	while (!err && (r = recording_next(reader)))
		err = fn(arg, r, r + 1);
	if (!err)
		err = recording_error(reader);
	if (first)
		d->health = *recording_health(reader);
	recording_reader_free(reader);
	return err;
}

/* fd, or a file with all that it gives; it is closed then. */
static int seekable(int fd)
{
	char buf[COPY_BYTES];
	FILE *f;
	int copy = -1;
	ssize_t n;

	if (fd < 0 || lseek(fd, 0, SEEK_CUR) >= 0)
		return fd;
	f = tmpfile();
	while (f && (n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || fwrite(buf, 1, (size_t)n, f) != (size_t)n)
			break;
	}
	if (f && !n && !fflush(f))
		copy = dup(fileno(f));
	if (f)
		fclose(f);
	close(fd);
	return copy;
}

static void warn_of_losses(struct digest *d)
{
	const char *name;
	json_t *n;

	json_object_foreach(d->losses, name, n)
		digest_warn(d, "not everything was seen: %s %" JSON_INTEGER_FORMAT, name,
			    json_integer_value(n));
}

static void finish(struct digest *d)
{
	const struct recording_health *h = &d->health;

	d->has_verdict = json_is_string(json_object_get(d->last, "verdict"));
	warn_of_losses(d);
	if (d->head.part)
		digest_warn(d, "this is part %u of a recording: what was before it is not in here",
			    d->head.part);
	if (h->next_part)
		digest_warn(d, "the recording goes on in part %u, which is not in here", h->next_part);
	if (!d->last)
		digest_warn(d, "there is no snapshot in it: neither levels nor verdicts are known");
	else if (h->ends_early)
		digest_warn(d, "numbers are those of the last snapshot before it breaks off%s",
			    d->has_verdict ? "" : ", and there are no verdicts: mmuscope judge gives them");
}

static struct digest *digest_new(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->fd = -1;
	d->losses = json_object();
	d->notes = json_array();
	d->points = calloc(DIGEST_POINTS + 1, sizeof(*d->points));
	d->bins.cells = calloc(DIGEST_BINS, sizeof(*d->bins.cells));
	d->bins.pages = calloc(DIGEST_BINS, sizeof(*d->bins.pages));
	if (d->losses && d->notes && d->points && d->bins.cells && d->bins.pages)
		return d;
	digest_free(d);
	return NULL;
}

int digest_visit(struct digest *d, digest_visit_fn *fn, void *arg)
{
	return pass(d, false, fn, arg);
}

static int stories(struct digest *d)
{
	int err = story_begin(d);

	if (err || !d->nstories)
		return err;
	err = digest_visit(d, find, d);
	return err ? err : digest_visit(d, collect, d);
}

static int read_all(struct digest *d, const char *path)
{
	int err;

	d->fd = seekable(strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO));
	if (d->fd < 0)
		return -errno;
	err = pass(d, true, take, d);
	return err ? err : stories(d);
}

int digest_read(const char *path, struct digest **result)
{
	struct digest *d = digest_new();
	int err = d ? read_all(d, path) : -ENOMEM;

	*result = NULL;
	if (!err) {
		finish(d);
		*result = d;
		return 0;
	}
	if ((err == -EBADMSG || err == -EPROTONOSUPPORT) && d->nwarnings)
		log_error("%s: %s", path, d->warnings[d->nwarnings - 1]);
	else
		log_error("cannot read %s: %s", path, strerror(-err));
	digest_free(d);
	return err;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	json_decref(d->facts);
	json_decref(d->meta);
	json_decref(d->last);
	json_decref(d->losses);
	json_decref(d->notes);
	for (size_t i = 0; i < d->nstacks; i++)
		free(d->stacks[i]);
	for (size_t i = 0; i < d->nwarnings; i++)
		free(d->warnings[i]);
	free(d->stacks);
	free(d->points);
	free(d->bins.cells);
	free(d->bins.pages);
	free(d->folds);
	free(d->stories);
	free(d);
}

bool digest_is_complete(const struct digest *d)
{
	return recording_is_lossless(&d->health) && !json_object_size(d->losses) && !d->nwarnings;
}

const char *digest_stack(const struct digest *d, uint32_t id)
{
	return id < d->nstacks && d->stacks[id] ? d->stacks[id] : "";
}

double digest_seconds(const struct digest *d, uint64_t ns)
{
	return ns > d->first_ns ? (double)(ns - d->first_ns) / 1e9 : 0;
}

static const char *text_at(const json_t *o, const char *path)
{
	char part[32];

	while (o && strchr(path, '.')) {
		snprintf(part, sizeof(part), "%.*s", (int)strcspn(path, "."), path);
		o = json_object_get(o, part);
		path = strchr(path, '.') + 1;
	}
	return json_string_value(json_object_get(o, path));
}

const char *digest_text(const struct digest *d, const char *path, const char *fallback)
{
	const char *text = text_at(d->last, path);

	if (!text)
		text = text_at(d->meta, path);
	if (!text)
		text = text_at(d->facts, path);
	return text ? text : fallback;
}

const char *digest_vm_name(const struct digest *d, uint32_t vm, char *buf, size_t size)
{
	for (size_t i = 0; i < d->nvms; i++)
		if (d->vms[i].id == vm) {
			snprintf(buf, size, "VM %u (%s %u)", vm, d->vms[i].comm, d->vms[i].pid);
			return buf;
		}
	snprintf(buf, size, vm ? "VM %u" : "no VM", vm);
	return buf;
}
