// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run store: in and out again, several writers, files that are not what they should be, and an
 * older schema.
 */
#include "user/store/store.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[] = "/tmp/mmuscope-store-XXXXXX";
static char path[64];
static char why[STORE_WHY];

/* A store is a file of this name that no test has used before. */
static int fresh(void **arg)
{
	static int n;

	(void)arg;
	snprintf(path, sizeof(path), "%s/%d.db", dir, n++);
	return 0;
}

static int make_dir(void **arg)
{
	(void)arg;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **arg)
{
	char command[128];

	(void)arg;
	snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s", dir, dir);
	return system(command);
}

static struct store *open_as(enum store_mode mode)
{
	struct store *s;

	if (store_open(path, mode, &s, why))
		fail_msg("%s: %s", path, why);
	return s;
}

static void put(struct run *r, enum metric m, const char *a, const char *b, double value)
{
	const char *label[] = { a, b };

	assert_int_equal(samples_add_scaled(&r->samples, m, label, value), 0);
}

static void make_run(struct run *r, uint64_t digest)
{
	struct hist h = { .bucket = { [0] = 1, [7] = 1234567, [63] = 2 }, .sum = 99 };

	*r = (struct run){.time = 1700000000,
			  .tag = "base",
			  .kernel = "6.12",
			  .machine = "x86_64",
			  .host = "h",
			  .command = "check",
			  .workload = "a b",
			  .tier = "fentry",
			  .version = "0.1",
			  .verdict = "HELD",
			  .digest = digest};
	put(r, METRIC_FAULTS, "1", NULL, 17);
	put(r, METRIC_MAPPED, "1", "2M", 2097152);
	put(r, METRIC_CAUSE_PAGES, "a \"quoted\\\" cause, one", NULL, 3);
	put(r, METRIC_INV_VERDICT, "same-page", "HELD", 1);
	put(r, METRIC_INV_VERDICT, "same-page", "VIOLATED", 0);
	put(r, METRIC_INV_CHECKED, "same-page", NULL, 4711);
	assert_int_equal(samples_add_hist(&r->samples, METRIC_WINDOW_TIME, NULL, &h), 0);
	samples_sort(&r->samples);
}

static int64_t add_run(struct store *s, uint64_t digest)
{
	struct run r;
	int err;

	make_run(&r, digest);
	err = store_add(s, &r);
	run_free(&r);
	if (err)
		fail_msg("%s", store_why(s));
	return r.id;
}

