/* SPDX-License-Identifier: MIT */
/*
 * model/notify.c - notices (crew/notify.h): a notice is taken once or kept, whatever is
 * cancelled; who takes one sees what all who gave it have written. Who is forgotten does not
 * end.
 */
#include "model/sync.h"

#include "crew/notify.h"

#include <string.h>

static struct crew_notify notify;
static struct crew_word letters[2];
static struct crew_word taken;

static void begin(void)
{
	memset(&notify, 0, sizeof(notify));
	crew__init_word(&letters[0], 0);
	crew__init_word(&letters[1], 0);
	crew__init_word(&taken, 0);
}

static bool kept(void)
{
	struct crew_notify_stats stats = { .size = sizeof(stats) };

	crew_notify_read_stats(&notify, &stats);
	crew__sim_check(stats.waiting == 0, "somebody is still in line");
	crew_notify_fini(&notify);
	return stats.kept;
}

static bool take(void)
{
	int rc = crew_notify_take(&notify);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	if (rc == 0)
		crew__add_relaxed(&taken, 1);
	return rc == 0;
}

static void take_one(void)
{
	take();
}

static void try_to_take(void)
{
	if (crew_notify_take_nowait(&notify) == 0)
		crew__add_relaxed(&taken, 1);
}

static void give(void)
{
	crew_notify_one(&notify);
}

/* One was given. */
static void end(void)
{
	crew__sim_check(crew__load_relaxed(&taken) + kept() == 1, "it was lost, or made");
}

Test(notify, given_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { take_one, give }, .cancelled = 1, .end = end };

	crowd_of_threads("notify_one", &crowd, 3);
}

Test(notify, the_next_one_gets_what_a_cancelled_one_has_not, .timeout = 300)
{
	struct crowd crowd = { begin, { take_one, take_one, give }, .cancelled = 3, .end = end };

	crowd_of_threads("notify_two", &crowd, 2);
	crowd.late = true;
	crowd_of_threads("notify_late", &crowd, 1);
	crowd.roles[1] = try_to_take;
	crowd.late = false;
	crowd_of_threads("notify_try", &crowd, 2);
}

/* Whoever gets it gives it on, but for the last: who is not cancelled gets it. */
static void take_and_give(void)
{
	if (!take())
		return;
	crew__add_relaxed(&taken, (uint64_t)-1);
	give();
}

Test(notify, nobody_is_forgotten, .timeout = 300)
{
	struct crowd crowd = {
		begin, { take_and_give, take_one, give }, .cancelled = 1, .end = end
	};

	crowd_of_threads("notify_pass", &crowd, 2);
	crowd.late = true;
	crowd_of_threads("notify_pass_late", &crowd, 1);
}

/* ---- what was written ---------------------------------------------------------------- */

static void write_first(void)
{
	crew__store_relaxed(&letters[0], 1);
	give();
}

static void write_second(void)
{
	crew__store_relaxed(&letters[1], 1);
	give();
}

static void read_both(void)
{
	while (!crew__load_relaxed(&letters[0]) || !crew__load_relaxed(&letters[1]))
		take();
}

static void end_read(void)
{
	kept();
}

Test(notify, who_takes_one_sees_what_all_have_written, .timeout = 300)
{
	struct crowd crowd = { begin, { read_both, write_first, write_second }, .end = end_read };

	crowd_of_threads("notify_letters", &crowd, 2);
}

static uint64_t letter;

static void begin_letter(void)
{
	begin();
	letter = 0;
}

static void write_letter(void)
{
	letter = 1;
	give();
}

static void read_letter(void)
{
	crew__sim_check(take() && letter == 1, "it goes on without its letter");
}

Test(notify, what_was_written_is_visible_behind_a_cancelled_one, .timeout = 300)
{
	struct crowd crowd = { begin_letter,
			       { take_and_give, write_letter, read_letter },
			       .cancelled = 1,
			       .end = end };

	crowd_of_threads("notify_letter", &crowd, 2);
}

static void notify_all(void)
{
	crew_notify_all(&notify);
}

Test(notify, all_takes_nothing_back, .timeout = 300)
{
	struct crowd crowd = { begin, { take_one, give, notify_all }, .end = end_read };

	crowd_of_threads("notify_all", &crowd, 2);
}

Test(notify, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { take_one, take_one, give, try_to_take },
			       .cancelled = 3,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("notify_tasks", &crowd, 1000);
}

/* ---- who has taken it frees it --------------------------------------------------------- */

static void take_and_free(void)
{
	take();
	crowd_free(&notify, sizeof(notify));
}

Test(notify, who_has_taken_it_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin, { take_and_free, give }, .end = crowd_freed };

	crowd_of_threads("notify_freed", &crowd, 4);
}

/* One in line is cancelled, and says when it is gone. */
static void take_and_go(void)
{
	take_and_give();
	crowd_go();
}

static void take_and_free_if_alone(void)
{
	crowd_sleep();
	take();
	if (crowd_has_gone())
		crowd_free(&notify, sizeof(notify));
}

static void give_late(void)
{
	crowd_sleep();
	give();
}

Test(notify, who_has_taken_it_frees_it_when_others_were_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { take_and_go, take_and_free_if_alone, give_late },
			       .cancelled = 1,
			       .late = true,
			       .end = crowd_perhaps_freed };

	crowd_of_threads("notify_gone", &crowd, 1);
}
