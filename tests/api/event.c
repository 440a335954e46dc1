/* SPDX-License-Identifier: MIT */
/* event.c - events (crew/event.h). */
#include "api/sync.h"

#include "crew/event.h"

STATS_OF(event)

static int wait_for_it(void *event)
{
	return crew_event_wait((struct crew_event *)event);
}

static int stays_set(void *arg)
{
	struct crew_event event = CREW_EVENT_INIT;
	struct crew_scope scope;
	struct line line;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, wait_for_it, &event);
		UNTIL(stats_of(&event).waiting == i + 1);
	}
	CHECK(!crew_event_is_set(&event) && !stats_of(&event).set);
	crew_event_set(&event);
	CHECK(crew_event_is_set(&event) && stats_of(&event).set && stats_of(&event).waiting == 0);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == 0);
	crew_event_set(&event);
	CHECK(crew_event_is_set(&event) && crew_event_wait(&event) == 0);
	/* B13 */
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_event_wait(&event) == CREW_ECANCELED);
	crew_scope_close(&scope, 0);
	crew_event_fini(&event);
	return 0;
}

Test(event, J12_set_wakes_all_and_stays)
{
	in_all_places(stays_set);
}

static struct crew_event early;

static int finds_it_set(void *arg)
{
	(void)arg;
	return crew_event_wait(&early);
}

Test(event, J13_may_be_set_before_any_crew_was_started)
{
	crew_event_set(&early);
	in_all_places(finds_it_set);
}

static int set_it(void *event)
{
	crew_event_set((struct crew_event *)event);
	return 0;
}

static int set_by_another(void *arg)
{
	(void)arg;
	for (int thread = 0; thread < 2; thread++) {
		struct crew_event event = CREW_EVENT_INIT;
		struct line line;

		line_open(&line);
		line_add_as(&line, set_it, &event, thread);
		CHECK(crew_event_wait(&event) == 0);
		CHECK(line_close(&line) == 0);
	}
	return 0;
}

Test(event, J13_is_set_by_anybody)
{
	in_all_places(set_by_another);
}

static int cancelled_before_and_after(void *arg)
{
	struct crew_event event = CREW_EVENT_INIT;
	struct line line;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, wait_for_it, &event);
		UNTIL(stats_of(&event).waiting == i + 1);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(stats_of(&event).waiting == 2);
	crew_event_set(&event);
	crew_scope_cancel(&line.one[2].scope, NULL);
	crew_scope_cancel(&line.one[3].scope, NULL);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == (i < 2 ? CREW_ECANCELED : 0));
	return 0;
}

Test(event, B8_B9_B10_cancelled_before_and_after)
{
	in_all_places(cancelled_before_and_after);
}