/* What the file says about itself when asked directly. */
static int64_t ask(const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void do_sql(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void in_and_out(void **arg)
{
	struct store *s = open_as(STORE_CREATE);
	int64_t id = add_run(s, 0xfedcba9876543210);
	struct run in, out;

	(void)arg;
	store_close(s);
	s = open_as(STORE_READ);
	make_run(&in, 0);
	assert_int_equal(store_read(s, id, &out), 0);
	assert_string_equal(out.workload, "a b");
	assert_string_equal(out.tag, "base");
	assert_string_equal(out.verdict, "HELD");
	assert_int_equal(out.time, 1700000000);
	assert_int_equal(in.samples.n, out.samples.n);
	for (size_t i = 0; i < in.samples.n; i++) {
		const struct sample *a = &in.samples.list[i], *b = &out.samples.list[i];

		assert_int_equal(a->metric, b->metric);
		for (int l = 0; l < METRIC_LABELS && a->label[l]; l++)
			assert_string_equal(a->label[l], b->label[l]);
		assert_true(a->value == b->value);
		if (a->hist)
			assert_memory_equal(a->hist, b->hist, sizeof(*a->hist));
	}
	assert_int_equal(store_check(s), 0);
	run_free(&in);
	run_free(&out);
	store_close(s);
	assert_int_equal(ask("SELECT checked FROM verdicts WHERE verdict = 'HELD'"), 4711);
	assert_int_equal(ask("SELECT count(*) FROM verdicts"), 1);
}

static void found_by_tag_and_gone(void **arg)
{
	struct store *s = open_as(STORE_CREATE);
	int64_t a = add_run(s, 1), b = add_run(s, 2), *ids;
	struct run r;
	size_t n;

	(void)arg;
	assert_int_equal(store_find(s, "base", &ids, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(ids[1], b);
	free(ids);
	assert_int_equal(store_tag(s, b, "new"), 0);
	assert_int_equal(store_find(s, "base", &ids, &n), 0);
	assert_int_equal(n, 1);
	free(ids);
	assert_int_equal(store_untag(s, "base"), 0);
	assert_int_equal(store_find(s, "base", &ids, &n), -ENOENT);
	assert_non_null(strstr(store_why(s), "'base'"));
	assert_int_equal(store_find(s, "", &ids, &n), 0);
	assert_int_equal(n, 2);
	free(ids);
	assert_int_equal(store_delete(s, a), 0);
	assert_int_equal(store_delete(s, a), -ENOENT);
	assert_int_equal(store_tag(s, a, "x"), -ENOENT);
	assert_int_equal(store_read(s, a, &r), -ENOENT);
	assert_int_equal(store_check(s), 0);
	store_close(s);
	assert_int_equal(ask("SELECT count(DISTINCT run) FROM metrics"), 1);
	assert_int_equal(ask("SELECT count(DISTINCT run) FROM histograms"), 1);
}

static void the_same_report_once(void **arg)
{
	struct store *s = open_as(STORE_CREATE);
	int64_t first = add_run(s, 77);
	struct run r;

	(void)arg;
	make_run(&r, 77);
	assert_int_equal(store_add(s, &r), -EEXIST);
	assert_int_equal(r.id, first);
	run_free(&r);
	assert_int_equal(ask("SELECT count(*) FROM runs"), 1);
	/* without a digest nobody knows */
	add_run(s, 0);
	add_run(s, 0);
	store_close(s);
	assert_int_equal(ask("SELECT count(*) FROM runs"), 3);
}

/* 8 processes, 12 runs each, all opening a store that is not yet there */
static void many_writers(void **arg)
{
	enum { WRITERS = 8, RUNS = 12 };
	pid_t pids[WRITERS];
	struct store *s;

	(void)arg;
	for (int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		assert_true(pids[w] >= 0);
		if (pids[w])
			continue;
		for (uint64_t i = 0; i < RUNS; i++) {
			struct run r;

			if (store_open(path, STORE_CREATE, &s, why)) {
				fprintf(stderr, "%s\n", why);
				_exit(1);
			}
			make_run(&r, 1 + (uint64_t)w * RUNS + i);
			if (store_add(s, &r))
				_exit(2);
			run_free(&r);
			store_close(s);
		}
		_exit(0);
	}
	for (int w = 0; w < WRITERS; w++) {
		int status;

		assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
		assert_int_equal(status, 0);
	}
	s = open_as(STORE_READ);
	assert_int_equal(store_check(s), 0);
	store_close(s);
	assert_int_equal(ask("SELECT count(*) FROM runs"), WRITERS * RUNS);
	assert_int_equal(ask("SELECT count(*) FROM metrics"), WRITERS * RUNS * 7);
}

/* killed in the middle of writing: what was there before is there, and nothing by halves */
static void killed_writer(void **arg)
{
	struct store *s = open_as(STORE_CREATE);

	(void)arg;
	add_run(s, 1);
	store_close(s);
	for (int i = 0; i < 20; i++) {
		int pipes[2];
		pid_t pid;
		char c;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			s = NULL;
			if (store_open(path, STORE_WRITE, &s, why))
				_exit(1);
			for (uint64_t n = 0;; n++) {
				struct run r;

				make_run(&r, (uint64_t)i << 32 | (n + 2));
				if (write(pipes[1], "x", 1) != 1 || store_add(s, &r))
					_exit(1);
				run_free(&r);
			}
		}
		for (int n = 0; n <= i; n++)
			assert_int_equal(read(pipes[0], &c, 1), 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(pipes[0]);
		close(pipes[1]);
		s = open_as(STORE_READ);
		assert_int_equal(store_check(s), 0);
		store_close(s);
		assert_int_equal(ask("SELECT count(*) FROM runs r WHERE (SELECT count(*) FROM "
				     "metrics WHERE run = r.id)"
				     " <> 7"),
				 0);
	}
	assert_true(ask("SELECT count(*) FROM runs") >= 1);
}

static void write_file(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void wont_open(enum store_mode mode, int err, const char *says)
{
	struct store *s;
	int got = store_open(path, mode, &s, why);

	if (got != err || !strstr(why, says) || s)
		fail_msg("%d: %s", got, why);
}

static void files_that_are_no_store(void **arg)
{
	static const char text[] =
		"This is no database, but a text that is longer than a header of SQLite, which has "
		"a hundred bytes.\n";

	(void)arg;
	wont_open(STORE_READ, -ENOENT, "there is none; 'mmuscope runs add'");
	wont_open(STORE_WRITE, -ENOENT, "there is none");
	write_file(text, sizeof(text) - 1);
	wont_open(STORE_READ, -EINVAL, "not a database");
	wont_open(STORE_CREATE, -EINVAL, "not a database");
	write_file("", 0);
	wont_open(STORE_READ, -EINVAL, "empty");
	unlink(path);
	do_sql("CREATE TABLE runs(id INTEGER); INSERT INTO runs VALUES(1)");
	wont_open(STORE_CREATE, -EINVAL, "another program");
	assert_int_equal(ask("SELECT count(*) FROM sqlite_master"), 1);
	snprintf(path, sizeof(path), "%s/no/such.db", dir);
	wont_open(STORE_CREATE, -ENOENT, "No such file");
}

static void newer_and_damaged(void **arg)
{
	struct store *s = open_as(STORE_CREATE);
	int fd;

	(void)arg;
	for (uint64_t i = 1; i < 60; i++)
		add_run(s, i);
	store_close(s);
	do_sql("PRAGMA user_version = 3");
	wont_open(STORE_READ, -ENOTSUP, "of version 3, and this program knows up to 2");
	do_sql("PRAGMA user_version = 2");
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	for (int page = 3; page < 12; page++)
		assert_int_equal(pwrite(fd, "garbage garbage garbage", 23, page * 4096), 23);
	close(fd);
	s = open_as(STORE_READ);
	assert_int_equal(store_check(s), -EIO);
	assert_non_null(strstr(store_why(s), "damaged"));
	store_close(s);
}

static void read_only(void **arg)
{
	struct store *s = open_as(STORE_CREATE);
	pid_t pid;
	int status;

	(void)arg;
	add_run(s, 1);
	store_close(s);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	/* root may write everywhere */
	pid = fork();
	if (!pid) {
		if (!geteuid() && setresuid(65534, 65534, 65534))
			_exit(1);
		if (store_open(path, STORE_WRITE, &s, why) != -EACCES || !strstr(why, "permissions"))
			_exit(2);
		if (store_open(path, STORE_READ, &s, why))
			_exit(3);
		_exit(store_check(s) ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* no more room: the run is not there, all others are */
static void full_disk(void **arg)
{
	struct store *s = open_as(STORE_CREATE);
	int64_t before;
	int status;
	pid_t pid;

	(void)arg;
	add_run(s, 1);
	store_close(s);
	before = ask("SELECT count(*) FROM runs");
	pid = fork();
	if (!pid) {
		struct rlimit limit = { 1 << 16, 1 << 16 };
		int err = 0;

		signal(SIGXFSZ, SIG_IGN);
		if (store_open(path, STORE_WRITE, &s, why) || setrlimit(RLIMIT_FSIZE, &limit))
			_exit(1);
		if (store_begin(s))
			_exit(2);
		for (uint64_t i = 2; i < 2000 && !err; i++) {
			struct run r;

			make_run(&r, i);
			err = store_add(s, &r);
			run_free(&r);
		}
		if (!err)
			err = store_commit(s);
		_exit(err && strstr(store_why(s), "nothing was changed") ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	s = open_as(STORE_WRITE);
	assert_int_equal(store_check(s), 0);
	add_run(s, 5000);
	store_close(s);
	assert_int_equal(ask("SELECT count(*) FROM runs"), before + 1);
}

/* the schema of version 1, as it was written then */
static const char version_1[] =
	"CREATE TABLE runs(id INTEGER PRIMARY KEY, tag TEXT NOT NULL DEFAULT '', time INTEGER NOT NULL,"
	" kernel TEXT NOT NULL, machine TEXT NOT NULL, host TEXT NOT NULL, command TEXT NOT NULL,"
	" workload TEXT NOT NULL, tier TEXT NOT NULL, version TEXT NOT NULL, verdict TEXT NOT NULL);"
	"CREATE INDEX runs_tag ON runs(tag);"
	"CREATE TABLE metrics(run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
	" metric TEXT NOT NULL, labels TEXT NOT NULL, value REAL NOT NULL,"
	" PRIMARY KEY(run, metric, labels)) WITHOUT ROWID;"
	"CREATE TABLE histograms(run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
	" metric TEXT NOT NULL, labels TEXT NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY(run, metric, labels, bucket)) WITHOUT ROWID;"
	"CREATE TABLE verdicts(run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
	" invariant TEXT NOT NULL, verdict TEXT NOT NULL, checked INTEGER NOT NULL,"
	" violations INTEGER NOT NULL, PRIMARY KEY(run, invariant)) WITHOUT ROWID;"
	"INSERT INTO runs VALUES(1, 'old', 1600000000, '6.1', 'x86_64', '', 'check', '', 'fentry', "
	"'0.0', 'HELD');"
	"INSERT INTO metrics VALUES(1, 'mmuscope_faults_total', 'vm=\"1\"', 42);"
	"INSERT INTO metrics VALUES(1, 'mmuscope_of_the_future', '', 1);"
	"INSERT INTO metrics VALUES(1, 'mmuscope_late_vms', 'nonsense', 1);"
	"PRAGMA application_id = 1835890035; PRAGMA user_version = 1;";

static void an_older_one_is_migrated(void **arg)
{
	static const char *const vm[] = { "1" };
	struct store *s;
	struct run r;

	(void)arg;
	do_sql(version_1);
	s = open_as(STORE_READ);
	assert_int_equal(store_check(s), 0);
	assert_int_equal(store_read(s, 1, &r), 0);
	assert_string_equal(r.tag, "old");
	/* what nobody knows is passed over */
	assert_int_equal(r.samples.n, 1);
	assert_true(samples_get(&r.samples, METRIC_FAULTS, vm)->value == 42);
	run_free(&r);
	store_close(s);
	assert_int_equal(ask("PRAGMA user_version"), STORE_VERSION);
	s = open_as(STORE_WRITE);
	assert_int_equal(add_run(s, 9), 2);
	store_close(s);
}

/* a migration that cannot be done leaves the file as it was */
static void a_migration_is_whole(void **arg)
{
	(void)arg;
	do_sql(version_1);
	do_sql("CREATE INDEX runs_digest ON runs(tag)");
	wont_open(STORE_WRITE, -EIO, "runs_digest");
	assert_int_equal(ask("PRAGMA user_version"), 1);
	assert_int_equal(
		ask("SELECT count(*) FROM pragma_table_info('runs') WHERE name = 'digest'"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_and_out, fresh),
		cmocka_unit_test_setup(found_by_tag_and_gone, fresh),
		cmocka_unit_test_setup(the_same_report_once, fresh),
		cmocka_unit_test_setup(many_writers, fresh),
		cmocka_unit_test_setup(killed_writer, fresh),
		cmocka_unit_test_setup(files_that_are_no_store, fresh),
		cmocka_unit_test_setup(newer_and_damaged, fresh),
		cmocka_unit_test_setup(read_only, fresh),
		cmocka_unit_test_setup(full_disk, fresh),
		cmocka_unit_test_setup(an_older_one_is_migrated, fresh),
		cmocka_unit_test_setup(a_migration_is_whole, fresh),
	};

	return cmocka_run_group_tests_name("store", tests, make_dir, remove_dir);
}
