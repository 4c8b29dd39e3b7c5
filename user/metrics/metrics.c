// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of metrics.
 */
#include "user/judge/ledger.h"
#include "user/judge/lookups.h"
#include "metrics.h"

#include "user/host/probe.h"
#include "user/host/notifier.h"
#include "user/sink/report.h"

#include <string.h>

#define L0 { LABEL_NONE }
#define L1(a) { LABEL_##a }
#define L2(a, b) { LABEL_##a, LABEL_##b }
#define L3(a, b, c) { LABEL_##a, LABEL_##b, LABEL_##c }
#define L4(a, b, c, d) { LABEL_##a, LABEL_##b, LABEL_##c, LABEL_##d }

static const struct metric_info metrics[METRIC_NR] = {
#define LABEL(id, name, values, text)
#define METRIC(id, name_, type_, unit_, scale_, labels_, presence_, source_, text_)                \
	[METRIC_##id] = {.name = name_,                                                            \
			 .type = type_,                                                            \
			 .unit = unit_,                                                            \
			 .scale = scale_,                                                          \
			 .labels = labels_,                                                        \
			 .presence = presence_,                                                    \
			 .source = source_,                                                        \
			 .text = text_},
#include "metrics.def"
#undef LABEL
#undef METRIC
};

static const char *const labels[LABEL_NR] = {
#define LABEL(id, name, values, text) [LABEL_##id] = name,
#define METRIC(id, name, type, unit, scale, labels, presence, source, text)
#include "metrics.def"
#undef LABEL
#undef METRIC
};

const struct metric_info *metric_info(enum metric m)
{
	return &metrics[m];
}

int metric_find(const char *name)
{
	for (int m = 0; m < METRIC_NR; m++)
		if (!strcmp(metrics[m].name, name))
			return m;
	return -1;
}

int metric_label(enum metric m, const char *name)
{
	for (int i = 0; i < METRIC_LABELS && metrics[m].labels[i]; i++)
		if (!strcmp(labels[metrics[m].labels[i]], name))
			return i;
	return -1;
}

const char *metric_type_name(enum metric_type t)
{
	static const char *const names[] = { "counter", "gauge", "gauge", "histogram" };

	return names[t];
}

const char *label_name(enum label l)
{
	return labels[l];
}

static const char *of_list(const char *const *list, size_t n, int i)
{
	return (size_t)i < n ? list[i] : NULL;
}

const char *label_value(enum label l, int i)
{
	static const char *const errors[] = { "fault", "hwpoison", "ro", "sigpending", "io", "other" };
	static const char *const sides[] = { "agrees", "against" };
	static const char *const asked[] = { [LOOKUP_READ] = "read", [LOOKUP_WRITE] = "write" };
	static const char *const places[] = { "map", "zap" };
	static const char *const modes[] = { "live", "replay" };
	static const char *const routes[] = { "metrics", "api", "page", "health", "other" };
	static const char *const entries[] = { "sent", "suppressed", "failed" };

	switch (l) {
	case LABEL_LEVEL:
		return i < LEVELS ? level_name(i) : NULL;
	case LABEL_ERROR:
		return of_list(errors, HVA_NR - HVA_ERR_FAULT, i);
	case LABEL_EVENT:
		return i < NOTIFIER_EVENTS ? notifier_event_name(i) : NULL;
	case LABEL_INVARIANT:
		return i < INV_NR ? invariant_name((enum invariant)i) : NULL;
	case LABEL_VERDICT:
		return i <= NOT_APPLICABLE ? value_name((enum value)i) : NULL;
	case LABEL_LOSS:
		return i < LOSS_NR ? loss_name((enum loss)i) : NULL;
	case LABEL_HOOK:
		return i < HOOK_NR ? hook_name((enum hook)i) : NULL;
	case LABEL_CLAIM:
		return i < CLAIM_NR ? claim_name((enum claim)i) : NULL;
	case LABEL_SIDE:
		return of_list(sides, 2, i);
	case LABEL_BACKING:
		return i < BACKING_NR ? backing_name((enum backing)i) : NULL;
	case LABEL_ANSWER:
		return i <= UNDECIDED ? claim_value_name((enum claim_value)i) : NULL;
	case LABEL_WHERE:
		return of_list(places, 2, i);
	case LABEL_HOST_LEVEL:
		return i < HOST_LEVELS ? host_level_name(i) : NULL;
	case LABEL_WHY:
		return i < LOW_NR ? level_cause_name((enum level_cause)i) : NULL;
	case LABEL_ASKED:
		return of_list(asked, LOOKUP_KINDS, i);
	case LABEL_BEFORE:
		return i < SERVES_NR ? serves_name((enum serves)i) : NULL;
	case LABEL_COMPARED:
		return i < COMPARED_NR ? compared_name((enum compared)i) : NULL;
	case LABEL_MODE:
		return of_list(modes, 2, i);
	case LABEL_ROUTE:
		return of_list(routes, 5, i);
	case LABEL_ENTRY:
		return of_list(entries, 3, i);
	case LABEL_PFN:
		return i < PFN_CLASSES ? frame_name((unsigned int)i) : NULL;
	default:
		return NULL;
	}
}

double metric_bucket_edge(enum metric m, int bucket)
{
	/* values are whole numbers: the largest of bucket b is 2^b - 1 */
	return ((double)(1ULL << bucket) - 1) * metrics[m].scale;
}
