// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of host leaves and SPTEs, unit by unit.
 */
#include "expect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 8		/* KVM's PTE_PREFETCH_NUM */

static const char *const names[COUNTS] = {
	[COUNT_HVA_TO_PFN] = "hva_to_pfn",
	[COUNT_INSTALLS_4K] = "installs_4k",
	[COUNT_INSTALLS_2M] = "installs_2m",
	[COUNT_INSTALLS_1G] = "installs_1g",
	[COUNT_ZAPS] = "zaps",
	[COUNT_ZAPS_TEARDOWN] = "zaps_teardown",
	[COUNT_PAGES_4K] = "pages_4k",
	[COUNT_PAGES_2M] = "pages_2m",
	[COUNT_PAGES_1G] = "pages_1g",
};

const char *count_name(enum count_id id)
{
	return names[id];
}

static void count(struct model *m, unsigned int id, uint64_t n)
{
	m->expect->counts[id].n += n;
}

void expect_blur(struct expect *e, unsigned int mask, const char *why)
{
	for (unsigned int i = 0; i < COUNTS; i++)
		if (mask & (1u << i) && !e->counts[i].why)
			e->counts[i].why = why;
}

bool expect_bounded(const struct expect *e, enum count_id id)
{
	return !(e->unbounded & 1u << id) && id < COUNT_ZAPS_TEARDOWN;
}

int model_init(struct model *m, struct expect *e, size_t pages, size_t unit, enum level level,
	       enum host_pte on_read, size_t vcpus)
{
	m->expect = e;
	m->pages = pages;
	m->unit = unit;
	m->units = (pages + unit - 1) / unit;
	m->level = level;
	m->on_read = on_read;
	m->code_pages = vcpus;
	m->ahead = false;
	m->slot_pages = pages;
	m->twin = NULL;
	m->borrowed = false;
	m->own_pages = false;
	m->host = calloc(m->units, sizeof(*m->host));
	m->spte = calloc(m->units, sizeof(*m->spte));
	m->code_mapped = calloc(vcpus, sizeof(*m->code_mapped));
	if (m->host && m->spte && m->code_mapped)
		return 0;
	model_deinit(m);
	return -ENOMEM;
}

int model_init_twin(struct model *m, struct model *of)
{
	int err = model_init(m, of->expect, of->pages, of->unit, of->level, of->on_read,
			     of->code_pages);

	if (err)
		return err;
	free(m->host);
	m->host = of->host;
	m->ahead = of->ahead;
	m->slot_pages = of->slot_pages;
	m->own_pages = of->own_pages;
	m->borrowed = true;
	m->twin = of;
	of->twin = m;
	return 0;
}

void model_deinit(struct model *m)
{
	if (!m->borrowed)
		free(m->host);
	free(m->spte);
	free(m->code_mapped);
	m->host = NULL;
	m->spte = NULL;
	m->code_mapped = NULL;
	m->units = 0;
	m->code_pages = 0;
}

static void zap_own(struct model *m, size_t u)
{
	if (m->spte[u] == SPTE_NONE)
		return;
	m->spte[u] = SPTE_NONE;
	count(m, COUNT_ZAPS, 1);
}

/* What the host does to a page reaches all that maps it. */
static void zap(struct model *m, size_t u)
{
	zap_own(m, u);
	if (m->twin)
		zap_own(m->twin, u);
}

static void install(struct model *m, size_t u, enum spte spte)
{
	if (m->spte[u] == SPTE_NONE)
		count(m, COUNT_INSTALLS_4K + m->level, 1);
	m->spte[u] = (uint8_t)spte;
}

void model_map_ahead(struct model *m, size_t slot_pages)
{
	m->ahead = true;
	m->slot_pages = slot_pages;
}

/* A run of pages without an SPTE; false: KVM gives up for this fault. */
static bool ahead_run(struct model *m, size_t first, size_t end)
{
	size_t u = first;

	if (end > m->slot_pages)
		return false;
	for (; u < end && u < m->units && m->host[u] == HOST_RW; u++)
		install(m, u, SPTE_RW);
	return u > first;
}

static void map_ahead(struct model *m, size_t fault)
{
	size_t block = fault - fault % AHEAD;
	size_t first = block;

	if (!m->ahead || m->unit != 1)
		return;
	for (size_t u = block; u < block + AHEAD; u++) {
		if (u >= m->units || m->spte[u] == SPTE_NONE)
			continue;
		if (first < u && !ahead_run(m, first, u))
			return;
		first = u + 1;
	}
	if (first < block + AHEAD)
		ahead_run(m, first, block + AHEAD);
}

void model_code(struct model *m, size_t vcpu)
{
	if (m->code_mapped[vcpu])
		return;
	m->code_mapped[vcpu] = true;
	count(m, COUNT_HVA_TO_PFN, 1);
	count(m, COUNT_INSTALLS_4K, 1);
}

