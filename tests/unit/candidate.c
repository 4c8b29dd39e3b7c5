// SPDX-License-Identifier: GPL-2.0-only
/*
 * A candidate for the new lookup: its SPEC, by text and by types, and what is said of its answers.
 */
#include "tables.h"

#include "bpf/judge.h"
#include "user/judge/candidate.h"

#include <bpf/btf.h>

/* ---- the SPEC ---- */

static struct candidate parsed(const char *spec)
{
	struct candidate_error error;
	struct candidate c;

	if (candidate_parse(spec, &c, &error))
		fail_msg("%s: column %zu: %s", spec, error.column, error.text);
	return c;
}

static void a_spec_has_all_its_parts(void **state)
{
	struct candidate c = parsed(" my_lookup ( hva = arg1->in.addr , mm=arg2, write=arg3:u8&0x10,"
				    "pfn=*arg4->out:u64,level=ret:s32, writable=*arg5:u8, ok=ret:s32>=-4)");
	const struct candidate_term *t;

	(void)state;
	assert_string_equal(c.function, "my_lookup");
	t = &c.term[CANDIDATE_HVA];
	assert_true(t->given && t->source == 1 && t->nfields == 2 && !t->deref);
	assert_true(t->field[0].arrow && !t->field[1].arrow);
	assert_string_equal(t->field[0].name, "in");
	assert_string_equal(t->field[1].name, "addr");
	t = &c.term[CANDIDATE_WRITE];
	assert_true(t->width == 1 && !t->is_signed && t->masked && t->mask == 0x10);
	t = &c.term[CANDIDATE_PFN];
	assert_true(t->deref && t->source == 4 && t->nfields == 1 && t->width == 8);
	t = &c.term[CANDIDATE_LEVEL];
	assert_true(t->source == CANDIDATE_RET + 1 && t->width == 4 && t->is_signed);
	t = &c.term[CANDIDATE_OK];
	assert_true(t->compare == IS_AT_LEAST && t->operand == (uint64_t)-4);
	assert_false(c.term[CANDIDATE_PAGE].given);
}

static void every_error_has_its_place(void **state)
{
	static const struct {
		const char *spec;
		size_t column;
		const char *text;
	} rows[] = {
		{ "", 1, "the name of a function is missing" },
		{ "3(hva=arg1)", 1, "the name of a function is missing" },
		{ "f", 2, "'(' is missing" },
		{ "f(", 3, "a word" },
		{ "f(hwa=arg1,pfn=ret)", 3, "'hwa' is none of" },
		{ "f(hva)", 6, "'=' is missing" },
		{ "f(hva=)", 7, "arg1 to arg6, or ret, is missing" },
		{ "f(hva=arg7,pfn=ret)", 7, "'arg7' is neither" },
		{ "f(hva=arg0,pfn=ret)", 7, "'arg0' is neither" },
		{ "f(hva=arg12,pfn=ret)", 7, "'arg12' is neither" },
		{ "f(hva=ret,pfn=ret)", 7, "'hva' is read at the entry" },
		{ "f(hva=arg1.x,pfn=ret)", 11, "a register holds no struct" },
		{ "f(hva=arg1->,pfn=ret)", 13, "the name of a field is missing" },
		{ "f(hva=arg1:u9,pfn=ret)", 12, "'u9' is no width" },
		{ "f(hva=arg1&x,pfn=ret)", 12, "a number is missing" },
		{ "f(hva=arg1,pfn=ret,ok=ret==)", 28, "a number is missing" },
		{ "f(hva=arg1,pfn=ret,ok=ret==12z)", 28, "not a number" },
		{ "f(hva=arg1,pfn=ret,ok=ret==99999999999999999999)", 28, "not a number" },
		{ "f(hva=arg1,hva=arg2,pfn=ret)", 12, "'hva' is given twice" },
		{ "f(hva=arg1,level=ret,shift=ret)", 22, "'shift' says what another word" },
		{ "f(hva=arg1,pfn=ret,page=ret)", 20, "'page' says what another word" },
		{ "f(hva=arg1,pfn=ret", 19, "')' is missing" },
		{ "f(hva=arg1,pfn=ret)x", 20, "nothing may follow" },
		{ "f(pfn=ret)", 11, "hva=... is missing" },
		{ "f(hva=arg1,ok=ret)", 19, "nothing to judge" },
		{ "f(hva=arg1->a->b->c->d->e->f->g,pfn=ret)", 31, "more than 6 fields" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct candidate_error error = { 0 };
		struct candidate c;

		if (!candidate_parse(rows[i].spec, &c, &error))
			fail_msg("'%s' was taken", rows[i].spec);
		if (error.column != rows[i].column || !strstr(error.text, rows[i].text))
			fail_msg("'%s': column %zu: %s", rows[i].spec, error.column, error.text);
	}
}

/* ---- by types ---- */

/*
 * struct inner { u32 a; u64 b; }; struct outer { u64 x; struct inner in; struct inner *next;
 * union { s32 y; u32 z:3; }; };
 * s32 f(unsigned long hva, bool write, unsigned long *pfn, struct outer *o, void *v)
 */
static struct btf *types_of_f(int *function)
{
	struct btf *btf = btf__new_empty();
	int u32_id, u64_id, s32_id, bool_id, inner, outer, p_inner, p_u64, p_outer, p_void, proto, any;

	assert_non_null(btf);
	u32_id = btf__add_int(btf, "unsigned int", 4, 0);
	u64_id = btf__add_int(btf, "unsigned long", 8, 0);
	s32_id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	bool_id = btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL);
	inner = btf__add_struct(btf, "inner", 16);
	btf__add_field(btf, "a", u32_id, 0, 0);
	btf__add_field(btf, "b", u64_id, 64, 0);
	p_inner = btf__add_ptr(btf, inner);
	any = btf__add_union(btf, "", 4);
	btf__add_field(btf, "y", s32_id, 0, 0);
	btf__add_field(btf, "z", u32_id, 0, 3);
	outer = btf__add_struct(btf, "outer", 40);
	btf__add_field(btf, "x", u64_id, 0, 0);
	btf__add_field(btf, "in", inner, 64, 0);
	btf__add_field(btf, "next", p_inner, 192, 0);
	btf__add_field(btf, "", any, 256, 0);
	p_u64 = btf__add_ptr(btf, u64_id);
	p_outer = btf__add_ptr(btf, outer);
	p_void = btf__add_ptr(btf, 0);
	proto = btf__add_func_proto(btf, s32_id);
	btf__add_func_param(btf, "hva", u64_id);
	btf__add_func_param(btf, "write", bool_id);
	btf__add_func_param(btf, "pfn", p_u64);
	btf__add_func_param(btf, "o", p_outer);
	btf__add_func_param(btf, "v", p_void);
	*function = btf__add_func(btf, "f", BTF_FUNC_STATIC, proto);
	assert_true(*function > 0);
	return btf;
}

