/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where mmuscope serve listens: sockets that systemd hands over, addresses, unix sockets.
 */
#ifndef MMUSCOPE_SERVE_LISTEN_H
#define MMUSCOPE_SERVE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

enum { LISTEN_MAX = 4, LISTEN_NAME = 136 };

#define LISTEN_DEFAULT "127.0.0.1:9761"

struct listener {
	int fd;
	bool local;			/* a unix socket, or loopback: nobody from elsewhere */
	char name[LISTEN_NAME];		/* "127.0.0.1:9761", "unix:/run/x" */
};

/*
 * Open what is named ("HOST:PORT", ":PORT" for every address, "[::1]:PORT", "unix:PATH"); with n 0 the
 * sockets that systemd passed, or else LISTEN_DEFAULT.  Number of them in out, or -1 after having reported
 * the reason.
 */
int listen_open(const char *const *names, size_t n, struct listener out[LISTEN_MAX]);

#endif /* MMUSCOPE_SERVE_LISTEN_H */
