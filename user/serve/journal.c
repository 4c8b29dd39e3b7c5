// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bucket of tokens for each kind.  Priorities are those of syslog(3).  Where systemd has connected stderr
 * with the journal, saying it there as well would be a second entry, and one that no bucket holds back.
 */
#include "user/serve/journal.h"
#include "user/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *id;
	int priority;
} kinds[JOURNAL_KINDS] = {
	[JOURNAL_VIOLATION] = { "40856e0841484a2a986a5bba2e5cba30", 2 },
	[JOURNAL_VERDICT] = { "9809751bf976453bac3250edc10f0f4a", 4 },
	[JOURNAL_TIER] = { "85912a3d27f54d77b05717299e8e48bf", 5 },
};

struct bucket {
	uint64_t since_ns;	/* when the current stretch began */
	unsigned int used;
	uint64_t suppressed;	/* since the last one that was sent */
};

struct journal {
	journal_send_fn *send;
	bool hears_stderr;
	struct bucket buckets[JOURNAL_KINDS];
	struct journal_totals totals;
};

/* JOURNAL_STREAM of systemd.exec(5): device and inode of what it has connected. */
static bool stderr_is_heard(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && !fstat(STDERR_FILENO, &st) &&
	       st.st_dev == dev && st.st_ino == ino;
}

struct journal *journal_new(journal_send_fn *send)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (j) {
		j->send = send;
		j->hears_stderr = send && stderr_is_heard();
	}
	return j;
}

void journal_free(struct journal *j)
{
	free(j);
}

const struct journal_totals *journal_totals(const struct journal *j)
{
	return &j->totals;
}

void journal_field(struct journal_entry *e, const char *fmt, ...)
{
	va_list ap;

	if (e->n == JOURNAL_FIELDS)
		return;
	va_start(ap, fmt);
	vsnprintf(e->field[e->n++], JOURNAL_FIELD_LEN, fmt, ap);
	va_end(ap);
}

static bool may_send(struct bucket *b, uint64_t now_ns)
{
	if (now_ns - b->since_ns >= JOURNAL_SECONDS * 1000000000ULL) {
		b->since_ns = now_ns;
		b->used = 0;
	}
	if (b->used == JOURNAL_BURST) {
		b->suppressed++;
		return false;
	}
	b->used++;
	return true;
}

static void say(enum journal_kind kind, const char *message)
{
	if (kind == JOURNAL_TIER)
		log_note("%s", message);
	else
		log_error("%s", message);
}

void journal_send(struct journal *j, enum journal_kind kind, struct journal_entry *e, const char *message,
		  uint64_t now_ns)
{
	struct bucket *b = &j->buckets[kind];
	struct iovec iov[JOURNAL_FIELDS + 5];
	char text[JOURNAL_FIELD_LEN], fixed[4][64];
	int n = 0;

	if (!j->hears_stderr)
		say(kind, message);
	if (!j->send)
		return;
	if (!may_send(b, now_ns)) {
		j->totals.suppressed++;
		return;
	}
	snprintf(text, sizeof(text), "MESSAGE=%s", message);
	snprintf(fixed[0], sizeof(fixed[0]), "PRIORITY=%d", kinds[kind].priority);
	snprintf(fixed[1], sizeof(fixed[1]), "MESSAGE_ID=%s", kinds[kind].id);
	snprintf(fixed[2], sizeof(fixed[2]), "SYSLOG_IDENTIFIER=mmuscope");
	snprintf(fixed[3], sizeof(fixed[3]), "MMUSCOPE_SUPPRESSED=%llu", (unsigned long long)b->suppressed);
	iov[n++] = (struct iovec){ text, strlen(text) };
	for (int i = 0; i < 4; i++)
		iov[n++] = (struct iovec){ fixed[i], strlen(fixed[i]) };
	for (size_t i = 0; i < e->n; i++)
		iov[n++] = (struct iovec){ e->field[i], strlen(e->field[i]) };
	if (j->send(iov, n)) {
		j->totals.failed++;
		if (j->hears_stderr)
			say(kind, message);
		return;
	}
	j->totals.sent++;
	b->suppressed = 0;
}