static void types_give_offsets_and_widths(void **state)
{
	struct candidate c = parsed("f(hva=arg1,write=arg2,pfn=*arg3,level=ret,writable=arg4->next->b&1,"
				    "ok=arg4->in.b)");
	struct candidate_types types;
	struct candidate_error error;
	const struct candidate_value *v;
	struct candidate_spec spec;
	struct btf *btf = types_of_f(&types.function);

	(void)state;
	types.btf = btf;
	assert_true(candidate_fits_trampoline(&types));
	assert_int_equal(candidate_resolve(&c, &types, &spec, &error), 0);
	v = spec.value;
	assert_true(v[CANDIDATE_HVA].source == 1 && v[CANDIDATE_HVA].width == 8 && !v[CANDIDATE_HVA].loads);
	assert_true(v[CANDIDATE_WRITE].width == 1 && v[CANDIDATE_WRITE].mask == UINT64_MAX);
	assert_true(v[CANDIDATE_PFN].loads == 1 && v[CANDIDATE_PFN].width == 8);
	assert_int_equal(v[CANDIDATE_PFN].offset[0], 0);
	assert_true(v[CANDIDATE_LEVEL].width == 4 && v[CANDIDATE_LEVEL].is_signed);
	v = &spec.value[CANDIDATE_WRITABLE];
	assert_true(v->loads == 2 && v->offset[0] == 24 && v->offset[1] == 8);
	assert_true(v->width == 8 && v->mask == 1);
	v = &spec.value[CANDIDATE_OK];
	assert_true(v->loads == 1 && v->offset[0] == 16 && v->width == 8);
	assert_false(spec.value[CANDIDATE_PAGE].source);
	c = parsed("f(hva=arg1,level=arg4->y)");
	assert_int_equal(candidate_resolve(&c, &types, &spec, &error), 0);
	v = &spec.value[CANDIDATE_LEVEL];
	assert_true(v->offset[0] == 32 && v->width == 4 && v->is_signed);
	btf__free(btf);
}

