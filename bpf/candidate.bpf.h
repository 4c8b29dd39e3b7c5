/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuscope walk --candidate: the programs at the entry and the exit of the user's function, which user
 * space gives them before they are loaded; judge.h says what is right.  Two pairs: by fentry and fexit,
 * and by kprobes for functions that BTF does not know.
 */
#ifndef MMUSCOPE_CANDIDATE_BPF_H
#define MMUSCOPE_CANDIDATE_BPF_H

#include "compare.bpf.h"

#include "judge.h"

static __always_inline struct candidate_counts *candidate_counts(void)
{
	u32 key = bpf_get_smp_processor_id() & (COUNT_SHARDS - 1);

	return bpf_map_lookup_elem(&candidate_counted, &key);
}

/* The current task, or one of its parents, is what we were asked to look at. */
GLOBAL u32 candidate_in_scope(void)
{
	return task_in_scope();
}

/* What is read at addr, width bytes, no more: the next page need not be there.  1: it could be read. */
GLOBAL u32 candidate_load(u64 addr, u32 width, u64 *out)
{
	u64 v = 0;

	if (!out || !addr)
		return 0;
	WALK_FORGET(width);
	if (width > sizeof(v) || bpf_probe_read_kernel(&v, width, (void *)addr))
		return 0;
	*out = v;
	return 1;
}

/* v as a number of width bytes. */
static __always_inline u64 candidate_number(u64 v, u32 width, u32 is_signed)
{
	switch (width) {
	case 1:
		return is_signed ? (u64)(s64)(signed char)v : v & 0xff;
	case 2:
		return is_signed ? (u64)(s64)(s16)v : v & 0xffff;
	case 4:
		return is_signed ? (u64)(s64)(s32)v : v & 0xffffffff;
	default:
		return v;
	}
}

static __always_inline bool candidate_below(u64 a, u64 b, u32 is_signed)
{
	return is_signed ? (s64)a < (s64)b : a < b;
}

GLOBAL u32 candidate_holds(u64 v, u32 compare, u64 operand, u32 is_signed)
{
	switch (compare) {
	case IS_EQUAL:
		return v == operand;
	case IS_DIFFERENT:
		return v != operand;
	case IS_BELOW:
		return candidate_below(v, operand, is_signed);
	case IS_AT_MOST:
		return !candidate_below(operand, v, is_signed);
	case IS_ABOVE:
		return candidate_below(operand, v, is_signed);
	case IS_AT_LEAST:
		return !candidate_below(v, operand, is_signed);
	default:
		return v != 0;
	}
}

/* The value that a word of the SPEC stands for.  0: it was not given, or cannot be read. */
GLOBAL u32 candidate_get(u32 key, const struct candidate_args *args, u64 *out)
{
	const struct candidate_value *v;
	struct candidate_spec *spec;
	u32 zero = 0, place;
	u64 x;

	spec = bpf_map_lookup_elem(&candidate_specs, &zero);
	if (!spec || !args || !out)
		return 0;
	v = &spec->value[below(key, CANDIDATE_KEYS)];
	if (!v->source)
		return 0;
	place = below(v->source - 1, CANDIDATE_ARGS + 1);
	x = args->v[place];
	for (u32 i = 0; i < CANDIDATE_LOADS && i < v->loads; i++)
		/* a NULL that leads nowhere: the caller did not want to know */
		if (!x || !candidate_load(x + v->offset[i], i + 1 < v->loads ? 8 : v->width, &x))
			return 0;
	x = candidate_number(x, v->width, v->is_signed) & v->mask;
	*out = v->compare ? candidate_holds(x, v->compare, v->operand, v->is_signed) : x;
	return 1;
}

/* Is the word given at all? */
GLOBAL u32 candidate_given(u32 key)
{
	struct candidate_spec *spec;
	u32 zero = 0;

	spec = bpf_map_lookup_elem(&candidate_specs, &zero);
	return spec && spec->value[below(key, CANDIDATE_KEYS)].source;
}

/* The walk that the answer is compared with.  Returns the backing of what it found. */
GLOBAL u32 candidate_walk(u64 pgd, u64 hva, struct candidate_walk *out)
{
	struct leaf leaf = {};
	u64 mapping;

	if (!out)
		return BACKING_NONE;
	out->result = walk_twice(host_walk, pgd, hva, &leaf);
	mapping = leaf_mapping(&leaf);
	out->entry = leaf.entry;
	out->pfn = leaf.pfn;
	out->level = leaf.level;
	out->why = leaf.why;
	out->secret = out->result == WALK_OK && mapping_is_secret(mapping);
	return backing_of(mapping);
}

