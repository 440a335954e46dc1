/* SPDX-License-Identifier: MIT */
/*
 * model/timer.c - the timer (exec/timer.h), with plain threads that sleep: the timer thread on
 * its way to sleep against a moment that is nearer; a sleep that is over against one who
 * cancels it; sleeping again at once. Nobody wakes early, nobody sleeps on.
 */
#include "exec/exec.h"
#include "model/small.h"

#include <stdio.h>
#include <string.h>

#define SLEEPERS_MAX 3

struct timer_model {
	unsigned sleepers;
	unsigned sleeps; /* of each, one after the other */
	bool for_ever;	 /* the first one's first sleep */
	bool cancels;	 /* the first sleeper's scope */
	bool early;	 /* time may pass although somebody could run */
	/* of one run */
	struct crew__timer timer;
	struct crew_scope scopes[SLEEPERS_MAX];
	struct crew_word numbers;
};

static const struct crew__cause by_model = { .source = CREW_BY_CALL, .reason = "model" };

static void sleep_once(struct timer_model *m, unsigned number, bool for_ever)
{
	/* the later they come the nearer it is */
	crew_time when = crew__port_now() + CREW_US(100) * (SLEEPERS_MAX - number);
	int rc = crew__timer_sleep(&m->timer, for_ever ? CREW_NEVER : when, "sleep");

	if (rc == 0)
		crew__sim_check(!for_ever && (m->early ? crew__port_now() >= when :
							 crew__port_now() == when),
				"a sleep was too short, or too long");
	else
		crew__sim_check(rc == CREW_ECANCELED && crew__scope_cancelled(crew__self_scope()),
				"a sleep was cancelled by nobody");
}

static void sleeper(void *opaque)
{
	struct timer_model *m = opaque;
	unsigned number = (unsigned)crew__add_relaxed(&m->numbers, 1);

	crew__self_set_scope(&m->scopes[number]);
	for (unsigned i = 0; i < m->sleeps; i++)
		sleep_once(m, number, m->for_ever && number == 0 && i == 0);
	crew__self_set_scope(NULL);
}

static void timer_main(void *opaque)
{
	struct timer_model *m = opaque;
	uint64_t threads[SLEEPERS_MAX];

	crew__init_word(&m->numbers, 0);
	memset(m->scopes, 0, sizeof(m->scopes));
	crew__sim_check(crew__timer_start(&m->timer, NULL, "timer") == 0, "no timer thread");
	for (unsigned i = 0; i < m->sleepers; i++)
		crew__port_thread_start(&threads[i], sleeper, m, "sleeper");
	if (m->cancels)
		crew__scope_cancel(&m->scopes[0], &by_model);
	for (unsigned i = 0; i < m->sleepers; i++)
		crew__port_thread_join(threads[i]);
	crew__timer_stop(&m->timer);
	for (unsigned i = 0; i < m->sleepers; i++)
		crew__scope_leave(&m->scopes[i], NULL);
}

static void search(const char *name, struct timer_model model, unsigned bound)
{
	char seeds[32];

	small_search(name, timer_main, &model, bound);
	model.early = true;
	snprintf(seeds, sizeof(seeds), "%s_late", name);
	small_seeds_all(seeds, timer_main, &model);
}

Test(timer, sleeps_end, .timeout = 120)
{
	struct timer_model model = { .sleepers = 1, .sleeps = 2 };

	search("timer_one", model, 3);
	model.sleepers = 2;
	search("timer_two", model, 2);
	model.sleepers = 3;
	search("timer_three", model, 1);
}

Test(timer, sleeps_are_cancelled, .timeout = 120)
{
	struct timer_model model = {
		.sleepers = 1, .sleeps = 2, .for_ever = true, .cancels = true
	};

	search("timer_for_ever", model, 2);
	model.for_ever = false;
	search("timer_cancel", model, 2);
	model.sleepers = 2;
	search("timer_cancel_two", model, 1);
}
