// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuscope serve: numbers and verdicts over HTTP, for as long as the host runs.
 */
#include "user/cmd/commands.h"
#include "user/base/features.h"
#include "user/base/log.h"
#include "user/cmd/options.h"
#include "user/serve/privilege.h"
#include "user/base/reason.h"
#include "user/serve/http.h"
#include "user/serve/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static const char usage[] =
"Usage: mmuscope serve [OPTION]...\n"
"\n"
"Judge KVM's MMU invariants and count on this host until told to stop, and\n"
"answer over HTTP: /metrics for Prometheus and its kin, /healthz, /api/v1/... in\n"
"JSON, and / as a page to look at.\n"
"\n"
"      --listen WHERE      HOST:PORT, :PORT, [::1]:PORT, unix:PATH; 4 times\n"
"                          (sockets of systemd, else " LISTEN_DEFAULT ")\n"
"      --web-config FILE   TLS and passwords, as Prometheus' exporters have them\n"
"      --user NAME         who to be after the start (mmuscope, if there is one)\n"
"      --interval TIME     get new numbers so often (5s)\n"
"      --count-only        judge nothing: levels, windows, causes; costs less\n"
"  -p, --pid PID           only VMs of this process\n"
"      --tier TIER         no better one than fentry, kprobe, tracepoint or stats\n"
"      --max-vms N         follow up to N VMs at a time (256)\n"
"      --max-series N      of a metric; more become one, \"other\" (10000)\n"
"      --max-connections N at a time; more, and the oldest is ended (256)\n"
"      --program-times     have the kernel take the times of BPF programs\n"
"      --replay FILE.mms   numbers out of a recording, as time goes by\n"
"      --speed X           so many times as fast; 0: its end at once (1)\n"
"      --no-journal        nothing for the systemd journal (so does a replay)\n"
"      --no-seccomp        allow all system calls, for debuggers and sanitizers\n"
"      --for TIME          stop after TIME (90, 500ms, 5m)\n"
"  -v, -q                  say more; errors only\n"
"  -h, --help              this text\n"
"\n"
"Exit status: 0 stopped as told, 1 error, 4 this kernel cannot do it.\n";

enum { LONG_LISTEN = 256, LONG_WEB_CONFIG, LONG_USER, LONG_INTERVAL, LONG_COUNT_ONLY, LONG_MAX_VMS,
       LONG_MAX_SERIES, LONG_MAX_CONNECTIONS, LONG_PROGRAM_TIMES, LONG_REPLAY, LONG_SPEED, LONG_NO_JOURNAL,
       LONG_NO_SECCOMP, LONG_FOR, LONG_TIER };

static const struct option longs[] = {
	{ "listen", required_argument, NULL, LONG_LISTEN },
	{ "web-config", required_argument, NULL, LONG_WEB_CONFIG },
	{ "user", required_argument, NULL, LONG_USER },
	{ "interval", required_argument, NULL, LONG_INTERVAL },
	{ "count-only", no_argument, NULL, LONG_COUNT_ONLY },
	{ "pid", required_argument, NULL, 'p' },
	{ "max-vms", required_argument, NULL, LONG_MAX_VMS },
	{ "max-series", required_argument, NULL, LONG_MAX_SERIES },
	{ "max-connections", required_argument, NULL, LONG_MAX_CONNECTIONS },
	{ "program-times", no_argument, NULL, LONG_PROGRAM_TIMES },
	{ "replay", required_argument, NULL, LONG_REPLAY },
	{ "speed", required_argument, NULL, LONG_SPEED },
	{ "no-journal", no_argument, NULL, LONG_NO_JOURNAL },
	{ "no-seccomp", no_argument, NULL, LONG_NO_SECCOMP },
	{ "for", required_argument, NULL, LONG_FOR },
	{ "tier", required_argument, NULL, LONG_TIER },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int bad(const char *what, const char *text)
{
	return options_bad("serve", what, text);
}

static int take_number(uint32_t *to, uint64_t low, uint64_t high, const char *what)
{
	uint64_t n;

	if (parse_number(optarg, low, high, &n))
		return bad(what, optarg);
	*to = (uint32_t)n;
	return 0;
}

static int take_time(uint64_t *to)
{
	return parse_duration(optarg, to) ? bad("not a duration (60s, 500ms, 5m):", optarg) : 0;
}

static int take_speed(double *to)
{
	char *end;

	*to = strtod(optarg, &end);
	if (end == optarg || *end || !(*to >= 0 && *to <= 1e6))
		return bad("--speed takes 0 to 1000000, not", optarg);
	return 0;
}

static int take_listen(struct serve_options *o)
{
	if (o->nlisten == SERVE_HOSTS)
		return bad("--listen is there too often:", optarg);
	o->listen[o->nlisten++] = optarg;
	return 0;
}

/* One option with a value.  0, or -1 after having reported what is wrong. */
static int take_value(struct serve_options *o, int c)
{
	switch (c) {
	case LONG_LISTEN:
		return take_listen(o);
	case LONG_WEB_CONFIG:
		o->web_config = optarg;
		return 0;
	case LONG_USER:
		o->user = optarg;
		return 0;
	case LONG_REPLAY:
		o->replay = optarg;
		return 0;
	case LONG_SPEED:
		return take_speed(&o->speed);
	case LONG_INTERVAL:
		if (take_time(&o->interval_ns))
			return -1;
		return o->interval_ns < 1000000000 ? bad("--interval takes 1s and more, not", optarg) : 0;
	case LONG_TIER:
		return options_tier("serve", &o->most);
	case LONG_FOR:
		return take_time(&o->for_ns);
	case 'p':
		return take_number(&o->pid, 1, INT32_MAX, "not a process id:");
	case LONG_MAX_VMS:
		return take_number(&o->max_vms, 1, MAX_VMS, "--max-vms takes 1 to 4095, not");
	case LONG_MAX_SERIES:
		return take_number(&o->max_series, 1, 1000000, "--max-series takes 1 to 1000000, not");
	default:
		return take_number(&o->max_connections, 1, 10000, "--max-connections takes 1 to 10000, not");
	}
}

static void take_flag(struct serve_options *o, int c)
{
	switch (c) {
	case LONG_COUNT_ONLY:
		o->count_only = true;
		break;
	case LONG_PROGRAM_TIMES:
		o->program_times = true;
		break;
	case LONG_NO_JOURNAL:
		o->journal = false;
		break;
	case LONG_NO_SECCOMP:
		o->seccomp = false;
		break;
	}
}

static int take_option(struct serve_options *o, int c)
{
	if (optarg)
		return take_value(o, c);
	take_flag(o, c);
	return 0;
}

/* 0: go on; 1: help was printed; -1: bad usage was reported. */
static int parse(struct serve_options *o, int argc, char **argv)
{
	int c, err;

	*o = (struct serve_options){
		.speed = 1, .interval_ns = 5000000000, .max_vms = 256, .max_series = 10000,
		.max_connections = 256, .journal = true, .seccomp = true,
	};
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:p:vqh", longs, NULL)) != -1) {
		switch (c) {
		case 'v':
		case 'q':
		case 'h':
		case ':':
		case '?':
			err = options_common(c, argv, "serve", usage, NULL);
			break;
		default:
			err = take_option(o, c);
			break;
		}
		if (err)
			return err;
	}
	if (optind < argc)
		return bad("unexpected argument", argv[optind]);
	if (o->pid && kill((pid_t)o->pid, 0) && errno == ESRCH)
		return bad("there is no process", "-p");
	return 0;
}

