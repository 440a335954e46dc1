/* SPDX-License-Identifier: MIT */
/* parallel_divide.c - problems that are divided: every part is solved and united once. */
#include "api/parallel.h"

#include "base/alloc.h"

#include <errno.h>

/* Numbers that follow each other. Large problems have a tail. */
struct numbers {
	size_t begin;
	size_t end;
	size_t solved; /* up to there, from `begin` on */
	char tail[200];
};

struct plan {
	size_t small;
	size_t fails_at; /* in the step that is named */
	enum {
		NOWHERE,
		SOLVE,
		DIVIDE,
		UNITE
	} fails;
	struct crew_scope *cancels;
};

static bool is_small(const void *problem, void *arg)
{
	const struct numbers *numbers = problem;
	const struct plan *plan = arg;

	return numbers->end - numbers->begin <= plan->small;
}

static int fail_in(int step, const struct numbers *numbers, const struct plan *plan)
{
	bool here = numbers->begin <= plan->fails_at && plan->fails_at < numbers->end;

	if (step == SOLVE && here && plan->cancels)
		crew_scope_cancel(plan->cancels, "enough");
	return step == (int)plan->fails && here ? 55 : 0;
}

static int solve(void *problem, void *arg)
{
	struct numbers *numbers = problem;

	numbers->solved = numbers->end;
	return fail_in(SOLVE, numbers, arg);
}

static int divide(void *problem, void *other, void *arg)
{
	struct numbers *left = problem;
	struct numbers *right = other;
	size_t middle = left->begin + (left->end - left->begin + 2) / 3;
	int rc = fail_in(DIVIDE, left, arg);

	*right = (struct numbers){ .begin = middle, .end = left->end };
	left->end = middle;
	return rc;
}

static int unite(void *problem, void *other, void *arg)
{
	struct numbers *left = problem;
	struct numbers *right = other;

	if (left->solved != left->end || right->solved != right->end || left->end != right->begin)
		return EINVAL;
	left->end = left->solved = right->end;
	return fail_in(UNITE, left, arg);
}

/* Without the tail its bytes are few; then the functions must not copy it. */
static int divide_few(void *problem, void *other, void *arg)
{
	struct numbers left = { .begin = ((size_t *)problem)[0], .end = ((size_t *)problem)[1] };
	struct numbers right;
	int rc = divide(&left, &right, arg);

	((size_t *)problem)[1] = left.end;
	((size_t *)other)[0] = right.begin;
	((size_t *)other)[1] = right.end;
	return rc;
}

static int divisions(void *arg)
{
	struct crew_divider few = { offsetof(struct numbers, tail), is_small, solve, divide_few,
				    unite };
	struct crew_divider large = { sizeof(struct numbers), is_small, solve, divide, unite };
	uint64_t random = 51;

	(void)arg;
	for (int round = 0; round < 200; round++) {
		struct plan plan = { .small = 1 + crew__random_below(&random, 20) };
		struct numbers numbers = { .begin = 5,
					   .end = 6 + crew__random_below(&random, 500) };
		size_t end = numbers.end;

		CHECK(crew_divide(&numbers, round & 1 ? &few : &large, &plan, NULL) == 0);
		CHECK(numbers.begin == 5 && numbers.end == end && numbers.solved == end);
		for (int step = SOLVE; step <= UNITE; step++) {
			numbers = (struct numbers){ .end = 600 };
			plan.fails = (__typeof__(plan.fails))step;
			plan.fails_at = crew__random_below(&random, 600);
			CHECK(crew_divide(&numbers, round & 1 ? &few : &large, &plan, NULL) == 55);
		}
	}
	return 0;
}

Test(parallel_divide, parts_are_solved_and_united)
{
	in_tasks(divisions, NULL);
}

static int cancelled(void *arg)
{
	struct crew_divider large = { sizeof(struct numbers), is_small, solve, divide, unite };

	(void)arg;
	for (size_t where = 0; where < 100; where += 9) {
		struct crew_scope scope;
		struct plan plan = { .small = 2, .fails_at = where, .cancels = &scope };
		struct numbers numbers = { .end = 100 };
		int rc;

		crew_scope_open(&scope, NULL);
		rc = crew_divide(&numbers, &large, &plan, NULL);
		CHECK(rc == CREW_ECANCELED);
		CHECK(crew_scope_close(&scope, rc) == 0);
	}
	return 0;
}

Test(parallel_divide, a_cancelled_one_ends)
{
	in_tasks(cancelled, NULL);
}

static int bad(void *arg)
{
	struct crew_divider divider = { sizeof(struct numbers), is_small, solve, divide, unite };
	struct plan plan = { .small = 2 };
	struct numbers numbers = { .end = 100 };
	int rc;

	(void)arg;
	CHECK(crew_divide(NULL, &divider, &plan, NULL) == CREW_EINVAL);
	CHECK(crew_divide(&numbers, NULL, &plan, NULL) == CREW_EINVAL);
	for (int field = 0; field < 5; field++) {
		struct crew_divider broken = divider;

		if (field == 0)
			broken.problem_bytes = 0;
		else if (field == 1)
			broken.is_small = NULL;
		else if (field == 2)
			broken.solve = NULL;
		else if (field == 3)
			broken.divide = NULL;
		else
			broken.unite = NULL;
		CHECK(crew_divide(&numbers, &broken, &plan, NULL) == CREW_EINVAL);
	}
	crew__alloc_fail_after(3);
	rc = crew_divide(&numbers, &divider, &plan, NULL);
	crew__alloc_fail_after(0);
	CHECK(rc == CREW_ENOMEM);
	return 0;
}

Test(parallel_divide, bad_arguments_and_no_memory_have_codes)
{
	in_tasks(bad, NULL);
	cr_assert_eq(crew_divide(&(struct numbers){ 0 },
				 &(struct crew_divider){ 8, is_small, solve, divide, unite }, NULL,
				 NULL),
		     CREW_ESTATE);
}
