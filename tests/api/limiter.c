/* SPDX-License-Identifier: MIT */
/* limiter.c - limiters (crew/limiter.h). */
#include "api/sync.h"

#include "base/alloc.h"
#include "crew/limiter.h"

#include <string.h>

STATS_OF(limiter)

static uint64_t waiting(const struct crew_limiter *limiter)
{
	return stats_of(limiter).waiting;
}

static uint64_t borrowed(const struct crew_limiter *limiter)
{
	return stats_of(limiter).borrowed;
}

struct loan {
	struct crew_limiter *limiter;
	const void *name;
	uint64_t weight;
};

static int borrow(void *arg)
{
	const struct loan *loan = (const struct loan *)arg;

	return crew_limiter_acquire_for(loan->limiter, loan->name, loan->weight);
}

/* Those who want so much each, in line one after the other. */
static int line_up(struct line *line, struct loan loans[], unsigned count)
{
	uint64_t before = waiting(loans[0].limiter);

	for (unsigned i = 0; i < count; i++) {
		line_add(line, borrow, &loans[i]);
		UNTIL(waiting(loans[i].limiter) == before + i + 1);
	}
	return 0;
}

static const char names[8];

static int one_for_each(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(3);
	struct loan loan = { &limiter, &names[0], 3 };
	struct line line;

	(void)arg;
	CHECK(crew_limiter_acquire(&limiter) == 0 && borrowed(&limiter) == 1);
	CHECK(crew_limiter_acquire(&limiter) == CREW_EDEADLK);
	CHECK(crew_limiter_acquire_nowait(&limiter) == CREW_EDEADLK);
	CHECK(crew_limiter_acquire_for(&limiter, NULL, 1) == CREW_EDEADLK);
	CHECK(crew_limiter_acquire_for(&limiter, &names[1], 1) == 0);
	CHECK(crew_limiter_acquire_for(&limiter, &names[1], 1) == CREW_EDEADLK);
	line_open(&line);
	CHECK(line_up(&line, &loan, 1) == 0);
	/* who waits is there as well */
	CHECK(crew_limiter_acquire_for(&limiter, &names[0], 1) == CREW_EDEADLK);
	CHECK(crew_limiter_acquire_for_nowait(&limiter, &names[0], 1) == CREW_EDEADLK);
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == CREW_EPERM);
	CHECK(waiting(&limiter) == 1 && borrowed(&limiter) == 2);
	CHECK(crew_limiter_release(&limiter) == 0);
	CHECK(crew_limiter_release_for(&limiter, &names[1]) == 0);
	CHECK(line_close(&line) == 0 && line.one[0].rc == 0 && borrowed(&limiter) == 3);
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == 0);
	crew_limiter_fini(&limiter);
	return 0;
}

Test(limiter, K1_one_loan_for_each_name_that_has_or_waits)
{
	in_all_places(one_for_each);
}

static int nobodys(void *arg)
{
	struct crew_limiter limiter;

	(void)arg;
	crew_limiter_init(&limiter, 2);
	CHECK(crew_limiter_release(&limiter) == CREW_EPERM);
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == CREW_EPERM);
	CHECK(crew_limiter_acquire_for(&limiter, &names[0], 0) == CREW_EINVAL);
	CHECK(crew_limiter_acquire_for_nowait(&limiter, &names[0], 0) == CREW_EINVAL);
	CHECK(crew_limiter_acquire_nowait(&limiter) == 0);
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == CREW_EPERM);
	CHECK(crew_limiter_release(&limiter) == 0);
	CHECK(crew_limiter_release(&limiter) == CREW_EPERM && borrowed(&limiter) == 0);
	crew__alloc_fail_after(1);
	CHECK(crew_limiter_acquire(&limiter) == CREW_ENOMEM);
	crew__alloc_fail_after(0);
	return 0;
}

Test(limiter, K2_Y2_only_what_was_borrowed_is_given_back)
{
	in_all_places(nobodys);
}

