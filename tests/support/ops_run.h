/* SPDX-License-Identifier: MIT */
/*
 * ops_run.h - the rounds of ops.h: who is cancelled, what the actors do, and what must be so in
 * the end.
 */
#ifndef SUPPORT_OPS_RUN_H
#define SUPPORT_OPS_RUN_H

#include "support/ops_channel.h"
#include "support/ops_more.h"
#include "support/ops_shared.h"

/* ---- cancelling --------------------------------------------------------------------- */

static inline int ops_cancel(struct ops_actor *a)
{
	struct crew_scope_ref *ref = (struct crew_scope_ref *)(uintptr_t)crew__exchange_acq_rel(
		&ops.ref[ops_below(a, ops.several)], 0);

	if (ref)
		crew_scope_ref_cancel(ref, "somebody");
	crew_scope_ref_drop(ref);
	if (ops.round.tasks && ops_toss(a, 16))
		crew_task_cancel(ops.task[ops_below(a, ops.round.tasks)], "somebody");
	return 0;
}

static inline int ops_child_main(void *arg)
{
	ops_any((struct ops_actor *)arg);
	return 0;
}

/* A child does something for the caller, and may be cancelled while it does. */
static inline int ops_child(struct ops_actor *a)
{
	struct ops_actor child = *a;
	struct crew_group group;
	struct crew_task *task;
	int rc;

	child.random = a->random ^ ops_below(a, UINT32_MAX);
	crew_group_open(&group, CREW_GROUP(.crew = ops.crew));
	rc = crew_group_spawn_task(&group, ops_child_main, &child, CREW_TASK(.name = "child"),
				   &task);
	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED, "spawn a child");
	if (rc == 0 && ops_toss(a, 2)) {
		if (ops_toss(a, 2))
			crew_yield();
		crew_task_cancel(task, "its parent");
	}
	crew_task_drop(task);
	rc = crew_group_close(&group, rc);
	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED, "close a group");
	return rc;
}

/* What is gone as soon as it was waited for: whoever gives does not touch it afterwards. */
struct ops_brief {
	uint32_t kind;
	struct crew_event event;
	struct crew_semaphore semaphore;
	struct crew_latch latch;
};

static inline int ops_give_brief(void *arg)
{
	struct ops_brief *brief = (struct ops_brief *)arg;

	if (brief->kind == 0)
		crew_event_set(&brief->event);
	else if (brief->kind == 1)
		crew_semaphore_release(&brief->semaphore, 1);
	else
		crew_latch_count_down(&brief->latch, 1);
	return 0;
}

static inline int ops_gone(struct ops_actor *a)
{
	struct ops_brief brief = { .kind = ops_below(a, 3), .latch = CREW_LATCH_INIT(1) };
	struct crew_group group;
	int rc;

	crew_group_open(&group, CREW_GROUP(.crew = ops.crew));
	rc = crew_group_spawn(&group, ops_give_brief, &brief);
	if (rc == 0)
		rc = brief.kind == 0 ? crew_event_wait(&brief.event) :
		     brief.kind == 1 ? crew_semaphore_acquire(&brief.semaphore, 1) :
				       crew_latch_wait(&brief.latch);
	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED, "wait for what goes");
	if (rc == 0)
		memset(&brief, 0xa5, sizeof(brief));
	rc = crew_group_close(&group, rc);
	OPS_CHECK(rc || *(unsigned char *)&brief.latch == 0xa5, "what is gone was touched");
	return rc;
}

/* ---- rounds -------------------------------------------------------------------------- */

static int (*const ops_kinds[])(struct ops_actor *a) = {
	ops_lock,    ops_lock,	  ops_condition,  ops_semaphore,  ops_semaphore, ops_event,
	ops_once,    ops_latch,	  ops_notify,	  ops_barrier,	  ops_send,	 ops_send,
	ops_send,    ops_close,	  ops_receive,	  ops_receive,	  ops_receive,	 ops_select,
	ops_lock,    ops_child,	  ops_cancel,	  ops_token,	  ops_token,	 ops_gone,
	ops_rwlock,  ops_rwlock,  ops_limiter,	  ops_keyed_lock, ops_guard,	 ops_flight,
	ops_publish, ops_publish, ops_subscriber, ops_subscriber, ops_rate,	 ops_ticker,
};

#define OPS_KINDS (sizeof(ops_kinds) / sizeof(*ops_kinds))
#define OPS_MENU  4

