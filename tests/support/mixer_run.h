/* SPDX-License-Identifier: MIT */
/*
 * mixer_run.h - runs a program of mixer.h on a crew, and compares.
 */
#ifndef CREW_MIXER_RUN_H
#define CREW_MIXER_RUN_H

#include "support/mixer.h"

#include "port/port.h"

/* What each form has of its own. */
_Noreturn void mix_fail(const struct mix_program *program, const char *what, int node, int rc);
uint64_t mix_thread(void);

/* ---- execution ------------------------------------------------------------------- */

#define mix_check(n, expression, what, rc)                                                         \
	((expression) ? (void)0 : mix_fail((n)->program, what, mix_code(n) - 1, rc))

struct mix_copy {
	struct mix_node *node;
	struct crew_group *group;
	uint64_t pad[9];
	uint64_t check;
};

/* A node on its way: the group that it was spawned into. */
static int mix_body(struct mix_node *n, struct crew_group *group);

static struct crew_group *mix_group_of[MIX_NODES]; /* written before the spawn */

static int mix_task(void *arg)
{
	struct mix_node *n = arg;

	return mix_body(n, mix_group_of[mix_code(n) - 1]);
}

static int mix_copied(void *arg)
{
	struct mix_copy *copy = arg;
	int rc = mix_body(copy->node, copy->group);

	mix_check(copy->node, copy->check == (uintptr_t)copy->node * 31 && copy->pad[8] == 8,
		  "a copy was changed", 0);
	return rc;
}

static int mix_blocked(void *arg)
{
	struct mix_node *n = arg;
	int rc = crew_check();

	mix_check(n, rc == 0 || (rc == CREW_ECANCELED && n->cancelled), "check inside a call", rc);
	rc = crew_sleep(n->sleep);
	mix_check(n, rc == 0 || (rc == CREW_ECANCELED && n->cancelled), "sleep inside a call", rc);
	return 0;
}

static int mix_first(struct mix_node *n)
{
	crew_time until;
	int rc = 0;

	switch (n->first) {
	case MIX_YIELD:
		crew_yield();
		break;
	case MIX_CHECK:
		rc = n->sleep & 1000 ? crew_check() : crew_checkpoint();
		break;
	case MIX_SLEEP:
	case MIX_UNTIL:
		until = crew_now() + n->sleep;
		rc = n->first == MIX_SLEEP ? crew_sleep(n->sleep) : crew_sleep_until(until);
		mix_check(n, rc || crew_now() >= until, "a sleep was too short", rc);
		break;
	case MIX_BLOCK:
		rc = crew_blocking(mix_blocked, n);
		break;
	case MIX_FOREVER:
		rc = crew_sleep(CREW_NEVER);
		mix_check(n, rc == CREW_ECANCELED, "a sleep for ever has ended", rc);
		break;
	case MIX_NOTHING:
		break;
	}
	mix_check(n, rc == 0 || (rc == CREW_ECANCELED && n->cancelled), "the first call", rc);
	return rc;
}

/* Starts a child of n in the group. 0, or the code of a child that is part of the block. */
static int mix_start(struct mix_node *n, struct mix_node *child, struct crew_group *group,
		     bool dead)
{
	struct mix_copy copy = { child, group, { 0 }, (uintptr_t)child * 31 };
	int rc;

	copy.pad[8] = 8;
	mix_group_of[mix_code(child) - 1] = group;
	if (mix_inside(child)) {
		child->spawned = true;
		rc = child->how == MIX_CALL ?
			     mix_body(child, NULL) :
			     crew_run(n->program->crew[child->crew], mix_task, child);
		mix_check(child,
			  crew__load_relaxed(&child->begun) ? rc == child->rc :
							      rc == CREW_ECANCELED,
			  "crew_run", rc);
		return rc;
	}
	if (child->how == MIX_COPY)
		rc = crew_group_spawn_copy(group, mix_copied, &copy, sizeof(copy));
	else if (child->how == MIX_PINNED)
		rc = crew_group_spawn_task(group, mix_task, child,
					   CREW_TASK(.name = "pinned", .flags = CREW_TASK_PINNED),
					   NULL);
	else
		rc = crew_group_spawn(group, mix_task, child);
	/* nobody but the parent writes it, and who closes the group reads it */
	child->spawned = rc == 0;
	mix_check(child,
		  rc == 0 || (rc == CREW_ECANCELED && child->may_skip) ||
			  (rc == CREW_ECLOSED && n->plain && n->program->stop_early),
		  "spawn", rc);
	mix_check(child, rc || !dead, "a cancelled group took a child", rc);
	return 0;
}