static int handed_over(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(1);
	struct loan loans[] = { { &limiter, &names[0], 1 },
				{ &limiter, &names[1], 1 },
				{ &limiter, &names[2], 1 } };
	struct line line;

	(void)arg;
	CHECK(crew_limiter_acquire(&limiter) == 0);
	line_open(&line);
	CHECK(line_up(&line, loans, 3) == 0);
	CHECK(crew_limiter_release(&limiter) == 0);
	for (unsigned i = 0; i < 3; i++) {
		/* it is the next one's at once, also while that one has not gone on */
		CHECK(borrowed(&limiter) == 1 && waiting(&limiter) == 2 - i);
		CHECK(crew_limiter_acquire_nowait(&limiter) == CREW_EWOULDBLOCK);
		UNTIL(has_ended(&line.one[i]));
		CHECK(ended_of(&line) == i + 1);
		CHECK(crew_limiter_release_for(&limiter, &names[i]) == 0);
	}
	CHECK(line_close(&line) == 0 && borrowed(&limiter) == 0);
	return 0;
}

Test(limiter, K3_K8_C220_C223_what_is_given_back_is_the_first_ones_at_once)
{
	in_all_places(handed_over);
}

static int changed(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(4);
	struct loan loans[] = { { &limiter, &names[4], 1 },
				{ &limiter, &names[5], 1 },
				{ &limiter, &names[6], 1 } };
	struct line line;

	(void)arg;
	for (unsigned i = 0; i < 4; i++)
		CHECK(crew_limiter_acquire_for(&limiter, &names[i], 1) == 0);
	crew_limiter_set_total(&limiter, 1);
	CHECK(borrowed(&limiter) == 4 && stats_of(&limiter).available == 0);
	line_open(&line);
	CHECK(line_up(&line, loans, 3) == 0);
	crew_limiter_set_total(&limiter, 2); /* one more, and none to spare */
	CHECK(borrowed(&limiter) == 4 && waiting(&limiter) == 3);
	for (unsigned i = 0; i < 2; i++)
		CHECK(crew_limiter_release_for(&limiter, &names[i]) == 0);
	CHECK(borrowed(&limiter) == 2 && waiting(&limiter) == 3);
	crew_limiter_set_total(&limiter, 4); /* two to spare: for the first two */
	CHECK(borrowed(&limiter) == 4 && waiting(&limiter) == 1);
	UNTIL(has_ended(&line.one[0]) && has_ended(&line.one[1]));
	crew_limiter_set_total(&limiter, UINT64_MAX);
	CHECK(borrowed(&limiter) == 5 && waiting(&limiter) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(crew_limiter_acquire_for_nowait(&limiter, &names[0], UINT64_MAX) == CREW_EWOULDBLOCK);
	CHECK(stats_of(&limiter).total == UINT64_MAX);
	for (unsigned i = 2; i < 7; i++)
		CHECK(crew_limiter_release_for(&limiter, &names[i]) == 0);
	return 0;
}

Test(limiter, K4_K5_as_many_are_served_as_can_be_spared)
{
	in_all_places(changed);
}

static int paused(void *arg)
{
	struct crew_limiter limiter;
	struct loan loans[] = { { &limiter, &names[0], 1 }, { &limiter, &names[1], 2 } };
	struct line line;

	(void)arg;
	memset(&limiter, 0, sizeof(limiter));
	CHECK(crew_limiter_acquire_nowait(&limiter) == CREW_EWOULDBLOCK);
	line_open(&line);
	CHECK(line_up(&line, loans, 2) == 0);
	crew_limiter_set_total(&limiter, 5);
	CHECK(line_close(&line) == 0 && borrowed(&limiter) == 3);
	crew_limiter_set_total(&limiter, 0);
	CHECK(borrowed(&limiter) == 3 && stats_of(&limiter).available == 0);
	CHECK(crew_limiter_acquire_nowait(&limiter) == CREW_EWOULDBLOCK);
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == 0);
	CHECK(crew_limiter_release_for(&limiter, &names[1]) == 0);
	CHECK(crew_limiter_acquire_nowait(&limiter) == CREW_EWOULDBLOCK);
	crew_limiter_fini(&limiter);
	return 0;
}

Test(limiter, K6_C217_a_total_of_0_is_a_pause)
{
	in_all_places(paused);
}