static inline void ops_plain(struct ops_actor *a)
{
	uint64_t random = ops.round.seed + ops_below(a, OPS_MENU); /* one of the round's */
	uint32_t kind = ops.round.swarm ? crew__random_below(&random, OPS_KINDS) :
					  ops_below(a, OPS_KINDS);
	int rc = ops.round.swarm && ops_toss(a, 5) ? ops_cancel(a) : ops_kinds[kind](a);

	crew__add_relaxed(&ops.done, 1);
	OPS_CHECK(rc != CREW_ECANCELED || crew_check() == CREW_ECANCELED,
		  "told of a cancellation, and not cancelled");
}

/* In a scope that ends by itself, and that others may cancel. */
static inline void ops_in_scope(struct ops_actor *a)
{
	struct crew_word *place = &ops.ref[ops_below(a, ops.several)];
	bool bounded = a->bounded;
	struct crew_scope scope;
	int rc;

	crew_scope_move_on_after(&scope, CREW_US(ops_below(a, 101)));
	if (ops_toss(a, 2)) {
		uint64_t ref = (uintptr_t)crew_scope_take_ref(&scope);

		ref = crew__exchange_acq_rel(place, ref);
		crew_scope_ref_drop((struct crew_scope_ref *)(uintptr_t)ref);
	}
	a->bounded = true;
	ops_plain(a);
	a->bounded = bounded;
	rc = crew_scope_close(&scope, crew_check());
	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED, "close a scope");
}

/* Inside of another one it is bounded: with something held nobody waits for ever. */
static inline void ops_any(struct ops_actor *a)
{
	a->depth++;
	if (a->depth > 1 || !ops_toss(a, 4))
		ops_in_scope(a);
	else
		ops_plain(a);
	a->depth--;
}

/* The whole of actor number i. */
static inline void ops_act(unsigned i)
{
	struct ops_actor a = { .random = ops.round.seed * OPS_ACTORS + i };
	bool first = false;
	unsigned counts;

	counts = ops_below(&a, ops.round.steps);
	/* nobody is cancelled before all have come, for nobody is there to do it */
	OPS_CHECK(crew_barrier_wait(&ops.begin, &first) == 0, "begin together");
	crew__add_relaxed(&ops.firsts, first);
	for (unsigned step = 0; step < ops.round.steps; step++) {
		if (step == counts) {
			ops.latch.counted[i] = true;
			OPS_CHECK(crew_latch_count_down(&ops.latch.latch, 1) == 0, "count down");
		}
		ops_any(&a);
	}
	/* what follows ends without a deadline */
	a.bounded = true;
	if (i % 2 == 0 || ops_toss(&a, 2))
		ops_latch(&a);
	if (i % 2)
		ops_receive_rest(&a);
	else
		ops_close_senders();
	for (unsigned box = 0; box < OPS_BOXES; box++)
		if (i % 2)
			ops_take(&a, box);
		else
			ops_put(&a, box);
}

static inline int ops_task_main(void *arg)
{
	ops_act((unsigned)(uintptr_t)arg);
	return 0;
}

/* Spawns those that are tasks, and waits for them. */
static inline int ops_tasks_main(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (unsigned i = 0; i < ops.round.tasks; i++)
		OPS_CHECK(crew_group_spawn_task(&group, ops_task_main, (void *)(uintptr_t)i,
						CREW_TASK(.name = "actor"), &ops.task[i]) == 0,
			  "spawn an actor");
	return crew_group_close(&group, 0);
}

/* The threads are ops_act(round.tasks + 0, ...). */
static inline void ops_begin(struct crew *crew, const struct ops_round *round)
{
	memset(&ops, 0, sizeof(ops));
	ops.crew = crew;
	ops.round = *round;
	ops.actors = round->tasks + round->threads;
	ops.several = round->swarm ? 1 + round->seed % OPS_SEVERAL : OPS_SEVERAL;
	OPS_CHECK(ops.actors <= OPS_ACTORS, "OPS_ACTORS is too small");
	for (unsigned i = 1; i < OPS_LOCKS; i += 2)
		ops.lock[i].lock = (struct crew_lock)CREW_LOCK_BARGING_INIT;
	crew_barrier_init(&ops.begin, ops.actors);
	crew_latch_init(&ops.latch.latch, ops.actors);
	for (unsigned i = 0; i < OPS_BOXES; i++) {
		crew_condition_init(&ops.box[i].filled, &ops.lock[i].lock);
		ops.box[i].items = 1;
	}
	for (unsigned i = 0; i < OPS_SEVERAL; i++) {
		ops.store[i].units = 1 + i * 3;
		crew_semaphore_init(&ops.store[i].semaphore, ops.store[i].units,
				    ops.store[i].units);
		crew_barrier_init(&ops.barrier[i].barrier, OPS_PARTIES);
	}
	crew_notify_one(&ops.token.notify);
	ops_begin_channels();
	ops_begin_more();
	ops_begin_shared();
}

