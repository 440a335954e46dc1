/* SPDX-License-Identifier: MIT */
/* lot.c - the parking lot (crew/lot.h), by way of a box of tokens that is made of one. */
#include "api/sync.h"

#include "crew/lot.h"

#include <string.h>

struct box {
	struct crew_lot lot;
	int tokens;
};

struct visit {
	struct box *box;
	int got;
};

static bool take_token(void *arg)
{
	struct visit *visit = (struct visit *)arg;

	visit->got = visit->box->tokens > 0;
	visit->box->tokens -= visit->got;
	return visit->got;
}

static int take(void *arg)
{
	struct visit visit = { .box = (struct box *)arg };
	int rc = crew_lot_wait(&visit.box->lot, take_token, &visit, "token");

	return visit.got == (rc == 0) ? rc : 1;
}

/* Hands it to the first, or leaves it in the box. */
static void give(struct box *box)
{
	void *first;

	crew_lot_lock(&box->lot);
	for (;;) {
		if (!crew_lot_first(&box->lot, &first)) {
			box->tokens++;
			break;
		}
		((struct visit *)first)->got = 1;
		if (crew_lot_wake(&box->lot))
			break;
		((struct visit *)first)->got = 0;
	}
	crew_lot_unlock(&box->lot);
}

static uint64_t waiting(struct box *box)
{
	struct crew_lot_stats stats = { .size = sizeof(stats) };

	crew_lot_read_stats(&box->lot, &stats);
	return stats.waiting;
}

static int takes_at_once(void *arg)
{
	struct box box = { .tokens = 1 };

	(void)arg;
	CHECK(take(&box) == 0 && box.tokens == 0);
	give(&box);
	CHECK(box.tokens == 1 && waiting(&box) == 0);
	crew_lot_fini(&box.lot);
	return 0;
}

Test(lot, who_finds_what_it_wants_does_not_wait)
{
	in_all_places(takes_at_once);
}

static int first_in_first_out(void *arg)
{
	struct box box = { .tokens = 0 };
	struct line line;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 5; i++) {
		line_add(&line, take, &box);
		UNTIL(waiting(&box) == i + 1);
	}
	for (unsigned i = 0; i < 5; i++) {
		give(&box);
		CHECK(waiting(&box) == 4 - i && box.tokens == 0);
		UNTIL(has_ended(&line.one[i]));
		CHECK(ended_of(&line) == i + 1 && line.one[i].rc == 0);
	}
	CHECK(line_close(&line) == 0);
	return 0;
}

Test(lot, first_come_first_served)
{
	in_all_places(first_in_first_out);
}

static int wakes_all(void *arg)
{
	struct box box = { .tokens = 0 };
	struct line line;
	struct visit visits[4];

	(void)arg;
	line_open(&line);
	memset(visits, 0, sizeof(visits));
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, take, &box);
		UNTIL(waiting(&box) == i + 1);
	}
	crew_scope_cancel(&line.one[1].scope, NULL);
	crew_lot_lock(&box.lot);
	CHECK(crew_lot_wake_all(&box.lot) == 3);
	CHECK(!crew_lot_first(&box.lot, NULL) && !crew_lot_wake(&box.lot));
	crew_lot_unlock(&box.lot);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++) /* woken without having been given anything: take says 1 */
		CHECK(line.one[i].rc == (i == 1 ? CREW_ECANCELED : 1));
	return 0;
}

Test(lot, all_are_woken_but_who_was_cancelled)
{
	in_all_places(wakes_all);
}

/* B7, B9, B10: cancelled first, then given: it goes to the next. */
static int cancelled_then_given(void *arg)
{
	struct box box = { .tokens = 0 };
	struct line line;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, take, &box);
		UNTIL(waiting(&box) == i + 1);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(waiting(&box) == 3);
	crew_scope_cancel(&line.one[3].scope, NULL);
	CHECK(waiting(&box) == 2);
	for (unsigned i = 0; i < 3; i++)
		give(&box);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0 && line.one[2].rc == 0 &&
	      line.one[3].rc == CREW_ECANCELED);
	CHECK(box.tokens == 1 && waiting(&box) == 0);
	return 0;
}

