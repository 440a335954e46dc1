/* SPDX-License-Identifier: MIT */
/* model/scope_waits.c - tasks that wait in scopes which others cancel (park.h, cancel.h). */
#include "model/model.h"

#include "crew/event.h"

/* model_now->numbers: 1 it is open, 2 it was cancelled */
static struct crew_scope of_task;

static int wait_and_check(void *arg)
{
	(void)arg;
	crew_scope_open(&of_task, NULL);
	crew__sim_check(crew_check() == 0, "nobody has cancelled it");
	crew__store_release(&model_now->numbers, 1);
	crew__sim_check(crew_sleep(CREW_NEVER) == CREW_ECANCELED, "nothing else ends it");
	crew__sim_check(crew_check() == CREW_ECANCELED, "woken as cancelled, and a check says no");
	while (crew__load_acquire(&model_now->numbers) != 2)
		crew__sim_yield(); /* the canceller knows the scope */
	crew__sim_check(crew_scope_close(&of_task, CREW_ECANCELED) == 0, "it was caught");
	return 0;
}

static void cancel_when_open(struct model *m)
{
	while (!crew__load_acquire(&m->numbers))
		crew__sim_yield();
	crew_scope_cancel(&of_task, "beside");
	crew__store_release(&m->numbers, 2);
}

Test(scope, a_cancelled_wait_is_followed_by_cancelled_checks, .timeout = 300)
{
	struct model model = {
		.program = wait_and_check, .beside = cancel_when_open, .threads = 1, .lasts = -1
	};

	model_search("wait_check", model, 5000);
}

/* Waits in a scope, in one inside of it, and in the first again; both are cancelled in turn.
 * model_now->numbers: 1 the inner one is open, 2 it was closed, 3 both were cancelled */
static struct crew_scope inside;

static int wait_inside_and_out(void *arg)
{
	(void)arg;
	crew_scope_open(&of_task, NULL);
	crew__sim_check(crew_sleep(CREW_US(1)) == 0, "nobody has cancelled it");
	crew_scope_open(&inside, NULL);
	crew__store_release(&model_now->numbers, 1);
	crew__sim_check(crew_sleep(CREW_NEVER) == CREW_ECANCELED, "nothing else ends it");
	crew__sim_check(crew_scope_close(&inside, CREW_ECANCELED) == 0, "it was caught");
	crew__store_release(&model_now->numbers, 2);
	crew__sim_check(crew_sleep(CREW_NEVER) == CREW_ECANCELED, "nothing else ends it");
	while (crew__load_acquire(&model_now->numbers) != 3)
		crew__sim_yield();
	crew__sim_check(crew_scope_close(&of_task, CREW_ECANCELED) == 0, "it was caught");
	return 0;
}

static void cancel_inside_and_out(struct model *m)
{
	while (crew__load_acquire(&m->numbers) != 1)
		crew__sim_yield();
	crew_scope_cancel(&inside, "beside");
	while (crew__load_acquire(&m->numbers) != 2)
		crew__sim_yield();
	crew_scope_cancel(&of_task, "beside");
	crew__store_release(&m->numbers, 3);
}

Test(scope, who_waits_is_where_it_stands, .timeout = 300)
{
	struct model model = { .program = wait_inside_and_out,
			       .beside = cancel_inside_and_out,
			       .threads = 1,
			       .lasts = -1 };

	model_search("inside_and_out", model, 300);
}

/* Who was woken waits for something else, and gets that, while its canceller wakes the others.
 * model_now->numbers: how many wait for that */
static struct crew_event after[2];

static int wait_twice(void *arg)
{
	struct crew_event *event = (struct crew_event *)arg;
	struct crew_scope shield;

	crew__sim_check(crew_sleep(CREW_NEVER) == CREW_ECANCELED, "nothing else ends it");
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	crew__add_acq_rel(&model_now->numbers, 1);
	crew__sim_check(crew_event_wait(event) == 0, "cancelled behind a shield");
	crew_scope_close(&shield, 0);
	return 0;
}

static void set_after(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&model_now->numbers))
		crew__sim_yield();
	for (unsigned n = 0; n < 2; n++)
		crew_event_set(&after[n]);
}

static void cancel_and_set(struct model *m)
{
	struct crew_group *group = model_open(m->crew);
	uint64_t thread;

	for (unsigned n = 0; n < 2; n++) {
		after[n] = (struct crew_event)CREW_EVENT_INIT;
		crew_group_spawn_task(group, wait_twice, &after[n],
				      CREW_TASK(.flags = CREW_TASK_ATOMIC), NULL);
	}
	crew__port_thread_start(&thread, set_after, NULL, "sets");
	crew_sleep(CREW_US(1));
	crew_group_cancel(group, "beside");
	crew__port_thread_join(thread);
	crew__sim_check(model_close(group, 0) == 0, "close");
}

Test(scope, all_are_woken_whatever_they_do_then, .timeout = 300)
{
	struct model model = { .beside = cancel_and_set, .threads = 1, .lasts = -1 };

	model_search("wait_twice", model, 500);
}
