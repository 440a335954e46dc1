/* SPDX-License-Identifier: MIT */
/*
 * select.c - selects that face each other, with their channels named in any order, in tasks
 * and on plain threads, some of them cancelled all the time: what was sent was received.
 *
 *	SECONDS=8 SEED=n select [ROUNDS]
 */
#include "stress/stress.h"

#include "base/atomic.h"
#include "base/random.h"

#include "crew/select.h"

#include <pthread.h>
#include <string.h>

#define ROADS  3
#define TASKS  6
#define OTHERS 2 /* plain threads */

static struct crew_channel roads[ROADS];
static struct crew_sender senders[ROADS];
static struct crew_receiver receivers[ROADS];
static struct crew_word rounds, sent, received, dropped, sum_sent, sum_received, sum_dropped;
static uint64_t rounds_max;
static crew_time end;

static void drop(void *item)
{
	uint64_t number;

	memcpy(&number, item, sizeof(number));
	crew__add_relaxed(&dropped, 1);
	crew__add_relaxed(&sum_dropped, number);
}

/* Sends by each road or receives from it, named in any order. Whoever is turned does the
 * opposite of whoever is not, so that any two of them can meet. */
static int meet(uint64_t *random, bool turned)
{
	uint64_t give = crew__random(random), got = 0;
	uint32_t first = crew__random_below(random, ROADS);
	uint32_t step = 1 + crew__random_below(random, ROADS - 1);
	struct crew_case cases[ROADS];
	int which;

	for (uint32_t i = 0; i < ROADS; i++) {
		uint32_t road = (first + i * step) % ROADS;

		if ((road % 2 == 0) != turned)
			cases[i] = (struct crew_case)CREW_ON_SEND(&senders[road], &give);
		else
			cases[i] = (struct crew_case)CREW_ON_RECEIVE(&receivers[road], &got);
	}
	which = crew_select_one(cases, ROADS,
				crew__random_below(random, 2) ? CREW_FAIR : CREW_IN_ORDER);
	if (which < 0 || cases[which].rc)
		return which < 0 ? which : cases[which].rc;
	if (cases[which].kind == CREW_CASE_SEND) {
		crew__add_relaxed(&sent, 1);
		crew__add_relaxed(&sum_sent, give);
	} else {
		crew__add_relaxed(&received, 1);
		crew__add_relaxed(&sum_received, got);
	}
	return 0;
}

static bool is_over(void)
{
	return crew__add_relaxed(&rounds, 1) >= rounds_max || crew_now() > end;
}

static int meet_often(void *number)
{
	uint64_t random = stress_seed + (uint64_t)(uintptr_t)number;
	int rc = 0;

	while (rc == 0 && !is_over()) {
		struct crew_scope scope;
		bool hurries = crew__random_below(&random, 8) == 0;

		if (hurries)
			crew_scope_move_on_after(&scope, CREW_US(crew__random_below(&random, 100)));
		rc = meet(&random, (uintptr_t)number % 2);
		if (hurries)
			rc = crew_scope_close(&scope, rc);
	}
	/* the others are told */
	for (unsigned i = 0; i < ROADS; i++) {
		crew_sender_close(&senders[i]);
		crew_receiver_close(&receivers[i]);
	}
	if (rc && rc != CREW_ECLOSED && rc != CREW_EEND && rc != CREW_EBROKEN)
		die("a select failed", rc, 0);
	return 0;
}

static void *meet_on_thread(void *number)
{
	meet_often(number);
	return NULL;
}

static int all(void *arg)
{
	struct crew_group group;
	pthread_t threads[OTHERS];

	crew_group_open(&group, NULL);
	for (uintptr_t i = 0; i < OTHERS; i++)
		if (pthread_create(&threads[i], NULL, meet_on_thread, (void *)(100 + i)))
			die("no thread", (int64_t)i, 0);
	for (uintptr_t i = 0; i < TASKS; i++)
		crew_group_spawn(&group, meet_often, (void *)i);
	(void)arg;
	crew_group_close(&group, 0);
	for (unsigned i = 0; i < OTHERS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

int main(int argc, char **argv)
{
	rounds_max = argc > 1 ? strtoull(argv[1], NULL, 10) : UINT64_MAX;
	end = crew_now() + stress_length();
	stress_choose_seed();
	for (unsigned i = 0; i < ROADS; i++)
		if (crew_channel_init(&roads[i], &senders[i], &receivers[i], sizeof(uint64_t),
				      CREW_CHANNEL(.capacity = i, .item_free = drop)))
			return 1;
	if (crew_run(NULL, all, NULL))
		return 1;
	if (crew__load_relaxed(&sent) !=
	    crew__load_relaxed(&received) + crew__load_relaxed(&dropped))
		die("sent and received", (int64_t)crew__load_relaxed(&sent),
		    (int64_t)crew__load_relaxed(&received));
	if (crew__load_relaxed(&sum_sent) !=
	    crew__load_relaxed(&sum_received) + crew__load_relaxed(&sum_dropped))
		die("other items than those sent", (int64_t)crew__load_relaxed(&sum_sent),
		    (int64_t)crew__load_relaxed(&sum_received));
	printf("%llu rounds\n", (unsigned long long)crew__load_relaxed(&rounds));
	return 0;
}
