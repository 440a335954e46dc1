/* SPDX-License-Identifier: MIT */
/* circle.c - see circle.h. */
#include "sync/circle.h"

#include "base/random.h"

#include <stdio.h>

#define LONGEST 64U

/* Not granted, not cancelled; perhaps not yet begun. */
static bool edge_lasts(const struct crew__edge *edge)
{
	uint64_t word = edge->parker ? crew__load_acquire(&edge->parker->word) : edge->expected;

	return word == edge->expected ||
	       CREW__PARK_TICKET(word) < CREW__PARK_TICKET(edge->expected);
}

/* pre: locked. The innermost that lasts, or NULL. */
static const struct crew__edge *edge_of(const struct crew__fiber *fiber)
{
	const struct crew__edge *edge = fiber->edge;

	while (edge && !edge_lasts(edge))
		edge = edge->outer;
	return edge;
}

/* The task that holds the lock, or NULL. */
static const struct crew__fiber *task_that_holds(const struct crew_lock *lock)
{
	uint64_t word = crew__hold_of(crew__load_acquire(&lock->private_.word));

	return crew__hold_is_task(word) ? (const struct crew__fiber *)(uintptr_t)word : NULL;
}

/* pre: locked. Does the path from the edge lead back to `self`? */
static bool follow_path(const struct crew__edge *edge, const struct crew__fiber *self,
			uint64_t *path)
{
	*path = 0;
	for (unsigned steps = 0; steps < LONGEST; steps++) {
		const struct crew__fiber *holder = task_that_holds(edge->lock);

		if (!holder || holder == self)
			return holder;
		edge = edge_of(holder);
		if (!edge)
			return false;
		crew__random_mix(path, (uint64_t)(uintptr_t)holder);
		crew__random_mix(path, edge->expected);
	}
	return false;
}

/* pre: locked. */
static void describe_path(const struct crew__edge *edge, const struct crew__fiber *self, char *text,
			  size_t size)
{
	const struct crew__fiber *holder = NULL;
	size_t used = (size_t)snprintf(text, size, "%s", crew__name_of(self));

	for (unsigned steps = 0; edge && holder != self && steps < LONGEST && used < size;
	     steps++) {
		holder = task_that_holds(edge->lock);
		if (!holder)
			break;
		used += (size_t)snprintf(text + used, size - used,
					 "%s waits for a lock that %s holds",
					 steps ? ", which" : "", crew__name_of(holder));
		edge = edge_of(holder);
	}
}

static void report_path(const char *path, const struct crew *crew)
{
	char text[640];

	if (crew->stuck.policy == CREW_DEADLOCK_ABORT)
		crew__fail("deadlock", path, NULL);
	snprintf(text, sizeof(text), "crew: deadlock: %s\n", path);
	crew__port_say(text);
}

bool crew__circle_show(struct crew__edge *edge, struct crew__fiber *fiber)
{
	char text[512];
	uint64_t once;
	uint64_t again;
	bool closed;

	crew__lock_acquire(&crew__edges);
	edge->outer = fiber->edge;
	fiber->edge = edge;
	closed = follow_path(edge, fiber, &once) && follow_path(edge, fiber, &again) &&
		 once == again;
	if (closed)
		describe_path(edge, fiber, text, sizeof(text));
	crew__lock_release(&crew__edges);
	if (closed)
		report_path(text, fiber->crew);
	return closed;
}

void crew__circle_show_return(struct crew__edge *edge, struct crew__fiber *fiber)
{
	crew__lock_acquire(&crew__edges);
	fiber->edge = edge;
	crew__lock_release(&crew__edges);
}

void crew__circle_end(struct crew__fiber *fiber)
{
	crew__lock_acquire(&crew__edges);
	fiber->edge = fiber->edge->outer;
	crew__lock_release(&crew__edges);
}
