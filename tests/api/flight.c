/* SPDX-License-Identifier: MIT */
/* flight.c - one call for all (crew/flight.h). */
#include "api/sync.h"

#include "base/alloc.h"
#include "crew/flight.h"

#include <string.h>

STATS_OF(flight)

static uint64_t waiting(const struct crew_flight *flight)
{
	return stats_of(flight).waiting;
}

/* What all of a line want: a call that ends when it is let. */
struct want {
	struct crew_flight flight;
	struct crew_word made;	/* so many calls */
	struct crew_word ended; /* so many may end */
	int rc;
};

static int make(void *arg, void **value)
{
	struct want *want = (struct want *)arg;
	uint64_t number = crew__add_acq_rel(&want->made, 1) + 1;
	int rc = 0;

	while (rc == 0 && crew__load_acquire(&want->ended) < number)
		rc = crew_sleep(CREW_US(50));
	*value = (void *)(uintptr_t)number;
	return rc ? rc : want->rc;
}

struct one_want {
	struct want *want;
	const char *key;
	void *value;
	bool shared;
};

static int do_it(void *arg)
{
	struct one_want *one = (struct one_want *)arg;

	return crew_flight_do(&one->want->flight, one->key, strlen(one->key), make, one->want,
			      &one->value, &one->shared);
}

static uint64_t made(const struct want *want)
{
	return crew__load_acquire(&want->made);
}

/* The first makes the call, the others wait for it. */
static int line_up(struct line *line, struct one_want ones[], unsigned count)
{
	struct want *want = ones[0].want;

	for (unsigned i = 0; i < count; i++) {
		uint64_t before = waiting(&want->flight) + made(want);

		line_add(line, do_it, &ones[i]);
		UNTIL(waiting(&want->flight) + made(want) == before + 1);
	}
	return 0;
}

static int shared(void *arg)
{
	struct want want = { .flight = CREW_FLIGHT_INIT };
	struct one_want ones[7] = { { &want, "k", NULL, false } };
	struct line line;

	(void)arg;
	for (unsigned i = 1; i < 7; i++)
		ones[i] = ones[0];
	for (want.rc = 0; want.rc <= 7; want.rc += 7) {
		uint64_t call = made(&want) + 1;

		line_open(&line);
		CHECK(line_up(&line, ones, 7) == 0);
		CHECK(made(&want) == call && waiting(&want.flight) == 6);
		CHECK(crew_flight_do_nowait(&want.flight, "k", 1, make, &want, NULL, NULL) ==
		      CREW_EWOULDBLOCK);
		crew__store_release(&want.ended, call);
		CHECK(line_close(&line) == 0 && made(&want) == call);
		for (unsigned i = 0; i < 7; i++) {
			CHECK(line.one[i].rc == want.rc && ones[i].shared);
			CHECK((uint64_t)(uintptr_t)ones[i].value == call);
		}
		CHECK(stats_of(&want.flight).calls == 0);
	}
	/* nothing is kept, and nobody shares it */
	want.rc = 0;
	crew__store_release(&want.ended, 100);
	CHECK(do_it(&ones[0]) == 0 && !ones[0].shared && made(&want) == 3);
	CHECK(crew_flight_do_nowait(&want.flight, "k", 1, make, &want, NULL, NULL) == 0);
	crew_flight_fini(&want.flight);
	return 0;
}

Test(flight, row185_C241_one_call_and_all_have_its_result)
{
	in_all_places(shared);
}

static int forgotten(void *arg)
{
	struct want want = { .flight = CREW_FLIGHT_INIT };
	struct one_want ones[4] = { { &want, "k", NULL, false }, { &want, "k", NULL, false } };
	struct line line;

	(void)arg;
	ones[2] = ones[3] = ones[0];
	line_open(&line);
	CHECK(line_up(&line, ones, 2) == 0);
	crew_flight_forget(&want.flight, "other", 5);
	crew_flight_forget(&want.flight, "k", 1);
	crew_flight_forget(&want.flight, "k", 1);
	CHECK(stats_of(&want.flight).calls == 0);
	CHECK(line_up(&line, ones + 2, 2) == 0);
	CHECK(made(&want) == 2 && stats_of(&want.flight).calls == 1);
	crew__store_release(&want.ended, 2);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++) {
		CHECK(line.one[i].rc == 0 && ones[i].shared);
		CHECK((uint64_t)(uintptr_t)ones[i].value == 1 + i / 2);
	}
	return 0;
}

Test(flight, C241_what_was_forgotten_is_called_anew)
{
	in_all_places(forgotten);
}