/* The function is entered; args in the task's record. */
static __always_inline int candidate_begin(struct candidate_call *call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct candidate_counts *c = candidate_counts();
	u64 mm = (u64)task->mm, hva = 0, write = 0, given = 0;
	struct vm_info *vm;
	u32 *index;

	if (call->open != CALL_NONE)
		COUNT(c, unfinished, 1);
	call->open = CALL_LEFT_OUT;
	if (!candidate_get(CANDIDATE_HVA, &call->args, &hva)) {
		COUNT(c, unreadable, 1);
		return 0;
	}
	if (candidate_get(CANDIDATE_MM, &call->args, &given))
		mm = given;
	call->pgd = mm ? FIELD64(mm, struct mm_struct, pgd) : 0;
	if (!call->pgd) {
		COUNT(c, no_mm, 1);
		return 0;
	}
	candidate_get(CANDIDATE_WRITE, &call->args, &write);
	call->hva = hva;
	call->write = write != 0;
	index = bpf_map_lookup_elem(&mm_vms, &mm);
	vm = index ? bpf_map_lookup_elem(&vms, index) : NULL;
	call->kvm = vm ? vm->kvm : 0;
	/* first this, then the tables: what changes from here on is announced by a new one */
	call->seq = call->kvm ? kvm_invalidate_seq(call->kvm) : 0;
	candidate_walk(call->pgd, hva, &call->before);
	call->open = CALL_OPEN;
	return 0;
}

/* PG_LEVEL_x of a mapping of so many bytes; 0: none is. */
static __always_inline u32 level_of_shift(u64 shift)
{
	return shift == 12 ? 1 : shift == 21 ? 2 : shift == 30 ? 3 : 0;
}

static __always_inline u32 level_of_size(u64 size)
{
	return size == 1ULL << 12 ? 1 : size == 1ULL << 21 ? 2 : size == 1ULL << 30 ? 3 : 0;
}

enum { LEVEL_NOT_SAID, LEVEL_SAID, LEVEL_REFUSED };

/* What the answer says of the level; a word that is negative, or a level 0, is a refusal. */
GLOBAL u32 candidate_level(const struct candidate_args *args, u32 *level)
{
	u64 v = 0;

	if (!level || !args)
		return LEVEL_NOT_SAID;
	if (candidate_get(CANDIDATE_LEVEL, args, &v)) {
		*level = v > LEVELS ? LEVELS + 1 : v;
		return (s64)v > 0 ? LEVEL_SAID : LEVEL_REFUSED;
	}
	if (candidate_get(CANDIDATE_SHIFT, args, &v)) {
		*level = level_of_shift(v);
		return (s64)v > 0 ? LEVEL_SAID : LEVEL_REFUSED;
	}
	if (candidate_get(CANDIDATE_ORDER, args, &v)) {
		*level = level_of_shift(v + 12);
		return (s64)v >= 0 ? LEVEL_SAID : LEVEL_REFUSED;
	}
	if (candidate_get(CANDIDATE_SIZE, args, &v)) {
		*level = level_of_size(v);
		return (s64)v > 0 ? LEVEL_SAID : LEVEL_REFUSED;
	}
	return LEVEL_NOT_SAID;
}

/* Has the call an answer?  By ok, or else by the level.  2: cannot be told. */
static __always_inline u32 candidate_answers(const struct candidate_args *args, u32 level)
{
	u64 ok = 0;

	if (!candidate_given(CANDIDATE_OK))
		return level != LEVEL_REFUSED;
	return candidate_get(CANDIDATE_OK, args, &ok) ? ok != 0 : 2;
}

/* Take the answer out of registers and memory.  0: it cannot be read. */
GLOBAL u32 candidate_answer(struct candidate_call *call, struct candidate_facts *f)
{
	u32 said, answers, level = 0;
	u64 v = 0;

	if (!call || !f)
		return 0;
	said = candidate_level(&call->args, &level);
	answers = candidate_answers(&call->args, said);
	if (answers == 2)
		return 0;
	f->write = call->write;
	f->answered = answers;
	if (!answers)
		return 1;
	f->has_level = said != LEVEL_NOT_SAID;
	f->level = level;
	f->has_pfn = candidate_get(CANDIDATE_PFN, &call->args, &v);
	f->pfn = v;
	if (!f->has_pfn && candidate_get(CANDIDATE_PAGE, &call->args, &v)) {
		f->has_pfn = true;
		f->pfn = page_pfn(v);
	}
	f->has_rights = candidate_get(CANDIDATE_WRITABLE, &call->args, &v);
	f->writable = f->has_rights && v;
	f->secret = f->has_pfn && mapping_is_secret(folio_mapping_word(pfn_head(f->pfn)));
	return 1;
}

static __always_inline void candidate_say(struct candidate_says *out, const struct candidate_walk *w)
{
	out->found = w->result == WALK_OK;
	out->pfn = out->found ? w->pfn : 0;
	out->level = out->found ? w->level : 0;
	out->writable = out->found && pte_writable(w->entry);
	out->special = out->found && pte_special(w->entry);
	out->why = w->why;
}