static void types_refuse_what_they_do_not_have(void **state)
{
	static const struct {
		const char *spec;
		size_t column;
		const char *text;
	} rows[] = {
		{ "f(hva=arg6,pfn=ret)", 7, "hva: the function has 5 arguments" },
		{ "f(hva=*arg1,pfn=ret)", 7, "hva: '*' before what is no pointer" },
		{ "f(hva=arg1->x,pfn=ret)", 7, "before '->x' is no pointer to a struct" },
		{ "f(hva=arg1,pfn=arg4->nox)", 16, "struct outer has no member nox" },
		{ "f(hva=arg1,pfn=arg4->z)", 16, "no member z that is not a bit field" },
		{ "f(hva=arg1,pfn=arg4->in)", 16, "is no number, bool or pointer" },
		{ "f(hva=arg1,pfn=arg4->x.b)", 16, "before '.b' is no struct" },
		{ "f(hva=arg1,pfn=*arg5)", 16, "give a width" },
	};
	struct candidate_types types;
	struct btf *btf = types_of_f(&types.function);

	(void)state;
	types.btf = btf;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct candidate c = parsed(rows[i].spec);
		struct candidate_error error = { 0 };
		struct candidate_spec spec;

		if (!candidate_resolve(&c, &types, &spec, &error))
			fail_msg("'%s' was taken", rows[i].spec);
		if (error.column != rows[i].column || !strstr(error.text, rows[i].text))
			fail_msg("'%s': column %zu: %s", rows[i].spec, error.column, error.text);
	}
	btf__free(btf);
}

static void without_types_memory_needs_a_width(void **state)
{
	struct candidate_types none = { .btf = NULL };
	struct candidate c = parsed("f(hva=arg1,pfn=*arg2:u64,level=ret:s32)");
	struct candidate_error error;
	struct candidate_spec spec;

	(void)state;
	assert_false(candidate_fits_trampoline(&none));
	assert_int_equal(candidate_resolve(&c, &none, &spec, &error), 0);
	assert_int_equal(spec.value[CANDIDATE_HVA].width, 8);
	assert_int_equal(spec.value[CANDIDATE_PFN].loads, 1);
	c = parsed("f(hva=arg1,pfn=*arg2)");
	assert_true(candidate_resolve(&c, &none, &spec, &error) < 0 && strstr(error.text, "give a width"));
	c = parsed("f(hva=arg1,pfn=arg2->x:u64)");
	assert_true(candidate_resolve(&c, &none, &spec, &error) < 0 && strstr(error.text, "BTF does not have"));
}

/* ---- the judge ---- */

enum { P = PTE_PRESENT, W = PTE_WRITABLE, S = PTE_SPECIAL };

static const struct candidate_walk rw = { .entry = P | W, .pfn = 0x1234, .level = 1 };
static const struct candidate_walk ro = { .entry = P, .pfn = 0x1234, .level = 1 };
static const struct candidate_walk huge = { .entry = P | W, .pfn = 0x1234, .level = 2 };
static const struct candidate_walk other = { .entry = P | W, .pfn = 0x1235, .level = 1 };
static const struct candidate_walk special = { .entry = P | W | S, .pfn = 0x1234, .level = 1 };
static const struct candidate_walk secret = { .entry = P | W, .pfn = 0x1234, .level = 1, .secret = 1 };
static const struct candidate_walk none = { .result = WALK_NONE, .level = 1, .why = WHY_EMPTY };
static const struct candidate_walk prot_none = {
	.entry = PTE_PROTNONE, .result = WALK_NONE, .pfn = 0x1234, .level = 1, .why = WHY_PROT_NONE,
};
static const struct candidate_walk torn = { .result = WALK_TORN };

static const struct candidate_facts says_rw = {
	.pfn = 0x1234, .level = 1, .answered = true, .has_pfn = true, .has_level = true, .has_rights = true,
	.writable = true,
};

/* the same before and after */
static u32 still(const struct candidate_walk *w, const struct candidate_facts *f)
{
	return judge(w, w, f);
}

static void a_still_page_has_one_right_answer(void **state)
{
	struct candidate_facts f = says_rw;

	(void)state;
	assert_int_equal(still(&rw, &f), JUDGED_SAME);
	assert_int_equal(still(&special, &f), JUDGED_SAME);
	assert_int_equal(still(&none, &f), GUILTY_MISSING);
	assert_int_equal(still(&prot_none, &f), GUILTY_PROT_NONE);
	assert_int_equal(still(&other, &f), GUILTY_PAGE);
	assert_int_equal(still(&huge, &f), GUILTY_LEVEL);
	assert_int_equal(still(&ro, &f), GUILTY_WRITABLE);
	assert_int_equal(still(&torn, &f), JUDGED_RACED);
	f.writable = false;
	assert_int_equal(still(&rw, &f), GUILTY_READ_ONLY);
	assert_int_equal(still(&ro, &f), JUDGED_SAME);
	f.write = true;
	assert_int_equal(still(&ro, &f), GUILTY_WRITE);
	/* what is not said cannot be wrong */
	f = (struct candidate_facts){ .answered = true, .has_level = true, .level = 2, .pfn = 7 };
	assert_int_equal(still(&huge, &f), JUDGED_SAME);
	f.has_pfn = true;
	assert_int_equal(still(&huge, &f), GUILTY_PAGE);
}