static int heavy(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(10);
	struct loan loans[] = { { &limiter, &names[1], 11 },
				{ &limiter, &names[2], 8 },
				{ &limiter, &names[3], 1 } };
	struct line line;

	(void)arg;
	CHECK(crew_limiter_acquire_for(&limiter, &names[0], 5) == 0);
	line_open(&line);
	CHECK(line_up(&line, loans, 3) == 0);
	/* one would fit, but it is not its turn; more than the total is nobody's turn */
	CHECK(waiting(&limiter) == 3 && borrowed(&limiter) == 5);
	CHECK(crew_limiter_acquire_for_nowait(&limiter, &names[4], 1) == CREW_EWOULDBLOCK);
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == 0);
	UNTIL(ended_of(&line) == 2);
	CHECK(borrowed(&limiter) == 9 && waiting(&limiter) == 1);
	crew_limiter_set_total(&limiter, 11);
	CHECK(crew_limiter_acquire_for_nowait(&limiter, &names[4], 1) == CREW_EWOULDBLOCK);
	CHECK(crew_limiter_release_for(&limiter, &names[2]) == 0);
	CHECK(crew_limiter_release_for(&limiter, &names[3]) == 0);
	CHECK(line_close(&line) == 0 && borrowed(&limiter) == 11);
	CHECK(crew_limiter_release_for(&limiter, &names[1]) == 0);
	return 0;
}

Test(limiter, Y7_row202_bytes_who_wants_much_is_not_overtaken)
{
	in_all_places(heavy);
}

static int cancelled(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(1);
	struct loan loans[] = { { &limiter, &names[0], 1 },
				{ &limiter, &names[1], 1 },
				{ &limiter, &names[2], 1 } };
	struct line line;

	(void)arg;
	CHECK(crew_limiter_acquire(&limiter) == 0);
	line_open(&line);
	CHECK(line_up(&line, loans, 3) == 0);
	crew_scope_cancel(&line.one[2].scope, NULL);
	CHECK(waiting(&limiter) == 2);
	/* its name is free at once; it is a task, which on one worker has not gone on yet */
	CHECK(crew_limiter_acquire_for_nowait(&limiter, &names[2], 1) == CREW_EWOULDBLOCK);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(crew_limiter_release(&limiter) == 0);
	CHECK(borrowed(&limiter) == 1 && waiting(&limiter) == 0);
	crew_scope_cancel(&line.one[1].scope, NULL); /* it has it */
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0 &&
	      line.one[2].rc == CREW_ECANCELED);
	CHECK(crew_limiter_release_for(&limiter, &names[1]) == 0 && borrowed(&limiter) == 0);
	crew_limiter_fini(&limiter);
	return 0;
}

Test(limiter, K7_C218_C232_B8_B9_B10_a_cancelled_wait_borrows_nothing)
{
	in_all_places(cancelled);
}

static int head_is_cancelled(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(3);
	struct loan loans[] = { { &limiter, &names[1], 3 }, { &limiter, &names[2], 2 } };
	struct line line;

	(void)arg;
	CHECK(crew_limiter_acquire(&limiter) == 0);
	line_open(&line);
	CHECK(line_up(&line, loans, 2) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0 && borrowed(&limiter) == 3);
	CHECK(crew_limiter_release_for(&limiter, &names[2]) == 0);
	CHECK(crew_limiter_release(&limiter) == 0);
	return 0;
}

Test(limiter, J11_those_behind_a_cancelled_one_are_served)
{
	in_all_places(head_is_cancelled);
}

static int give_back(void *arg)
{
	const struct loan *loan = (const struct loan *)arg;

	return crew_limiter_release_for(loan->limiter, loan->name);
}

static int given_back_by_others(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(2);
	struct loan loan = { &limiter, &names[0], 2 };
	struct line line;

	(void)arg;
	CHECK(crew_limiter_acquire_for(&limiter, &names[0], 2) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 2; i++) {
		line_add_as(&line, give_back, &loan, i == 1);
		UNTIL(has_ended(&line.one[i]));
		CHECK(line.one[i].rc == 0 && borrowed(&limiter) == 0);
		CHECK(crew_limiter_acquire_for(&limiter, &names[0], 2) == 0);
	}
	CHECK(crew_blocking(give_back, &loan) == 0);
	CHECK(line_close(&line) == 0 && borrowed(&limiter) == 0);
	return 0;
}