/* Tell of an answer that must not be: the first ones only. */
GLOBAL int candidate_tell(u32 judged, u32 backing, struct candidate_call *call,
			  const struct candidate_walk *after, const struct candidate_facts *f)
{
	struct event_candidate *e;
	u64 id;

	if (!call || !after || !f || __sync_fetch_and_add(&stories, 1) >= cfg_max_stories)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		lost(LOSS_EVENT);
		return 0;
	}
	id = bpf_get_current_pid_tgid();
	e->head.type = EVENT_CANDIDATE;
	e->head.size = sizeof(*e);
	e->head.ns = bpf_ktime_get_ns();
	e->hva = call->hva;
	e->said.pfn = f->pfn;
	e->said.level = f->level;
	e->said.found = 1;
	e->said.writable = f->writable;
	e->said.special = 0;
	e->said.why = 0;
	candidate_say(&e->before, &call->before);
	candidate_say(&e->after, after);
	e->judged = judged;
	e->what = (f->has_pfn ? SAID_PFN : 0) | (f->has_level ? SAID_LEVEL : 0) |
		  (f->has_rights ? SAID_RIGHTS : 0) | (f->write ? ASKED_WRITE : 0);
	e->backing = backing;
	e->pid = id >> 32;
	e->tid = id;
	e->pad = 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

GLOBAL u32 candidate_judge(struct candidate_call *call, const struct candidate_walk *after,
			   const struct candidate_facts *f)
{
	return call && after && f ? judge(&call->before, after, f) : JUDGED_RACED;
}

/* The function has returned ret. */
GLOBAL int candidate_end(u64 ret)
{
	struct candidate_walk after = {};
	struct candidate_facts f = {};
	struct candidate_counts *c;
	struct candidate_call *call;
	u32 judged, backing, level;

	if (!cfg_candidate || !enabled || !candidate_in_scope())
		return 0;
	c = candidate_counts();
	call = bpf_task_storage_get(&candidate_calls, bpf_get_current_task_btf(), 0, 0);
	if (!call || call->open == CALL_NONE) {
		COUNT(c, unmatched, 1);
		return 0;
	}
	if (call->open == CALL_LEFT_OUT) {
		call->open = CALL_NONE;
		return 0;
	}
	call->open = CALL_NONE;
	call->args.v[CANDIDATE_RET] = ret;
	COUNT(c, calls, 1);
	if (!candidate_answer(call, &f)) {
		COUNT(c, unreadable, 1);
		return 0;
	}
	backing = below(candidate_walk(call->pgd, call->hva, &after), BACKING_NR);
	/* after the walk: what it has not found may just have been taken away, as announced before */
	if (call->kvm)
		f.raced = kvm_in_progress(call->kvm) || kvm_invalidate_seq(call->kvm) != call->seq;
	judged = below(candidate_judge(call, &after, &f), JUDGED_NR);
	level = below(after.level - 1, LEVELS);
	COUNT(c, judged[judged][backing], 1);
	if (!f.answered)
		return 0;
	COUNT(c, answers, 1);
	if (f.has_pfn)
		COUNT(c, pages, 1);
	if (after.result == WALK_OK)
		COUNT(c, level[level][backing], 1);
	if (judged_wrong(judged))
		candidate_tell(judged, backing, call, &after, &f);
	return 0;
}

/* The current task's record, if it is to be looked at. */
static __always_inline struct candidate_call *candidate_call(void)
{
	struct candidate_call *call;

	if (!cfg_candidate || !enabled || !candidate_in_scope())
		return NULL;
	call = bpf_task_storage_get(&candidate_calls, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call)
		lost(LOSS_TASK_STATE);
	return call;
}

/* ---- the programs ---- */

SEC("fentry")
int candidate_enter(void *ctx)
{
	struct candidate_call *call = candidate_call();

	if (!call)
		return 0;
	for (u32 i = 0; i < CANDIDATE_ARGS; i++)
		call->args.v[i] = arg_number(ctx, i);
	return candidate_begin(call);
}

SEC("fexit")
int candidate_exit(void *ctx)
{
	u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	return candidate_end(ret);
}

SEC("kprobe")
int candidate_kenter(struct pt_regs *regs)
{
	struct candidate_call *call = candidate_call();

	if (!call)
		return 0;
	call->args.v[0] = regs->di;
	call->args.v[1] = regs->si;
	call->args.v[2] = regs->dx;
	call->args.v[3] = regs->cx;
	call->args.v[4] = regs->r8;
	call->args.v[5] = regs->r9;
	return candidate_begin(call);
}

SEC("kretprobe")
int candidate_kexit(struct pt_regs *regs)
{
	return candidate_end(regs->ax);
}

#endif /* MMUSCOPE_CANDIDATE_BPF_H */