static int cancelled(void *arg)
{
	struct want want = { .flight = CREW_FLIGHT_INIT };
	struct one_want ones[4] = { { &want, "k", NULL, false } };
	struct line line;

	(void)arg;
	ones[1] = ones[2] = ones[3] = ones[0];
	line_open(&line);
	CHECK(line_up(&line, ones, 4) == 0);
	crew_scope_cancel(&line.one[2].scope, NULL); /* who waits */
	UNTIL(has_ended(&line.one[2]));
	CHECK(waiting(&want.flight) == 2 && made(&want) == 1);
	crew_scope_cancel(&line.one[0].scope, NULL); /* who makes the call: the next one does */
	UNTIL(has_ended(&line.one[0]) && made(&want) == 2);
	CHECK(waiting(&want.flight) == 1 && stats_of(&want.flight).calls == 1);
	crew__store_release(&want.ended, 2);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[2].rc == CREW_ECANCELED);
	CHECK(line.one[1].rc == 0 && line.one[3].rc == 0 && made(&want) == 2);
	CHECK((uint64_t)(uintptr_t)ones[1].value == 2 && (uint64_t)(uintptr_t)ones[3].value == 2);
	CHECK(stats_of(&want.flight).calls == 0);
	crew_flight_fini(&want.flight);
	return 0;
}

Test(flight, row185_B9_B10_a_cancellation_is_nobody_elses)
{
	in_all_places(cancelled);
}

static int last_is_cancelled(void *arg)
{
	struct want want = { .flight = CREW_FLIGHT_INIT };
	struct one_want one = { &want, "k", NULL, false };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, &one, 1) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(line_close(&line) == 0 && line.one[0].rc == CREW_ECANCELED && !one.shared);
	CHECK(made(&want) == 1 && stats_of(&want.flight).calls == 0);
	return 0;
}

Test(flight, row185_the_last_one_to_leave_cancels_the_call)
{
	in_all_places(last_is_cancelled);
}

static int within(void *arg, void **value)
{
	struct want *want = (struct want *)arg;

	(void)value;
	CHECK(crew_flight_do(&want->flight, "k", 1, within, want, NULL, NULL) == CREW_EDEADLK);
	CHECK(crew_flight_do_nowait(&want->flight, "k", 1, within, want, NULL, NULL) ==
	      CREW_EDEADLK);
	return crew_flight_do(&want->flight, "l", 1, make, want, NULL, NULL);
}

static int misused(void *arg)
{
	struct want want = { .flight = CREW_FLIGHT_INIT };
	struct crew_scope scope;

	(void)arg;
	crew__store_release(&want.ended, 100);
	CHECK(crew_flight_do(&want.flight, "k", 1, NULL, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_flight_do_nowait(&want.flight, "k", 1, NULL, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_flight_do(&want.flight, "k", 1, within, &want, NULL, NULL) == 0);
	crew__alloc_fail_after(1);
	CHECK(crew_flight_do(&want.flight, "k", 1, make, &want, NULL, NULL) == CREW_ENOMEM);
	crew__alloc_fail_after(0);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_flight_do(&want.flight, "k", 1, make, &want, NULL, NULL) == CREW_ECANCELED);
	CHECK(made(&want) == 1);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(flight, B13_Y2_from_within_and_in_a_cancelled_scope)
{
	in_all_places(misused);
}

/* ---- all at once ------------------------------------------------------------------- */

struct traffic {
	struct crew_flight flight;
	struct crew_word under_way[4];
	struct crew_word made;
	struct crew_word got;
};

struct trip {
	struct traffic *traffic;
	unsigned key;
};

static int travel(void *arg, void **value)
{
	const struct trip *trip = (const struct trip *)arg;
	struct traffic *traffic = trip->traffic;
	int rc;

	CHECK(crew__add_acq_rel(&traffic->under_way[trip->key], 1) == 0);
	rc = crew_checkpoint();
	*value = (void *)(uintptr_t)(trip->key + 1);
	crew__add_acq_rel(&traffic->under_way[trip->key], UINT64_MAX);
	crew__add_relaxed(&traffic->made, 1);
	return rc;
}

static int travel_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;

	for (unsigned i = 0; i < 1000; i++) {
		struct trip trip = { traffic, i / 8 % 4 };
		void *value = NULL;
		int rc = crew_flight_do(&traffic->flight, &trip.key, sizeof(trip.key), travel,
					&trip, &value, NULL);

		if (rc)
			return rc;
		CHECK((uintptr_t)value == trip.key + 1);
		crew__add_relaxed(&traffic->got, 1);
	}
	return 0;
}

static int heavy_traffic(void *arg)
{
	static struct traffic traffic;

	(void)arg;
	memset(&traffic, 0, sizeof(traffic));
	CHECK(run_and_cancel_thirds(travel_often, &traffic, &traffic.got, 500) == 0);
	CHECK(stats_of(&traffic.flight).calls == 0);
	return 0;
}

Test(flight, row185_J21_one_call_at_a_time_by_many_and_their_cancellations)
{
	in_all_places(heavy_traffic);
}
