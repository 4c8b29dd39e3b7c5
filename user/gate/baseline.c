// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing a baseline: a file by renaming, a directory by exchanging two, tags in one transaction.
 */
#include "baseline.h"
#include "user/base/log.h"
#include "user/sink/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = 4096 };

/* Copy a report; the target is replaced when it is complete. */
static int copy_report(const char *from, const char *to)
{
	FILE *in = fopen(from, "r");
	struct output *out;
	char buf[16384];
	int err = 0;
	size_t n;

	if (!in) {
		log_error("cannot read %s: %s", from, strerror(errno));
		return -1;
	}
	out = output_open(to);
	if (!out) {
		fclose(in);
		return -1;
	}
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		fwrite(buf, 1, n, output_file(out));
	if (ferror(in)) {
		log_error("cannot read %s: %s", from, strerror(errno));
		err = -1;
	}
	fclose(in);
	return output_close(out) || err ? -1 : 0;
}

static bool all_files(const struct runs *new, const char *base)
{
	for (size_t i = 0; i < new->n; i++) {
		if (!new->list[i].id)
			continue;
		log_error("%s cannot become %s: it is in the store, which keeps no reports; give a "
			  "report file, or use a tag as BASE",
			  new->list[i].name, base);
		return false;
	}
	return true;
}

static void remove_directory(const char *path, size_t files)
{
	char file[PATH_LEN + 32];

	for (size_t i = 1; i <= files; i++) {
		snprintf(file, sizeof(file), "%s/%zu.json", path, i);
		unlink(file);
	}
	rmdir(path);
}

/* The former one is kept beside the new: what is in it need not all be ours. */
static int update_directory(const char *base, const struct runs *new)
{
	char temporary[PATH_LEN], file[PATH_LEN + 32], former[PATH_LEN];
	size_t len = strlen(base);

	while (len > 1 && base[len - 1] == '/')
		len--;
	snprintf(temporary, sizeof(temporary), "%.*s.%d.tmp", (int)len, base, (int)getpid());
	snprintf(former, sizeof(former), "%.*s.old", (int)len, base);
	if (access(former, F_OK) == 0) {
		log_error("cannot replace %s: the one before it is still there, as %s; delete that",
			  base, former);
		return -1;
	}
	if (mkdir(temporary, 0777)) {
		log_error("cannot make %s: %s", temporary, strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < new->n; i++) {
		snprintf(file, sizeof(file), "%s/%zu.json", temporary, i + 1);
		if (copy_report(new->list[i].name, file)) {
			remove_directory(temporary, i);
			return -1;
		}
	}
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, base, RENAME_EXCHANGE)) {
		log_error("cannot replace %s: %s", base, strerror(errno));
		remove_directory(temporary, new->n);
		return -1;
	}
	if (rename(temporary, former))
		log_note("the former baseline is %s", temporary);
	else
		log_note("the former baseline is %s", former);
	return 0;
}

static int retag(const char *tag, const struct runs *new, struct store *store)
{
	int err = store_untag(store, tag);

	for (size_t i = 0; i < new->n && !err; i++) {
		struct run r = new->list[i];

		if (!r.id) {
			err = store_add(store, &r);
			if (err && err != -EEXIST)
				return err;
		}
		err = store_tag(store, r.id, tag);
	}
	return err;
}

static int update_tag(const char *tag, const struct runs *new, struct store *store,
		      const char *store_path)
{
	int err = store_begin(store);

	if (!err) {
		err = retag(tag, new, store);
		if (err)
			store_rollback(store);
		else
			err = store_commit(store);
	}
	if (err)
		log_error("run store %s: %s", store_path, store_why(store));
	return err ? -1 : 0;
}

int baseline_update(const char *base, const struct runs *new, struct store *store,
		    const char *store_path)
{
	struct stat st;

	if (!strncmp(base, "tag:", 4))
		return update_tag(base + 4, new, store, store_path);
	if (!all_files(new, base))
		return -1;
	if (!stat(base, &st) && S_ISDIR(st.st_mode))
		return update_directory(base, new);
	if (new->n != 1) {
		log_error("%zu runs cannot become the file %s; give a directory or a tag as BASE",
			  new->n, base);
		return -1;
	}
	return copy_report(new->list[0].name, base);
}