/* Of what comes back from swap we assume what makes the fewest faults: counts are bounds then. */
static void host_read(struct model *m, size_t u)
{
	if (m->host[u] == HOST_NONE) {
		m->host[u] = (uint8_t)m->on_read;
		/* Files in memory: what is there already around the page comes along. */
		if (m->ahead && m->unit == 1 && m->on_read == HOST_RW)
			expect_blur(m->expect, BLUR_ALL, "a read maps pages around it on the host");
	}
	if (m->host[u] == HOST_GONE)
		m->host[u] = HOST_RW;
}

static void guest_read(struct model *m, size_t u)
{
	if (m->spte[u] != SPTE_NONE)
		return;
	host_read(m, u);
	count(m, COUNT_HVA_TO_PFN, !m->own_pages);
	install(m, u, m->host[u] == HOST_RW ? SPTE_RW : SPTE_RO);
	map_ahead(m, u);
}

static void guest_write(struct model *m, size_t u)
{
	if (m->spte[u] == SPTE_RW)
		return;
	count(m, COUNT_HVA_TO_PFN, !m->own_pages);
	if (m->host[u] == HOST_ZERO || m->host[u] == HOST_COW) {
		/*
		 * Copy on write invalidates the page in the middle of the fault: the SPTE that was
		 * there goes, the fault finds its answer stale, and the guest faults once more.
		 */
		zap(m, u);
		count(m, COUNT_HVA_TO_PFN, 1);
	}
	m->host[u] = HOST_RW;
	install(m, u, SPTE_RW);
	map_ahead(m, u);
}

void model_guest(struct model *m, size_t first, size_t end, bool write)
{
	if (first >= end)
		return;
	for (size_t u = first / m->unit; u <= (end - 1) / m->unit; u++) {
		if (write)
			guest_write(m, u);
		else
			guest_read(m, u);
	}
}

void model_vmm(struct model *m, size_t first, size_t end, bool write)
{
	if (first >= end)
		return;
	for (size_t u = first / m->unit; u <= (end - 1) / m->unit; u++) {
		if (!write) {
			host_read(m, u);
			continue;
		}
		if (m->host[u] == HOST_ZERO || m->host[u] == HOST_COW)
			zap(m, u);
		m->host[u] = HOST_RW;
	}
}

void model_invalidate(struct model *m, size_t first, size_t end, enum host_pte to)
{
	if (first >= end)
		return;
	for (size_t u = first / m->unit; u <= (end - 1) / m->unit; u++) {
		zap(m, u);
		if (m->host[u] != HOST_NONE && to != HOST_KEEP)
			m->host[u] = (uint8_t)to;
	}
}

void model_clean(struct model *m)
{
	for (size_t u = 0; u < m->units; u++) {
		if (m->host[u] != HOST_RW)
			continue;
		zap(m, u);
		m->host[u] = HOST_RO;
	}
}

void model_protect(struct model *m)
{
	for (size_t u = 0; u < m->units; u++)
		if (m->spte[u] == SPTE_RW)
			m->spte[u] = SPTE_RO;
}

void model_zap_all(struct model *m)
{
	for (size_t u = 0; u < m->units; u++)
		zap(m, u);
	for (size_t i = 0; i < m->code_pages; i++) {
		if (m->code_mapped[i])
			count(m, COUNT_ZAPS, 1);
		m->code_mapped[i] = false;
	}
}

int model_resize(struct model *m, size_t unit, enum level level)
{
	size_t units = (m->pages + unit - 1) / unit;
	uint8_t *host = malloc(units);
	uint8_t *spte = calloc(units, 1);

	if (!host || !spte) {
		free(host);
		free(spte);
		return -ENOMEM;
	}
	for (size_t u = 0; u < m->units; u++)
		zap(m, u);
	memset(host, HOST_RW, units);
	free(m->host);
	free(m->spte);
	m->host = host;
	m->spte = spte;
	m->unit = unit;
	m->units = units;
	m->level = level;
	return 0;
}

void model_observe(struct model *m, const uint8_t *fates)
{
	for (size_t u = 0; u < m->units; u++) {
		if (fates[u * m->unit] == FATE_SAME)
			continue;
		zap(m, u);
		if (fates[u * m->unit] == FATE_GONE)
			m->host[u] = HOST_GONE;
	}
}

size_t model_mapped(const struct model *m)
{
	size_t n = 0;

	for (size_t u = 0; u < m->units; u++)
		n += m->spte[u] != SPTE_NONE;
	return n;
}

void model_finish(struct model *m, bool live)
{
	size_t mapped = model_mapped(m);
	size_t code = 0;

	for (size_t i = 0; i < m->code_pages; i++)
		code += m->code_mapped[i];
	/* a guest_memfd that is still mapped keeps its VM: all goes with the mappings, before the VM ends */
	count(m, m->own_pages ? COUNT_ZAPS : COUNT_ZAPS_TEARDOWN, mapped + code);
	if (!live)
		return;
	count(m, COUNT_PAGES_4K + m->level, mapped);
	count(m, COUNT_PAGES_4K, code);
}
