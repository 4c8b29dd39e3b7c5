// SPDX-License-Identifier: GPL-2.0-only
/*
 * What later records refer to, and every file of a recording therefore has to have: the last META record,
 * the VMs that are there, and stacks, each of which is written once.
 */
#include "recording_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int keep_init(struct keep *k)
{
	k->slots = calloc(KEEP_SLOTS, sizeof(*k->slots));
	k->stacks = calloc(KEEP_STACKS, sizeof(*k->stacks));
	k->meta.sequence = NEVER_WRITTEN;
	return k->slots && k->stacks ? 0 : -ENOMEM;
}

void keep_deinit(struct keep *k)
{
	free(k->meta.body);
	for (size_t i = 0; i < k->nvms; i++)
		free(k->vms[i].body);
	for (size_t i = 0; i < k->nstacks; i++)
		free(k->stacks[i].body);
	free(k->vms);
	free(k->stacks);
	free(k->slots);
}

/* What one takes of KEEP_BYTES: as much as of a frame. */
static size_t weight(size_t size)
{
	return sizeof(struct record_head) + size + 8;
}

/* Put a body in the place of the one that is there.  0 or -ENOSPC, -ENOMEM: nothing has changed. */
static int kept_set(struct keep *k, struct kept *e, uint64_t ns, const void *body, size_t size)
{
	size_t before = e->body ? weight(e->size) : 0;
	uint8_t *copy;

	if (k->bytes - before + weight(size) > KEEP_BYTES)
		return -ENOSPC;
	copy = malloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, body, size);
	free(e->body);
	e->body = copy;
	e->size = (uint32_t)size;
	e->ns = ns;
	e->sequence = NEVER_WRITTEN;
	k->bytes += weight(size) - before;
	return 0;
}

static void kept_write(struct recording *w, uint16_t type, struct kept *e)
{
	/* when there is no memory for it, that is counted, and the next part has it */
	if (recording_take(w, type, 1, e->ns, e->body, e->size, false))
		return;
	e->sequence = w->sequence;
}

int recording_text(struct recording *w, uint16_t type, uint64_t ns, const char *text)
{
	size_t size = strlen(text);

	if (type != RECORD_META)
		return recording_put(w, type, 1, ns, text, size);
	if (size > META_MAX)
		return -E2BIG;
	if (kept_set(&w->keep, &w->keep.meta, ns, text, size))
		return recording_put(w, type, 1, ns, text, size);
	kept_write(w, type, &w->keep.meta);
	return 0;
}

static struct kept *vm_find(struct keep *k, uint32_t vm)
{
	for (size_t i = 0; i < k->nvms; i++)
		if (k->vms[i].key == vm)
			return &k->vms[i];
	return NULL;
}

static struct kept *vm_add(struct keep *k, uint32_t vm)
{
	struct kept *vms = realloc(k->vms, (k->nvms + 1) * sizeof(*vms));

	if (!vms)
		return NULL;
	k->vms = vms;
	vms[k->nvms] = (struct kept){ .key = vm, .sequence = NEVER_WRITTEN };
	return &vms[k->nvms++];
}

static void vm_forget(struct keep *k, struct kept *e)
{
	if (!e)
		return;
	if (e->body)
		k->bytes -= weight(e->size);
	free(e->body);
	*e = k->vms[--k->nvms];
}

int recording_vm(struct recording *w, uint64_t ns, uint32_t vm, const char *json)
{
	struct kept *e = vm_find(&w->keep, vm);
	size_t size = sizeof(struct record_vm) + strlen(json);
	struct record_vm *body = calloc(1, size + 1);
	int err = 0;

	if (!body)
		return -ENOMEM;
	body->vm = vm;
	memcpy(body->json, json, size - sizeof(*body));
	if (!e && *json)
		e = vm_add(&w->keep, vm);
	if (e && *json && !kept_set(&w->keep, e, ns, body, size)) {
		kept_write(w, RECORD_VM, e);
	} else {
		vm_forget(&w->keep, e);
		w->totals.refused_vms += *json != '\0';
		err = recording_put(w, RECORD_VM, 1, ns, body, size);
	}
	free(body);
	return err;
}

/* FNV-1a */
static uint64_t hash(const char *text, size_t size)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3;
	return h ^ h >> 32;
}

static bool stack_is(const struct kept *e, const char *text, size_t size)
{
	return e->size == sizeof(struct record_stack) + size &&
	       !memcmp(e->body + sizeof(struct record_stack), text, size);
}

/* The slot that has the stack's id, or the free one that is to have it; at least half of all are free. */
static uint16_t *stack_slot(struct keep *k, const char *text, size_t size)
{
	size_t at = hash(text, size) % KEEP_SLOTS;

	while (k->slots[at] && !stack_is(&k->stacks[k->slots[at] - 1], text, size))
		at = (at + 1) % KEEP_SLOTS;
	return &k->slots[at];
}

static struct kept *stack_add(struct keep *k, uint64_t ns, const char *text, size_t size)
{
	struct record_stack *body;
	struct kept *e;
	int err;

	if (k->nstacks == KEEP_STACKS)
		return NULL;
	e = &k->stacks[k->nstacks];
	*e = (struct kept){ .key = (uint32_t)k->nstacks + 1, .sequence = NEVER_WRITTEN };
	body = calloc(1, sizeof(*body) + size + 1);
	if (!body)
		return NULL;
	body->id = e->key;
	memcpy(body->text, text, size);
	err = kept_set(k, e, ns, body, sizeof(*body) + size);
	free(body);
	if (err)
		return NULL;
	k->nstacks++;
	return e;
}

uint32_t recording_stack(struct recording *w, uint64_t ns, const char *text)
{
	size_t size = strlen(text);
	uint16_t *slot = stack_slot(&w->keep, text, size);
	struct kept *e;

	if (*slot)
		return *slot;
	e = stack_add(&w->keep, ns, text, size);
	if (!e) {
		w->totals.refused_stacks++;
		return 0;
	}
	*slot = (uint16_t)e->key;
	kept_write(w, RECORD_STACK, e);
	return e->key;
}

static void write_some(struct recording *w, bool all, uint64_t sequence)
{
	struct keep *k = &w->keep;

	if (k->meta.body && (all || k->meta.sequence == sequence))
		kept_write(w, RECORD_META, &k->meta);
	for (size_t i = 0; i < k->nvms; i++)
		if (all || k->vms[i].sequence == sequence)
			kept_write(w, RECORD_VM, &k->vms[i]);
	for (size_t i = 0; i < k->nstacks; i++)
		if (all || k->stacks[i].sequence == sequence)
			kept_write(w, RECORD_STACK, &k->stacks[i]);
}

void keep_write_all(struct recording *w)
{
	write_some(w, true, 0);
}

void keep_write_again(struct recording *w, uint64_t sequence)
{
	write_some(w, false, sequence);
}