Test(limiter, K8_what_was_borrowed_for_an_address_is_given_back_by_anybody)
{
	in_all_places(given_back_by_others);
}

static int leave_with_it(void *arg)
{
	return crew_limiter_acquire((struct crew_limiter *)arg);
}

static int is_left(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(1);
	struct loan loan = { &limiter, &names[0], 1 };
	struct crew_group group;
	struct line line;

	(void)arg;
	CHECK(crew_limiter_acquire_for(&limiter, &names[1], 1) == 0);
	line_open(&line);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn_task(&group, leave_with_it, &limiter, CREW_TASK(.name = "careless"), NULL);
	UNTIL(waiting(&limiter) == 1);
	CHECK(line_up(&line, &loan, 1) == 0);
	CHECK(crew_limiter_release_for(&limiter, &names[1]) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(line_close(&line) == 0 && line.one[0].rc == 0);
	CHECK(stats_of(&limiter).left == 1 && !strcmp(stats_of(&limiter).left_by, "careless"));
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == 0 && borrowed(&limiter) == 0);
	crew_limiter_fini(&limiter);
	return 0;
}

Test(limiter, K10_what_a_task_leaves_behind_is_taken_back_and_told)
{
	in_all_places(is_left);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_limiter limiter = CREW_LIMITER_INIT(2);
	struct crew_scope scope;

	(void)arg;
	CHECK(crew_limiter_acquire_for(&limiter, &names[0], 1) == 0);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_limiter_acquire(&limiter) == CREW_ECANCELED && borrowed(&limiter) == 1);
	CHECK(crew_limiter_acquire_for(&limiter, &names[0], 1) == CREW_EDEADLK);
	CHECK(crew_limiter_acquire_nowait(&limiter) == 0);
	CHECK(crew_limiter_release(&limiter) == 0);
	CHECK(crew_limiter_release_for(&limiter, &names[0]) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(limiter, B13_B14_Y2_Y3_in_a_cancelled_scope)
{
	in_all_places(in_a_cancelled_scope);
}

/* ---- all at once ------------------------------------------------------------------- */

struct traffic {
	struct crew_limiter limiter;
	struct crew_word used;
	struct crew_word loans;
	struct crew_word numbers;
};

static int borrow_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	uint64_t weight = 1 + crew__add_relaxed(&traffic->numbers, 1) % 3;
	char here[100];

	for (int i = 0; i < 1000; i++) {
		const void *name = weight == 1 ? NULL : &here[i % 100];
		int rc = crew_limiter_acquire_for(&traffic->limiter, name, weight);

		if (rc)
			return rc;
		CHECK(crew__add_relaxed(&traffic->used, weight) + weight <= 4);
		if (i % 32 == 0)
			crew_yield();
		crew__add_relaxed(&traffic->used, 0 - weight);
		crew__add_relaxed(&traffic->loans, 1);
		CHECK(crew_limiter_release_for(&traffic->limiter, name) == 0);
	}
	return 0;
}

static int heavy_traffic(void *arg)
{
	static struct traffic traffic;
	struct line line;

	(void)arg;
	memset(&traffic, 0, sizeof(traffic));
	crew_limiter_init(&traffic.limiter, 4);
	line_open(&line);
	for (unsigned i = 0; i < LINE_MAX; i++)
		line_add(&line, borrow_often, &traffic);
	UNTIL(crew__load_acquire(&traffic.loans) > 500);
	crew_limiter_set_total(&traffic.limiter, 0);
	line_cancel_thirds(&line);
	crew_limiter_set_total(&traffic.limiter, 4);
	CHECK(line_close_thirds(&line) == 0);
	CHECK(borrowed(&traffic.limiter) == 0 && waiting(&traffic.limiter) == 0);
	crew_limiter_fini(&traffic.limiter);
	return 0;
}

Test(limiter, K7_J21_nothing_is_lost_by_many_and_their_cancellations)
{
	in_all_places(heavy_traffic);
}