static void mix_wait(struct mix_node *n, struct crew_group *group, int *rc)
{
	struct mix_node *members[MIX_NODES];
	int count = mix_members(n, members);
	bool hit = n->cancelled;

	*rc = crew_group_wait(group);
	for (int i = 0; i < count; i++) {
		hit |= members[i]->codes != 1;
		mix_check(members[i],
			  *rc || crew__load_relaxed(&members[i]->begun) ==
					  crew__load_relaxed(&members[i]->ended),
			  "wait left one running", *rc);
	}
	mix_check(n, *rc == 0 || (*rc == CREW_ECANCELED && hit), "wait", *rc);
}

/* All members have ended, and close has said rc. */
static void mix_closed(struct mix_node *n, int block, int rc)
{
	struct mix_node *members[MIX_NODES];
	int count = mix_members(n, members);
	uint64_t failures = block && block != CREW_ECANCELED ? mix_bit(block) : 0;
	bool stopped = block == CREW_ECANCELED;
	bool loose = n->program->cancels && n->program->crews == 2;

	for (int i = 0; i < count; i++) {
		struct mix_node *m = members[i];
		uint64_t begun = crew__load_relaxed(&m->begun);

		mix_check(m, begun == crew__load_relaxed(&m->ended), "close left one running", rc);
		mix_check(m, begun || m->may_skip, "it did not run", rc);
		mix_check(m, !begun || m->spawned, "it was refused and ran", rc);
		if (begun)
			n->sum += m->sum;
		if (begun && !mix_inside(m) && m->rc && m->rc != CREW_ECANCELED)
			failures |= mix_bit(m->rc);
		if (!mix_inside(m))
			stopped |= m->spawned && (!begun || m->rc == CREW_ECANCELED);
	}
	if (n->policy == CREW_SUPERVISE)
		mix_check(n, rc == block, "close of a supervised group", rc);
	else if (failures)
		mix_check(n, (mix_bit(rc) & failures) || (loose && rc == CREW_ECANCELED),
			  "close over a failure", rc);
	else
		mix_check(n, rc == (stopped ? CREW_ECANCELED : 0), "close without a failure", rc);
}

static int mix_block(struct mix_node *n)
{
	struct mix_program *p = n->program;
	struct crew_group group;
	bool dead = n->cancels;
	int rc = 0, closed, started = 0;

	crew_group_open(&group, n->plain || n->where != n->crew || n->policy ?
					CREW_GROUP(.crew = p->crew[n->where], .policy = n->policy,
						   .name = "mixed") :
					NULL);
	if (n->parent < 0 && crew__add32_acq_rel(&p->open, (uint32_t)-1) == 1)
		crew__port_wake(&p->open, 1);
	for (int i = 0; i < p->count && rc == 0; i++) {
		struct mix_node *child = &p->nodes[i];

		if (child->parent != mix_code(n) - 1 || child->dropped)
			continue;
		rc = mix_start(n, child, &group, dead);
		if (n->waits && ++started == 2 && rc == 0) {
			int waited;

			mix_wait(n, &group, &waited);
			dead |= waited != 0;
		}
	}
	if (n->waits && rc == 0)
		mix_wait(n, &group, &rc);
	if (n->end == MIX_EARLY && rc == 0)
		rc = mix_code(n);
	closed = crew_group_close(&group, rc);
	memset(&group, 0xa5, sizeof(group));
	mix_closed(n, rc, closed);
	return closed;
}

static int mix_body(struct mix_node *n, struct crew_group *group)
{
	struct mix_program *p = n->program;
	struct mix_node *members[MIX_NODES];
	uint64_t thread = mix_thread();
	int rc;

	mix_check(n, crew__add_relaxed(&n->begun, 1) == 0, "it ran twice", 0);
	mix_check(n, crew_in_task() == !n->plain, "crew_in_task", 0);
	n->sum = 1;
	rc = mix_first(n);
	if (rc == 0 && n->cancels) {
		crew_cancel(p->crew[n->crew], "mixed");
		mix_check(n, crew_check() == CREW_ECANCELED, "check after crew_cancel", 0);
	}
	for (int i = 0; rc == 0 && n->into_parent && i < p->count; i++)
		if (p->nodes[i].parent == mix_code(n) - 1 && !p->nodes[i].dropped)
			mix_start(n, &p->nodes[i], group, n->cancels);
	if (rc == 0) {
		bool leaf = mix_members(n, members) == 0;
		int closed = leaf ? 0 : mix_block(n);

		if (n->end == MIX_AFTER || (n->end == MIX_EARLY && leaf))
			rc = mix_code(n);
		else if (n->end != MIX_SWALLOW)
			rc = closed;
	}
	mix_check(n, n->how != MIX_PINNED || mix_thread() == thread, "a pinned task moved", 0);
	mix_check(n, mix_bit(rc) & n->codes, "it may not return this", rc);
	n->rc = rc;
	crew__add_relaxed(&n->ended, 1);
	return rc;
}

