// SPDX-License-Identifier: GPL-2.0-only
/*
 * A port of 0 is any free one; what it became is in the name, and said.
 */
#include "user/serve/listen.h"
#include "user/base/features.h"
#include "user/base/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int failed(const char *name, const char *why)
{
	log_error("cannot listen on %s: %s", name, why);
	return -1;
}

static bool is_loopback(const struct sockaddr *a)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;

	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(six);
}

/* What the socket is really bound to. */
static int describe(int fd, struct listener *l)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	char host[64], port[16];

	if (getsockname(fd, (struct sockaddr *)&a, &len))
		return -errno;
	l->fd = fd;
	if (a.ss_family == AF_UNIX) {
		snprintf(l->name, sizeof(l->name), "unix:%s", ((struct sockaddr_un *)&a)->sun_path);
		l->local = true;
		return 0;
	}
	if (getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return -EINVAL;
	snprintf(l->name, sizeof(l->name), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	l->local = is_loopback((struct sockaddr *)&a);
	return 0;
}

/* A socket of a process that is gone is in the way of its successor; one that answers is left alone. */
static int remove_stale(const char *path, const struct sockaddr_un *a)
{
	struct stat st;
	int fd, err;

	if (lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	err = fd < 0 || !connect(fd, (const struct sockaddr *)a, sizeof(*a)) || errno != ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return err ? -1 : unlink(path);
}

static int open_unix(const char *path, struct listener *l)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t before;
	int fd, err;

	if (!*path || strlen(path) >= sizeof(a.sun_path))
		return failed(path, "a path of 1 to 107 characters is expected after 'unix:'");
	memcpy(a.sun_path, path, strlen(path));
	if (remove_stale(path, &a))
		return failed(path, "another process answers there");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0117);
	err = fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, BACKLOG) || describe(fd, l);
	umask(before);
	return err ? failed(path, strerror(errno)) : 0;
}

static int bind_to(const struct addrinfo *info, struct listener *l)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, info->ai_addr, info->ai_addrlen) && !listen(fd, BACKLOG))
		return describe(fd, l);
	err = -errno;
	close(fd);
	return err;
}

static int open_port(const char *name, struct listener *l)
{
	/* names of hosts are looked up by libraries of the system, which a static program cannot load */
	int numeric = features_missing() ? AI_NUMERICHOST : 0;
	struct addrinfo want = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV | numeric, .ai_socktype = SOCK_STREAM,
	}, *list;
	const char *colon = strrchr(name, ':');
	char host[LISTEN_NAME];
	size_t len;
	int err;

	if (!colon || !colon[1] || (size_t)(colon - name) >= sizeof(host))
		return failed(name, "HOST:PORT, :PORT or unix:PATH is expected");
	len = (size_t)(colon - name);
	if (len > 2 && name[0] == '[' && colon[-1] == ']')
		snprintf(host, sizeof(host), "%.*s", (int)len - 2, name + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)len, name);
	err = getaddrinfo(*host ? host : NULL, colon + 1, &want, &list);
	if (err)
		return failed(name, gai_strerror(err));
	err = bind_to(list, l);
	freeaddrinfo(list);
	return err ? failed(name, strerror(-err)) : 0;
}

static int take_passed(struct listener out[LISTEN_MAX])
{
	int n = sd_listen_fds(1);

	if (n <= 0)
		return 0;
	if (n > LISTEN_MAX) {
		log_error("systemd passed %d sockets; %d are the most", n, LISTEN_MAX);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 || describe(fd, &out[i])) {
			log_error("descriptor %d, passed by systemd, is no listening stream socket", fd);
			return -1;
		}
	}
	return n;
}

int listen_open(const char *const *names, size_t n, struct listener out[LISTEN_MAX])
{
	static const char *const usual[] = { LISTEN_DEFAULT };
	int passed = n ? 0 : take_passed(out), err = 0;

	if (passed)
		return passed;
	if (!n) {
		names = usual;
		n = 1;
	}
	for (size_t i = 0; i < n && !err; i++)
		err = strncmp(names[i], "unix:", 5) ? open_port(names[i], &out[i]) :
						      open_unix(names[i] + 5, &out[i]);
	return err ? -1 : (int)n;
}