#define OPS_NOBODY_WAITS(kind, thing)                                                              \
	do {                                                                                       \
		struct crew_##kind##_stats stats_ = { .size = sizeof(stats_) };                    \
		crew_##kind##_read_stats(thing, &stats_);                                          \
		OPS_CHECK(stats_.waiting == 0, "somebody waits for a " #kind);                     \
		crew_##kind##_fini(thing);                                                         \
	} while (0)

static inline void ops_end_locks(void)
{
	for (unsigned i = 0; i < OPS_BOXES; i++) {
		OPS_CHECK(ops.box[i].items == 1 + crew__load_relaxed(&ops.box[i].put) -
						      crew__load_relaxed(&ops.box[i].taken),
			  "items of a box are missing");
		OPS_NOBODY_WAITS(condition, &ops.box[i].filled);
	}
	for (unsigned i = 0; i < OPS_LOCKS; i++) {
		struct crew_lock_stats stats = { .size = sizeof(stats) };

		crew_lock_read_stats(&ops.lock[i].lock, &stats);
		OPS_CHECK(!stats.owner && !stats.broken, "a lock is held");
		OPS_CHECK(ops.lock[i].turns == crew__load_relaxed(&ops.lock[i].acquired),
			  "turns of a lock are missing");
		OPS_NOBODY_WAITS(lock, &ops.lock[i].lock);
	}
}

static inline void ops_end_several(unsigned i)
{
	struct crew_semaphore *semaphore = &ops.store[i].semaphore;
	struct crew_semaphore_stats stats = { .size = sizeof(stats) };
	uint64_t passed = crew__load_relaxed(&ops.barrier[i].passed);

	crew_semaphore_read_stats(semaphore, &stats);
	OPS_CHECK(stats.value == ops.store[i].units && !crew__load_relaxed(&ops.store[i].held),
		  "units are missing");
	OPS_CHECK(crew_semaphore_release(semaphore, 1) == CREW_ERANGE, "too many units");
	OPS_NOBODY_WAITS(semaphore, semaphore);
	OPS_CHECK(crew_event_is_set(&ops.event[i].event) ==
			  (bool)crew__load_relaxed(&ops.event[i].setter),
		  "an event");
	OPS_NOBODY_WAITS(event, &ops.event[i].event);
	OPS_CHECK(passed == OPS_PARTIES * crew__load_relaxed(&ops.barrier[i].lasts),
		  "not all of a round have passed a barrier");
	OPS_NOBODY_WAITS(barrier, &ops.barrier[i].barrier);
	OPS_CHECK(ops.once[i].done == crew_once_is_done(&ops.once[i].once), "done, or not");
	OPS_NOBODY_WAITS(once, &ops.once[i].once);
	crew_scope_ref_drop((struct crew_scope_ref *)(uintptr_t)crew__load_acquire(&ops.ref[i]));
}

/* All actors have ended. */
static inline void ops_end(void)
{
	struct crew_notify_stats stats = { .size = sizeof(stats) };

	for (unsigned i = 0; i < ops.round.tasks; i++) {
		int rc = -1;

		OPS_CHECK(crew_task_join_nowait(ops.task[i], &rc, NULL) == 0 && rc == 0,
			  "an actor has not ended");
		crew_task_drop(ops.task[i]);
	}
	OPS_CHECK(crew__load_relaxed(&ops.firsts) == 1, "one comes last");
	OPS_NOBODY_WAITS(barrier, &ops.begin);
	OPS_CHECK(crew_latch_is_done(&ops.latch.latch), "a latch");
	OPS_NOBODY_WAITS(latch, &ops.latch.latch);
	crew_notify_read_stats(&ops.inbox.notify, &stats);
	OPS_CHECK(stats.kept || !crew__load_relaxed(&ops.inbox.letters), "a notice was lost");
	OPS_NOBODY_WAITS(notify, &ops.inbox.notify);
	OPS_CHECK(crew_notify_take_nowait(&ops.token.notify) == 0, "the token was lost");
	OPS_NOBODY_WAITS(notify, &ops.token.notify);
	ops_end_locks();
	for (unsigned i = 0; i < OPS_SEVERAL; i++)
		ops_end_several(i);
	ops_end_channels();
	ops_end_more();
	ops_end_shared();
}

#endif /* SUPPORT_OPS_RUN_H */