/* ---- one run ------------------------------------------------------------------------ */

static void mix_begin(struct mix_program *p)
{
	p->open.value = 0;
	for (int i = 0; i < p->count; i++) {
		struct mix_node *members[MIX_NODES];
		struct mix_node *n = &p->nodes[i];

		n->begun.value = n->ended.value = 0;
		n->spawned = false;
		n->sum = 0;
		if (i < p->threads && mix_members(n, members))
			p->open.value++;
	}
}

static void mix_finish(struct mix_program *p)
{
	unsigned sum = 0, ran = 0;

	for (int i = 0; i < p->count; i++) {
		struct mix_node *n = &p->nodes[i];

		mix_check(n, n->begun.value == n->ended.value, "it has not ended", 0);
		mix_check(n, !n->begun.value || n->parent < 0 || p->nodes[n->parent].begun.value,
			  "it ran without its parent", 0);
		ran += n->begun.value != 0;
		sum += i < p->threads ? n->sum : 0;
	}
	mix_check(&p->nodes[0], sum == ran, "the sum is wrong", (int)sum);
}

static void mix_thread_main(void *arg)
{
	mix_body(arg, NULL);
}

/* Looks on, and cancels a crew. */
static void mix_look_on(void *arg)
{
	struct mix_program *p = arg;
	FILE *nowhere = fopen("/dev/null", "w");

	for (int i = 0; i < 3; i++) {
		struct crew *crew = p->crew[i % p->crews];
		struct crew_stats stats = { .size = sizeof(stats) };

		mix_check(&p->nodes[0],
			  crew_read_stats(crew, &stats) == 0 &&
				  stats.workers == crew_worker_count(crew),
			  "crew_read_stats", 0);
		mix_check(&p->nodes[0], crew_read_worker_stats(crew, 0, &stats) == 0,
			  "crew_read_worker_stats", 0);
		mix_check(&p->nodes[0], nowhere && crew_dump(crew, nowhere) == 0, "crew_dump", 0);
		if (i == 1 && p->cancels)
			crew_cancel(crew, "mixed from outside");
	}
	fclose(nowhere);
}

/* Starts the crews, lets the threads run, stops the crews, and compares. */
static void mix_run(struct mix_program *p)
{
	uint64_t threads[MIX_THREADS], looker;
	bool looks = p->cancels || p->seed % 4 == 0;
	uint32_t left;
	int rc = 0;

	mix_begin(p);
	for (int i = 0; i < p->crews && rc == 0; i++)
		rc = crew_start(&p->crew[i], CREW_OPTIONS(.workers = p->workers,
							  .stack_bytes = 65536, .blocking_max = 2));
	for (int i = 0; i < p->threads && rc == 0; i++)
		rc = crew__port_thread_start(&threads[i], mix_thread_main, &p->nodes[i], "mixed");
	if (rc == 0 && looks) {
		rc = crew__port_thread_start(&looker, mix_look_on, p, "looker");
		if (rc == 0)
			crew__port_thread_join(looker);
	}
	mix_check(&p->nodes[0], rc == 0, "start", rc);
	while (p->stop_early && (left = crew__load32_acquire(&p->open)) != 0)
		crew__port_wait(&p->open, left, CREW_NEVER);
	for (int i = 0; i < p->threads && !p->stop_early; i++)
		crew__port_thread_join(threads[i]);
	for (int i = 0; i < p->crews; i++) {
		rc = crew_stop(p->crew[i]);
		mix_check(&p->nodes[0], rc == 0, "stop", rc);
		p->crew[i] = NULL;
	}
	for (int i = 0; i < p->threads && p->stop_early; i++)
		crew__port_thread_join(threads[i]);
	mix_finish(p);
}

#endif /* CREW_MIXER_RUN_H */
