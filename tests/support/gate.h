/* SPDX-License-Identifier: MIT */
/*
 * gate.h - how a test waits for what others do, rather than for a while.
 *
 * A gate is a number that only grows; threads wait, blocked, until it is large enough. So do
 * plain threads, and functions that crew_blocking() runs; tasks ask gate_reached() and yield.
 */
#ifndef SUPPORT_GATE_H
#define SUPPORT_GATE_H

#include "crew/crew.h"
#include "exec/exec.h"
#include "support/test.h"

#include <string.h>

/* For what comes, if the library is not broken. */
static inline crew_time patience(void)
{
	return CREW_S(20 * test_slower());
}

struct gate {
	struct crew__word32 value;
};

/* pre: nobody waits. */
static inline void gate_reset(struct gate *gate)
{
	crew__store32_release(&gate->value, 0);
}

static inline void gate_add(struct gate *gate, uint32_t n)
{
	crew__add32_acq_rel(&gate->value, n);
	crew__port_wake(&gate->value, INT32_MAX);
}

static inline bool gate_reached(const struct gate *gate, uint32_t n)
{
	return crew__load32_acquire(&gate->value) >= n;
}

/* Until the number is at least n, with patience: is it? */
static inline bool gate_wait(struct gate *gate, uint32_t n)
{
	crew_time end = crew_now() + patience();
	uint32_t value;

	while ((value = crew__load32_acquire(&gate->value)) < n)
		if (!crew__port_wait(&gate->value, value, end))
			return gate_reached(gate, n);
	return true;
}

/* Returns when at least n tasks of the crew wait for this reason (park.h) and may be
 * interrupted. */
static inline void wait_for_parked(const struct crew *crew, unsigned n, const char *reason)
{
	for (unsigned found = 0; found < n;) {
		struct crew__fiber *fiber;

		found = 0;
		for (uint64_t i = 0; (fiber = crew__fiber_at(crew, i)); i++) {
			const char *its =
				(const char *)(uintptr_t)crew__load_relaxed(&fiber->reason);

			found += its && strcmp(its, reason) == 0 &&
				 CREW__PARK_STATE(crew__load_acquire(&fiber->parker.word)) ==
					 CREW__WAITING;
		}
		if (found < n)
			crew_yield();
	}
}

#endif /* SUPPORT_GATE_H */
