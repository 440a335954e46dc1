/* SPDX-License-Identifier: MIT */
/*
 * clock.c - virtual time. It stands still while anybody can run, and jumps to the
 * next moment that somebody waits for when nobody can. (A run may ask for early
 * jumps: options.early_one_in. A thread that yields, or runs for very long, while
 * it is the only one that could run makes time pass, too.)
 */
#include "sim/world.h"

#define world crew__sim_world

crew_time crew__port_now(void)
{
	CREW__SIM_STEP(POINT, 0);
	return world.running ? world.now : CREW__SIM_START;
}

crew_time crew__port_now_coarse(void)
{
	return world.running ? world.now : CREW__SIM_START;
}

static crew_time next_moment(void)
{
	crew_time first = CREW_NEVER;

	for (uint32_t i = 0; i < world.used; i++)
		if (world.threads[i].state == CREW__SIM_BLOCKED && world.threads[i].when < first)
			first = world.threads[i].when;
	return first;
}

bool crew__sim_somebody_waits_for_time(void)
{
	return next_moment() != CREW_NEVER;
}

bool crew__sim_jump(void)
{
	crew_time moment = next_moment();

	if (moment == CREW_NEVER)
		return false;
	world.now = moment;
	crew__sim_note(NULL, CREW__SIM_EVENT_TIME, 0);
	for (uint32_t i = 0; i < world.used; i++) {
		struct crew__sim_virtual *thread = &world.threads[i];

		if (thread->state == CREW__SIM_BLOCKED && thread->when <= moment) {
			thread->timed_out = true;
			crew__sim_make_runnable(thread);
		}
	}
	return true;
}
