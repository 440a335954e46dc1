/* SPDX-License-Identifier: MIT */
/*
 * trace.h - what a worker did last: a ring of events, one for each worker,
 * printed by dumps. Emitting is one store; only rare events are emitted, so it
 * is always on.
 */
#ifndef CREW__TRACE_H
#define CREW__TRACE_H

#include "base/atomic.h"

/* clang-format off */
#define CREW__TRACE_EVENTS(X) \
	X(NONE,		"") \
	X(STEAL,	"stole from worker") \
	X(TAKE,		"took a ready fiber of worker") \
	X(EXPOSE,	"exposed the tasks of worker") \
	X(SLEEP,	"slept") \
	X(WAKE,		"woke") \
	X(INJECT,	"took injected work")
/* clang-format on */

enum crew__trace_event {
#define CREW__TRACE_NAME(name, text) CREW__TRACE_##name,
	CREW__TRACE_EVENTS(CREW__TRACE_NAME)
#undef CREW__TRACE_NAME
};

#define CREW__TRACE_LENGTH 32

struct crew__trace {
	struct crew_word next;
	struct crew_word events[CREW__TRACE_LENGTH]; /* event:8, argument:56 */
};

/* One writer for each ring. */
static inline void crew__trace(struct crew__trace *trace, enum crew__trace_event event,
			       uint64_t argument)
{
	uint64_t next = crew__own(&trace->next);

	crew__show(&trace->events[next % CREW__TRACE_LENGTH], (uint64_t)event | argument << 8);
	crew__show(&trace->next, next + 1);
}

#endif /* CREW__TRACE_H */