static int send_to_journal(const struct iovec *iov, int n)
{
	return sd_journal_sendv(iov, n);
}

static void say_where(const struct listener *l, int n, const struct web_config *c)
{
	for (int i = 0; i < n; i++) {
		log_note("serving on %s%s", l[i].name, c->tls ? ", with TLS" : "");
		if (!l[i].local && (!c->tls || !c->nusers))
			log_note("who reaches %s %s; --web-config has both, docs/security.md the reasons", l[i].name,
				 c->nusers ? "sees passwords go by: there is no TLS" :
				 c->tls ? "is not asked for a password" : "may read everything: no TLS, no password");
	}
}

static int serve_http(struct serve *s, const struct listener *l, int n, const struct web_config *c)
{
	struct http *h = http_new(s, l, (size_t)n, c);
	int result;

	if (!h)
		return EXIT_FAILED;
	say_where(l, n, c);
	result = serve_run(s, h);
	http_free(h);
	return result;
}

static int serve_open(struct serve *s, const struct listener *l, int n, const struct web_config *c)
{
	struct source *source = s->options.replay ? replay_source() : live_source();
	int err;

	s->source = source;
	s->journal = journal_new(s->options.journal && !s->options.replay && !features_missing() ?
				 send_to_journal : NULL);
	s->watcher = s->journal ? watcher_new(s->journal) : NULL;
	if (!source || !s->watcher)
		return reason_explain("serve", ENOMEM);
	source->options = &s->options;
	source->journal = s->journal;
	err = source->open(source);
	return err ?: serve_http(s, l, n, c);
}

/* What would fail in the end is better told before the kernel has been busy for seconds. */
static int check_config(const struct serve *s, const struct web_config *c)
{
	if (c->tls && features_missing()) {
		log_error("this mmuscope is linked without %s; use the dynamic one, or a reverse proxy", features_missing());
		return -1;
	}
	return privilege_check_user(s->options.user);
}

static int serve_configured(struct serve *s, const struct web_config *c)
{
	struct listener l[LISTEN_MAX];
	int n = check_config(s, c) ? -1 : listen_open(s->options.listen, s->options.nlisten, l), result;

	if (n < 0)
		return EXIT_FAILED;
	s->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	result = serve_open(s, l, n, c);
	if (s->source)
		s->source->close(s->source);
	gathered_free(&s->now);
	watcher_free(s->watcher);
	journal_free(s->journal);
	close(s->statm);
	return result;
}

int cmd_serve(int argc, char **argv)
{
	struct serve s = { .started_ns = serve_clock_ns(), .started_at = time(NULL) };
	static struct web_config config;
	int err = parse(&s.options, argc, argv);
	sigset_t set;

	if (err)
		return err > 0 ? EXIT_OK : EXIT_FAILED;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	gathered_init();
	if (s.options.web_config && web_config_load(s.options.web_config, &config))
		err = EXIT_FAILED;
	err = err ?: serve_configured(&s, &config);
	web_config_free(&config);
	return err;
}