struct numbered {
	struct crew_lot *lot;
	int number;
};

static int wait_with_number(void *arg)
{
	return crew_lot_wait(((struct numbered *)arg)->lot, NULL, arg, "number");
}

/* Nobody sees it any more, though it may not have gone on yet. */
static int cancelled_is_not_first(void *arg)
{
	struct crew_lot lot = CREW_LOT_INIT;
	struct numbered numbers[] = { { &lot, 0 }, { &lot, 1 } };
	struct crew_lot_stats stats = { .size = sizeof(stats) };
	struct line line;
	void *first = NULL;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 2; i++) {
		line_add_as(&line, wait_with_number, &numbers[i], false);
		do
			crew_lot_read_stats(&lot, &stats);
		while (stats.waiting != i + 1 && crew_sleep(CREW_US(50)) == 0);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	crew_lot_lock(&lot);
	CHECK(crew_lot_first(&lot, &first) && first == &numbers[1]);
	CHECK(crew_lot_wake(&lot));
	crew_lot_unlock(&lot);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0);
	return 0;
}

Test(lot, B10_a_cancelled_wait_is_not_the_first_in_line)
{
	in_all_places(cancelled_is_not_first);
}

Test(lot, B9_B10_a_cancelled_wait_has_left_the_line)
{
	in_all_places(cancelled_then_given);
}

/* B8: given first. Nobody can go on while the lot is locked, so the order is certain. */
static int given_then_cancelled(void *arg)
{
	struct box box = { .tokens = 0 };
	struct line line;
	void *first;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 2; i++) {
		line_add(&line, take, &box);
		UNTIL(waiting(&box) == i + 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		crew_lot_lock(&box.lot);
		CHECK(crew_lot_first(&box.lot, &first));
		((struct visit *)first)->got = 1;
		CHECK(crew_lot_wake(&box.lot));
		crew_scope_cancel(&line.one[i].scope, NULL);
		crew_lot_unlock(&box.lot);
	}
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == 0 && line.one[1].rc == 0);
	return 0;
}

Test(lot, B8_who_was_given_something_keeps_it)
{
	in_all_places(given_then_cancelled);
}

/* B13 */
static int cancelled_before(void *arg)
{
	struct box box = { .tokens = 1 };
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(take(&box) == CREW_ECANCELED && box.tokens == 1);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	return 0;
}

Test(lot, B13_a_cancelled_caller_takes_nothing)
{
	in_all_places(cancelled_before);
}

/* Whoever is woken may free the lot at once: the waker does not touch it any more. */
static int take_and_free(void *arg)
{
	struct box *box = (struct box *)arg;
	int rc = take(box);

	memset(box, 0xa5, sizeof(*box));
	return rc;
}

static int woken_frees(void *arg)
{
	(void)arg;
	for (int turn = 0; turn < 200; turn++) {
		struct box box = { .tokens = 0 };
		struct box nonsense;
		struct line line;

		memset(&nonsense, 0xa5, sizeof(nonsense));
		line_open(&line);
		line_add_as(&line, take_and_free, &box, turn % 8 == 7);
		if (turn % 2)
			UNTIL(waiting(&box) == 1);
		give(&box);
		CHECK(line_close(&line) == 0 && line.one[0].rc == 0);
		CHECK(memcmp((const char *)&box, (const char *)&nonsense, sizeof(box)) == 0);
	}
	return 0;
}

Test(lot, who_was_woken_may_free_it)
{
	in_all_places(woken_frees);
}

static int dumped(void *arg)
{
	struct box box = { .tokens = 0 };
	struct line line;
	char text[4096] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)arg;
	line_open(&line);
	line_add_as(&line, take, &box, false);
	UNTIL(waiting(&box) == 1);
	CHECK(crew_dump(test_crew, out) == 0);
	fclose(out);
	give(&box);
	CHECK(line_close(&line) == 0);
	CHECK(strstr(text, "for token, "));
	return 0;
}

Test(lot, who_waits_is_shown_with_the_reason)
{
	in_all_places(dumped);
}
