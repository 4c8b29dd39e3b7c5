// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write a scene for tests of other programs: scene FILE WINDOWS STEPS [hostile|clean [WORD...]]; the words
 * are the workload.
 */
#include "lib/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct scene s = { 0 };
	int err;

	if (argc < 4) {
		fprintf(stderr, "usage: scene FILE WINDOWS STEPS [hostile|clean [WORD...]]\n");
		return 1;
	}
	s.windows = strtoull(argv[2], NULL, 10);
	s.steps = strtoull(argv[3], NULL, 10);
	s.hostile = argc > 4 && !strcmp(argv[4], "hostile");
	s.clean = argc > 4 && !strcmp(argv[4], "clean");
	s.workload = argc > 5 ? argv + 5 : NULL;
	err = scene_make(argv[1], &s);
	if (err)
		fprintf(stderr, "scene: %s: %s\n", argv[1], strerror(-err));
	return err ? 1 : 0;
}
