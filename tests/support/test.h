/* SPDX-License-Identifier: MIT */
/*
 * test.h - what every test includes. The same files are built against Criterion,
 * which runs each test in a process of its own, and against support/plain.h, which
 * runs them all in one: for sanitizers, valgrind, gdb and the simulated world.
 *
 * cr_assert only in the test's own thread: Criterion leaves the test by longjmp.
 * Tasks note what they see, the test asserts it.
 */
#ifndef CREW_TEST_H
#define CREW_TEST_H

#ifdef CREW_PLAIN
#include "support/plain.h"
#else
#include <criterion/criterion.h>
#endif

#include <stdlib.h>

/* How many times longer than usual anything may take: under valgrind, sanitizers. */
static inline unsigned test_slower(void)
{
	const char *times = getenv("TEST_SLOWER");

	return times ? (unsigned)atoi(times) : 1;
}

#endif /* CREW_TEST_H */
