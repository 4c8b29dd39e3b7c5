// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a report goes.  A file is written beside its place and renamed, so that a full disk or an
 * interrupt leaves the former one whole.
 */
#include "log.h"
#include "user/sink/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output {
	FILE *f;
	char *path;
	char *temporary;	/* NULL: written in place (stdout, a device, a pipe) */
};

static void output_free(struct output *o)
{
	free(o->path);
	free(o->temporary);
	free(o);
}

/* A device, a pipe, or a link to something (/dev/stdout is one): not to be replaced by a file. */
static bool is_special(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && !S_ISREG(st.st_mode);
}

struct output *output_open(const char *path)
{
	struct output *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	if (!path || !strcmp(path, "-")) {
		o->f = stdout;
		return o;
	}
	o->path = strdup(path);
	if (is_special(path))
		o->f = fopen(path, "w");
	else if (asprintf(&o->temporary, "%s.%d.tmp", path, (int)getpid()) > 0)
		o->f = fopen(o->temporary, "wx");
	if (!o->f) {
		log_error("cannot write %s: %s", path, strerror(errno));
		output_free(o);
		return NULL;
	}
	return o;
}

FILE *output_file(struct output *o)
{
	return o->f;
}

int output_close(struct output *o)
{
	const char *path = o->path ? o->path : "stdout";
	int err = ferror(o->f) ? EIO : 0;

	if (fflush(o->f))
		err = errno;
	if (o->path && fclose(o->f))
		err = errno;
	if (!err && o->temporary && rename(o->temporary, o->path))
		err = errno;
	if (err) {
		log_error("cannot write %s: %s", path, strerror(err));
		if (o->temporary)
			unlink(o->temporary);
	}
	output_free(o);
	return err ? -1 : 0;
}
