/* SPDX-License-Identifier: MIT */
/*
 * mini.h - a crew that is nothing but its workers: no timer, no spare threads, no start and
 * stop. For models of what workers do with tasks that wait, and when they sleep.
 *
 *	mini_begin(&mini, 2);
 *	mini_give(&mini, 0, task, arg);		what worker 0 finds in its deque at first
 *	mini_go(&mini);
 *	...					what plain threads do
 *	mini_end(&mini);			when all tasks have ended
 */
#ifndef CREW_MINI_H
#define CREW_MINI_H

#include "crew/crew.h"
#include "exec/exec.h"
#include "sim/sim.h"

#define MINI_WORKERS 3

struct mini {
	struct crew crew;
	struct crew__worker workers[MINI_WORKERS];
	struct crew_group root; /* the tasks given are its children; main owns it */
};

void mini_begin(struct mini *mini, unsigned workers);
void mini_give(struct mini *mini, unsigned worker, crew_task_fn *fn, void *arg);
void mini_go(struct mini *mini);
/* Returns what closing the root returned. Nothing is left anywhere. */
int mini_end(struct mini *mini);

#endif /* CREW_MINI_H */
