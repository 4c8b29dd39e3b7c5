// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a report goes: a failed write is an error with its reason, and leaves the former file whole.
 */
#include "user/sink/report.h"

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static char dir[64];

static int make_dir(void **arg)
{
	(void)arg;
	snprintf(dir, sizeof(dir), "/tmp/mmuscope-output.XXXXXX");
	return mkdtemp(dir) ? chdir(dir) : -1;
}

static int remove_dir(void **arg)
{
	(void)arg;
	unlink("report");
	unlink("link");
	if (chdir("/"))
		return -1;
	/* also proves that no temporary file was left */
	return rmdir(dir);
}

static void read_file(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

static int write_report(const char *path, const char *text)
{
	struct output *o = output_open(path);

	if (!o)
		return -2;
	fputs(text, output_file(o));
	return output_close(o);
}

static int entries(void)
{
	DIR *d = opendir(".");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void a_file_appears_whole(void **arg)
{
	struct output *o = output_open("report");
	char text[64];

	(void)arg;
	assert_non_null(o);
	fputs("first half, ", output_file(o));
	fflush(output_file(o));
	assert_int_equal(access("report", F_OK), -1);
	fputs("second half", output_file(o));
	assert_int_equal(output_close(o), 0);
	read_file("report", text, sizeof(text));
	assert_string_equal(text, "first half, second half");
	assert_int_equal(entries(), 1);
}

static void the_former_file_is_replaced_at_the_end(void **arg)
{
	struct output *o;
	char text[64];

	(void)arg;
	assert_int_equal(write_report("report", "old"), 0);
	o = output_open("report");
	fputs("new", output_file(o));
	fflush(output_file(o));
	read_file("report", text, sizeof(text));
	assert_string_equal(text, "old");
	assert_int_equal(output_close(o), 0);
	read_file("report", text, sizeof(text));
	assert_string_equal(text, "new");
}

/* /dev/full takes nothing; it is no regular file, so it is written in place */
static void a_full_disk_is_an_error(void **arg)
{
	struct catch err;
	int result;

	(void)arg;
	catch_begin(&err, stderr);
	result = write_report("/dev/full", "data");
	catch_end(&err, stderr);
	assert_int_equal(result, -1);
	assert_string_equal(err.text, "mmuscope: cannot write /dev/full: No space left on device\n");
}

/* more than a buffer: the error comes long before the end, and the last flush may well succeed */
static void an_error_in_the_middle_is_not_forgotten(void **arg)
{
	static char big[300000];
	struct catch err;
	int result;

	(void)arg;
	memset(big, 'x', sizeof(big) - 1);
	catch_begin(&err, stderr);
	result = write_report("/dev/full", big);
	catch_end(&err, stderr);
	assert_int_equal(result, -1);
	assert_non_null(strstr(err.text, "cannot write /dev/full"));
}

/* in a directory that others may write to, a link in the temporary file's place leads elsewhere */
static void a_foreign_temporary_file_is_not_used(void **arg)
{
	struct catch err;
	char name[64];
	int result;

	(void)arg;
	snprintf(name, sizeof(name), "report.%d.tmp", (int)getpid());
	assert_int_equal(symlink("elsewhere", name), 0);
	catch_begin(&err, stderr);
	result = write_report("report", "data");
	catch_end(&err, stderr);
	unlink(name);
	assert_int_equal(result, -2);
	assert_string_equal(err.text, "mmuscope: cannot write report: File exists\n");
	assert_int_equal(access("elsewhere", F_OK), -1);
}

static void a_full_disk_keeps_the_former_file(void **arg)
{
	struct catch err;
	struct output *o;
	char text[64];
	int full;

	(void)arg;
	assert_int_equal(write_report("report", "old"), 0);
	o = output_open("report");
	/* the temporary file's descriptor now leads to a full device */
	full = open("/dev/full", O_WRONLY);
	assert_true(dup2(full, fileno(output_file(o))) >= 0);
	close(full);
	fputs("new", output_file(o));
	catch_begin(&err, stderr);
	assert_int_equal(output_close(o), -1);
	catch_end(&err, stderr);
	assert_non_null(strstr(err.text, "cannot write report: No space left on device"));
	read_file("report", text, sizeof(text));
	assert_string_equal(text, "old");
	assert_int_equal(entries(), 1);
}

static void a_directory_that_is_not_there(void **arg)
{
	struct catch err;
	int result;

	(void)arg;
	catch_begin(&err, stderr);
	result = write_report("none/report", "data");
	catch_end(&err, stderr);
	assert_int_equal(result, -2);
	assert_string_equal(err.text, "mmuscope: cannot write none/report: No such file or directory\n");
}

static void a_directory_as_file(void **arg)
{
	struct catch err;
	int result;

	(void)arg;
	catch_begin(&err, stderr);
	result = write_report(".", "data");
	catch_end(&err, stderr);
	assert_int_equal(result, -2);
	assert_string_equal(err.text, "mmuscope: cannot write .: Is a directory\n");
}

/* as root, -o /dev/stdout would else put a file in the place of that link */
static void a_link_is_followed_not_replaced(void **arg)
{
	char text[64], target[64] = "";

	(void)arg;
	assert_int_equal(write_report("report", "old"), 0);
	assert_int_equal(symlink("report", "link"), 0);
	assert_int_equal(write_report("link", "new"), 0);
	assert_int_equal(readlink("link", target, sizeof(target) - 1), 6);
	read_file("report", text, sizeof(text));
	assert_string_equal(text, "new");
}

static void stdout_by_default_and_by_dash(void **arg)
{
	struct catch out;

	(void)arg;
	catch_begin(&out, stdout);
	assert_int_equal(write_report(NULL, "one "), 0);
	assert_int_equal(write_report("-", "two"), 0);
	catch_end(&out, stdout);
	assert_string_equal(out.text, "one two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_appears_whole, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(the_former_file_is_replaced_at_the_end, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_full_disk_is_an_error, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(an_error_in_the_middle_is_not_forgotten, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_foreign_temporary_file_is_not_used, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_full_disk_keeps_the_former_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_directory_that_is_not_there, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_directory_as_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_link_is_followed_not_replaced, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(stdout_by_default_and_by_dash, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
