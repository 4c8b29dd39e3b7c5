// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make a recording of snapshots that a test wrote, one report in JSON on each line of stdin, a second apart:
 * snapshots FILE.  For tests of what 'mmuscope serve --replay' makes of hosts that no fixture shows.
 */
#include "lib/sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int copy_lines(struct recording *w, uint64_t *ns)
{
	size_t room = 0;
	char *line = NULL;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		recording_text(w, RECORD_SNAPSHOT, *ns, line);
		*ns += SAMPLE_NS;
	}
	free(line);
	return ferror(stdin) ? -EIO : 0;
}

int main(int argc, char **argv)
{
	struct recording_options o;
	uint64_t ns = SAMPLE_NS;
	struct recording *w;
	int err, closed;

	if (argc != 2) {
		fprintf(stderr, "usage: snapshots FILE < SNAPSHOTS\n");
		return 1;
	}
	o = sample_options(argv[1]);
	err = recording_create(&o, ns, &w);
	if (!err) {
		err = copy_lines(w, &ns);
		closed = recording_close(w, ns, NULL);
		err = err ?: closed;
	}
	if (err)
		fprintf(stderr, "snapshots: %s: %s\n", argv[1], strerror(-err));
	return err ? 1 : 0;
}
