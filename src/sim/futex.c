/* SPDX-License-Identifier: MIT */
/*
 * futex.c - sleeping on a word, and waking those that sleep on it. As in the kernel
 * the comparison and falling asleep are one step; the first to sleep is the first to
 * be woken by default, but any may be; and a sleep may end for no reason.
 */
#include "sim/world.h"

#define world crew__sim_world

bool crew__port_wait(struct crew__word32 *word, uint32_t expected, crew_time when)
{
	struct crew__sim_virtual *self = world.self;

	CREW__SIM_STEP(WAIT, expected);
	if (word->value != expected)
		return true;
	if (when <= world.now)
		return false;
	if (!world.running)
		crew__sim_fail(CREW__SIM_DEADLOCK, "waiting outside of a run");
	if (world.options->spurious_one_in && crew__sim_rarely(world.options->spurious_one_in))
		return true;
	self->state = CREW__SIM_BLOCKED;
	self->word = word;
	self->when = when;
	self->since = ++world.waits;
	self->timed_out = false;
	crew__sim_leave();
	return !self->timed_out;
}

/* The index-th of those that wait on the word, in the order in which they came. */
static struct crew__sim_virtual *find_waiter(const struct crew__word32 *word, uint32_t index)
{
	struct crew__sim_virtual *found = NULL;
	uint64_t after = 0;

	for (uint32_t n = 0; n <= index; n++) {
		found = NULL;
		for (uint32_t i = 0; i < world.used; i++) {
			struct crew__sim_virtual *thread = &world.threads[i];

			if (thread->state == CREW__SIM_BLOCKED && thread->word == word &&
			    thread->since > after && (!found || thread->since < found->since))
				found = thread;
		}
		if (!found)
			return NULL;
		after = found->since;
	}
	return found;
}

void crew__port_wake(struct crew__word32 *word, int count)
{
	uint8_t names[CREW__SIM_THREADS];

	CREW__SIM_STEP(WAKE, count);
	for (; count > 0; count--) {
		uint32_t waiting = 0;
		uint32_t chosen = 0;

		while (waiting < CREW__SIM_THREADS && find_waiter(word, waiting)) {
			names[waiting] = (uint8_t)waiting;
			waiting++;
		}
		if (waiting == 0)
			break;
		if (waiting > (uint32_t)count) {
			world.self->steps++;
			chosen = crew__sim_decide(CREW__SIM_WHICH, waiting, names);
		}
		crew__sim_make_runnable(find_waiter(word, chosen));
	}
}
