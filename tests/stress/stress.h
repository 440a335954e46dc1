/* SPDX-License-Identifier: MIT */
/*
 * stress.h - how long a stress program runs, and from which seed; its last words when it
 * found something.
 */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include "crew/crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t stress_seed; /* 0 where nothing is random */

/* SECONDS, or 8. */
static inline crew_time stress_length(void)
{
	const char *seconds = getenv("SECONDS");

	return CREW_S(seconds ? atoi(seconds) : 8);
}

/* SEED, or another one each time. */
static inline void stress_choose_seed(void)
{
	const char *text = getenv("SEED");

	stress_seed = text && *text ? strtoull(text, NULL, 10) : (uint64_t)crew_now();
	printf("%s: SEED=%llu\n", program_invocation_short_name, (unsigned long long)stress_seed);
	fflush(stdout);
}

static inline _Noreturn void die(const char *what, int64_t a, int64_t b)
{
	fprintf(stderr, "%s: SEED=%llu: %s: %lld, %lld\n", program_invocation_short_name,
		(unsigned long long)stress_seed, what, (long long)a, (long long)b);
	abort();
}

#endif /* STRESS_STRESS_H */
