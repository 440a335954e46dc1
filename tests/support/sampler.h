/* SPDX-License-Identifier: MIT */
/*
 * sampler.h - a profiler that counts: SIGPROF walks the stack of whatever thread it finds,
 * in the middle of whatever it does.
 */
#ifndef SUPPORT_SAMPLER_H
#define SUPPORT_SAMPLER_H

#include "base/atomic.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unwind.h>

static struct crew_word samples;
static struct crew_word endless; /* those that did not come to an end */

static inline _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *arg)
{
	(void)context;
	return ++*(int *)arg < 1000 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static inline void sample(int signal)
{
	int saved = errno;
	int depth = 0;

	(void)signal;
	_Unwind_Backtrace(count_frame, &depth); /* NOLINT(bugprone-signal-handler) */
	crew__add_relaxed(&samples, 1);
	if (depth >= 1000)
		crew__add_relaxed(&endless, 1);
	errno = saved;
}

static inline void set_sampling_timer(int us)
{
	struct itimerval often = { .it_interval = { .tv_usec = us },
				   .it_value = { .tv_usec = us } };

	setitimer(ITIMER_PROF, &often, NULL);
}

static inline void start_sampling(int us)
{
	struct sigaction action = { .sa_handler = sample, .sa_flags = SA_RESTART };
	int depth = 0;

	_Unwind_Backtrace(count_frame, &depth); /* loads what it needs, outside of a handler */
	sigaction(SIGPROF, &action, NULL);
	set_sampling_timer(us);
}

static inline void stop_sampling(void)
{
	set_sampling_timer(0);
	signal(SIGPROF, SIG_IGN);
}

#endif /* SUPPORT_SAMPLER_H */
