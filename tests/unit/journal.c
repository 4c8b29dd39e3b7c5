// SPDX-License-Identifier: GPL-2.0-only
/*
 * News for the journal: which samples are news, what an entry says, and that a host in trouble floods nobody.
 */
#include "user/serve/journal.h"
#include "user/serve/watcher.h"

#include "user/base/log.h"

#include "unit.h"

#include <sys/mman.h>
#include <sys/stat.h>

static char last[4096];	/* fields of the last entry, a line each */
static int sent, answer;

static int keep(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(last + len, sizeof(last) - len, "%.*s\n", (int)iov[i].iov_len,
					(const char *)iov[i].iov_base);
	sent++;
	return answer;
}

static int setup(void **arg)
{
	(void)arg;
	*last = '\0';
	sent = answer = 0;
	log_level = LOG_QUIET;
	return 0;
}

static void send_one(struct journal *j, uint64_t now_ns)
{
	struct journal_entry e = { 0 };

	journal_field(&e, "MMUSCOPE_INVARIANT=%s", "zapped-at-start");
	journal_send(j, JOURNAL_VIOLATION, &e, "it happened", now_ns);
}

static void fields(void **arg)
{
	struct journal *j = journal_new(keep);

	(void)arg;
	send_one(j, 1);
	assert_string_equal(last, "MESSAGE=it happened\nPRIORITY=2\nMESSAGE_ID=40856e0841484a2a986a5bba2e5cba30\n"
				  "SYSLOG_IDENTIFIER=mmuscope\nMMUSCOPE_SUPPRESSED=0\n"
				  "MMUSCOPE_INVARIANT=zapped-at-start\n");
	journal_free(j);
}

static void flood(void **arg)
{
	const uint64_t later = JOURNAL_SECONDS * 1000000000ULL;
	struct journal *j = journal_new(keep);
	struct journal_entry e = { 0 };

	(void)arg;
	for (int i = 0; i < 100; i++)
		send_one(j, later);
	assert_int_equal(sent, JOURNAL_BURST);
	assert_int_equal(journal_totals(j)->suppressed, 100 - JOURNAL_BURST);
	/* another kind has its own limit */
	journal_send(j, JOURNAL_TIER, &e, "tier", later);
	assert_int_equal(sent, JOURNAL_BURST + 1);
	send_one(j, 2 * later);
	assert_non_null(strstr(last, "MMUSCOPE_SUPPRESSED=90\n"));
	send_one(j, 2 * later);
	assert_non_null(strstr(last, "MMUSCOPE_SUPPRESSED=0\n"));
	journal_free(j);
}

static void failing(void **arg)
{
	struct journal *j = journal_new(keep), *none = journal_new(NULL);

	(void)arg;
	answer = -1;
	send_one(j, 1);
	assert_int_equal(journal_totals(j)->failed, 1);
	assert_int_equal(journal_totals(j)->sent, 0);
	send_one(none, 1);
	assert_int_equal(journal_totals(none)->sent + journal_totals(none)->failed, 0);
	journal_free(j);
	journal_free(none);
}

/* Bytes that one entry puts on stderr, which is this file. */
static size_t said(int fd, int fails)
{
	int old = dup(STDERR_FILENO);
	struct stat before, after;
	struct journal *j;

	answer = fails;
	assert_int_equal(fstat(fd, &before), 0);
	dup2(fd, STDERR_FILENO);
	j = journal_new(keep);
	send_one(j, 1);
	dup2(old, STDERR_FILENO);
	close(old);
	assert_int_equal(fstat(fd, &after), 0);
	journal_free(j);
	return (size_t)(after.st_size - before.st_size);
}

/* systemd's journal hears stderr: there it is said once, and held back with all others */
static void not_twice(void **arg)
{
	static const size_t line = sizeof("mmuscope: it happened\n") - 1;
	int fd = memfd_create("stderr", 0);
	char stream[64];
	struct stat st;

	(void)arg;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(said(fd, 0), line);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_int_equal(said(fd, 0), line);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_int_equal(said(fd, 0), 0);
	assert_int_equal(said(fd, -1), line);
	unsetenv("JOURNAL_STREAM");
	close(fd);
}

static void too_much(void **arg)
{
	struct journal *j = journal_new(keep);
	struct journal_entry e = { 0 };
	char text[2 * JOURNAL_FIELD_LEN];

	(void)arg;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 2 * JOURNAL_FIELDS; i++)
		journal_field(&e, "F%d=%s", i, i ? "y" : text);
	journal_send(j, JOURNAL_VERDICT, &e, text, 1);
	assert_int_equal(e.n, JOURNAL_FIELDS);
	assert_null(strstr(last, "F16="));
	journal_free(j);
}

/* Samples in which an invariant has so many violations and this verdict. */
static void look(struct watcher *w, const char *tier, double violations, const char *verdict)
{
	const char *info[] = { "0", "6.12", "x86_64", tier }, *inv = "zapped-at-start";
	const char *state[] = { inv, verdict };
	struct samples s = { 0 };

	assert_int_equal(samples_add(&s, METRIC_INFO, info, 1), 0);
	assert_int_equal(samples_add(&s, METRIC_INV_VIOLATIONS, &inv, violations), 0);
	assert_int_equal(samples_add(&s, METRIC_INV_VERDICT, state, 1), 0);
	samples_sort(&s);
	watcher_look(w, &s, 1);
	samples_free(&s);
}

static void news(void **arg)
{
	struct journal *j = journal_new(keep);
	struct watcher *w = watcher_new(j);

	(void)arg;
	look(w, "fentry", 0, "NO OCCASION");
	assert_int_equal(sent, 1);
	assert_non_null(strstr(last, "MMUSCOPE_TIER=fentry\nMMUSCOPE_TIER_BEFORE=\n"));
	look(w, "fentry", 0, "HELD");
	assert_int_equal(sent, 1);
	look(w, "fentry", 0, "INCONCLUSIVE");
	assert_int_equal(sent, 2);
	assert_non_null(strstr(last, "MMUSCOPE_VERDICT=INCONCLUSIVE\nMMUSCOPE_VERDICT_BEFORE=HELD\n"));
	/* the verdict, and the violations that make it */
	look(w, "fentry", 3, "VIOLATED");
	assert_int_equal(sent, 4);
	assert_non_null(strstr(last, "zapped-at-start, 3 times more (3 in all)"));
	look(w, "fentry", 3, "VIOLATED");
	assert_int_equal(sent, 4);
	look(w, "fentry", 5, "VIOLATED");
	assert_int_equal(sent, 5);
	assert_non_null(strstr(last, "2 times more (5 in all)"));
	assert_non_null(strstr(last, "MMUSCOPE_VIOLATIONS=5\n"));
	look(w, "fentry, one kprobe", 5, "VIOLATED");
	assert_int_equal(sent, 6);
	assert_non_null(strstr(last, "MMUSCOPE_TIER_BEFORE=fentry\n"));
	watcher_free(w);
	journal_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fields, setup), cmocka_unit_test_setup(flood, setup),
		cmocka_unit_test_setup(failing, setup), cmocka_unit_test_setup(too_much, setup),
		cmocka_unit_test_setup(not_twice, setup),
		cmocka_unit_test_setup(news, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