static void to_refuse_is_allowed(void **state)
{
	struct candidate_facts f = { .answered = false };

	(void)state;
	assert_int_equal(still(&none, &f), JUDGED_NONE);
	assert_int_equal(still(&prot_none, &f), JUDGED_NONE);
	assert_int_equal(still(&rw, &f), JUDGED_GAVE_UP);
	assert_int_equal(still(&secret, &f), JUDGED_SECRET);
	assert_int_equal(still(&special, &f), JUDGED_SPECIAL);
	assert_int_equal(still(&ro, &f), JUDGED_GAVE_UP);
	f.write = true;
	assert_int_equal(still(&ro, &f), JUDGED_NONE);
}

static void secret_pages_are_nobody_s(void **state)
{
	struct candidate_facts f = says_rw;

	(void)state;
	f.secret = true;
	assert_int_equal(still(&secret, &f), GUILTY_SECRET);
	/* a page that was given back meanwhile, and is somebody else's secret by now */
	assert_int_equal(judge(&rw, &none, &f), JUDGED_BEFORE);
	f.raced = true;
	assert_int_equal(judge(&none, &none, &f), JUDGED_RACED);
	assert_int_equal(still(&secret, &f), GUILTY_SECRET);
}

static void a_race_excuses_and_is_counted(void **state)
{
	struct candidate_walk young = rw;
	struct candidate_facts f = says_rw;

	(void)state;
	assert_int_equal(judge(&none, &rw, &f), JUDGED_SAME);
	assert_int_equal(judge(&rw, &none, &f), JUDGED_BEFORE);
	assert_int_equal(judge(&other, &none, &f), JUDGED_RACED);
	assert_int_equal(judge(&rw, &torn, &f), JUDGED_BEFORE);
	f.raced = true;
	assert_int_equal(still(&other, &f), JUDGED_RACED);
	f.raced = false;
	/* bits that the CPU sets are no change */
	young.entry |= PTE_ACCESSED | PTE_DIRTY;
	f.pfn = 0x999;
	assert_int_equal(judge(&rw, &young, &f), GUILTY_PAGE);
	assert_int_equal(judge(&rw, &ro, &f), JUDGED_RACED);
}

/* ---- verdicts ---- */

static void verdicts_need_answers_and_nothing_missed(void **state)
{
	struct candidate_report r = { .function = "f" };

	(void)state;
	assert_int_equal(candidate_overall(&r), INCONCLUSIVE);
	r.counts.calls = 9;
	r.counts.judged[JUDGED_NONE][BACKING_NONE] = 9;
	assert_int_equal(candidate_judge(&r, WALKER_AGREES).value, NO_OCCASION);
	assert_int_equal(candidate_overall(&r), INCONCLUSIVE);
	r.counts.answers = r.counts.judged[JUDGED_SAME][BACKING_ANON] = 5;
	assert_int_equal(candidate_overall(&r), HELD);	/* it says nothing of pages */
	r.counts.pages = 5;
	assert_int_equal(candidate_overall(&r), HELD);
	r.counts.judged[JUDGED_RACED][BACKING_ANON] = 5;
	assert_int_equal(candidate_overall(&r), INCONCLUSIVE);
	r.counts.answers = 10;
	assert_int_equal(candidate_overall(&r), HELD);
	r.counts.unfinished = 1;
	assert_int_equal(candidate_overall(&r), INCONCLUSIVE);
	for (int j = JUDGED_GUILTY; j < JUDGED_NR; j++) {
		bool is_secret = j == GUILTY_SECRET;

		r.counts.judged[j][BACKING_NONE] = 3;
		assert_int_equal(candidate_overall(&r), VIOLATED);
		assert_int_equal(candidate_judge(&r, NEVER_SECRET).violations, is_secret ? 3 : 0);
		assert_int_equal(candidate_judge(&r, WALKER_AGREES).violations, is_secret ? 0 : 3);
		r.counts.judged[j][BACKING_NONE] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_has_all_its_parts),
		cmocka_unit_test(every_error_has_its_place),
		cmocka_unit_test(types_give_offsets_and_widths),
		cmocka_unit_test(types_refuse_what_they_do_not_have),
		cmocka_unit_test(without_types_memory_needs_a_width),
		cmocka_unit_test(a_still_page_has_one_right_answer),
		cmocka_unit_test(to_refuse_is_allowed),
		cmocka_unit_test(secret_pages_are_nobody_s),
		cmocka_unit_test(a_race_excuses_and_is_counted),
		cmocka_unit_test(verdicts_need_answers_and_nothing_missed),
	};

	return cmocka_run_group_tests_name("candidate", tests, NULL, NULL);
}
