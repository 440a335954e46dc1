/* SPDX-License-Identifier: MIT */
/*
 * model/attention.c - the mark by which a join is told that something waits for the loop
 * (CREW__LOOK): a worker takes it back when it finds nothing, while a plain thread makes one
 * fiber ready after the other. What it has not found is marked.
 */
#include "exec/exec.h"
#include "model/small.h"

#include <string.h>

#define FIBERS 2

static struct crew crew;
static struct crew__worker worker;
static struct crew__fiber fibers[FIBERS];

static void make_ready(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < FIBERS; i++)
		crew__fiber_ready(&fibers[i]);
}

static bool is_marked(void)
{
	return crew__load_relaxed(&worker.deque.attention) & CREW__LOOK;
}

/* What the loop does with what it finds. */
static void take_all(bool pinned)
{
	if (pinned) {
		crew__lock_acquire(&worker.pinned_lock);
		worker.pinned_first = NULL;
		worker.pinned_last = &worker.pinned_first;
		crew__store_release(&worker.pinned_count, 0);
		crew__lock_release(&worker.pinned_lock);
		return;
	}
	crew__lock_acquire(&crew.inject.lock);
	while (crew__inject_take(&crew.inject, true))
		;
	crew__lock_release(&crew.inject.lock);
}

static void look_while_more_comes(void *pinned)
{
	uint64_t thread;

	memset(&crew, 0, sizeof(crew));
	memset(&worker, 0, sizeof(worker));
	memset(fibers, 0, sizeof(fibers));
	crew__idle_init(&crew.idle);
	crew__inject_init(&crew.inject);
	crew.workers = &worker;
	crew.worker_count = 1;
	worker.crew = &crew;
	worker.pinned_last = &worker.pinned_first;
	for (unsigned i = 0; i < FIBERS; i++) {
		fibers[i].crew = &crew;
		fibers[i].pinned = pinned ? &worker : NULL;
		fibers[i].injected.is_fiber = true;
	}
	crew__port_thread_start(&thread, make_ready, NULL, "thread");
	for (unsigned joins = 0; joins < 6; joins++)
		if (is_marked() && crew__worker_must_park(&worker))
			take_all(pinned);
	crew__port_thread_join(thread);
	crew__sim_check(is_marked() || (!crew__load_acquire(&worker.pinned_count) &&
					crew__inject_empty(&crew.inject)),
			"something waits, and joins go on");
}

Test(attention, is_drawn_to_what_is_injected, .timeout = 120)
{
	small_search_all("attention_injected", look_while_more_comes, NULL, 2);
}

Test(attention, is_drawn_to_pinned_fibers, .timeout = 120)
{
	small_search_all("attention_pinned", look_while_more_comes, &worker, 2);
}
