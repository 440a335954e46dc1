/* SPDX-License-Identifier: MIT */
/* notify.c - notices (crew/notify.h). */
#include "api/sync.h"

#include "crew/notify.h"

STATS_OF(notify)

static int take(void *notify)
{
	return crew_notify_take((struct crew_notify *)notify);
}

static int line_up(struct line *line, struct crew_notify *notify, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		line_add(line, take, notify);
		UNTIL(stats_of(notify).waiting == i + 1);
	}
	return 0;
}

static int goes_to_the_first(void *arg)
{
	struct crew_notify notify = CREW_NOTIFY_INIT;
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, &notify, 4) == 0);
	for (unsigned i = 0; i < 4; i++) {
		crew_notify_one(&notify);
		CHECK(!stats_of(&notify).kept && stats_of(&notify).waiting == 3 - i);
		CHECK(crew_notify_take_nowait(&notify) == CREW_EWOULDBLOCK);
		UNTIL(has_ended(&line.one[i]));
		CHECK(line.one[i].rc == 0 && ended_of(&line) == i + 1);
	}
	CHECK(line_close(&line) == 0);
	crew_notify_fini(&notify);
	return 0;
}

Test(notify, J16_a_notice_goes_to_the_first_in_line)
{
	in_all_places(goes_to_the_first);
}

static int one_is_kept(void *arg)
{
	struct crew_notify notify = CREW_NOTIFY_INIT;

	(void)arg;
	CHECK(!stats_of(&notify).kept);
	CHECK(crew_notify_take_nowait(&notify) == CREW_EWOULDBLOCK);
	crew_notify_one(&notify);
	crew_notify_one(&notify);
	CHECK(stats_of(&notify).kept);
	CHECK(crew_notify_take(&notify) == 0 && !stats_of(&notify).kept);
	CHECK(crew_notify_take_nowait(&notify) == CREW_EWOULDBLOCK);
	crew_notify_one(&notify);
	CHECK(crew_notify_take_nowait(&notify) == 0 && !stats_of(&notify).kept);
	return 0;
}

Test(notify, one_is_kept_for_who_comes_next)
{
	in_all_places(one_is_kept);
}

static int all_are_notified(void *arg)
{
	struct crew_notify notify = CREW_NOTIFY_INIT;
	struct line line;

	(void)arg;
	crew_notify_all(&notify);
	CHECK(!stats_of(&notify).kept);
	line_open(&line);
	CHECK(line_up(&line, &notify, 4) == 0);
	crew_notify_all(&notify);
	CHECK(!stats_of(&notify).kept && stats_of(&notify).waiting == 0);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == 0);
	crew_notify_one(&notify);
	crew_notify_all(&notify);
	CHECK(stats_of(&notify).kept);
	return 0;
}

Test(notify, all_who_wait_and_nobody_else)
{
	in_all_places(all_are_notified);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_notify notify = CREW_NOTIFY_INIT;
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	crew_notify_one(&notify);
	CHECK(crew_notify_take(&notify) == CREW_ECANCELED && stats_of(&notify).kept);
	CHECK(crew_notify_take_nowait(&notify) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(notify, B13_B14_Y3_who_is_cancelled_notifies_and_takes_nothing)
{
	in_all_places(in_a_cancelled_scope);
}

static int cancelled_before_and_after(void *arg)
{
	struct crew_notify notify = CREW_NOTIFY_INIT;
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, &notify, 4) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(stats_of(&notify).waiting == 2);
	crew_notify_one(&notify);
	crew_scope_cancel(&line.one[2].scope, NULL);
	crew_scope_cancel(&line.one[3].scope, NULL);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == (i == 2 ? 0 : CREW_ECANCELED));
	CHECK(!stats_of(&notify).kept && stats_of(&notify).waiting == 0);
	return 0;
}

Test(notify, J17_B8_B9_B10_a_notice_goes_to_one_who_gets_it)
{
	in_all_places(cancelled_before_and_after);
}
