/* SPDX-License-Identifier: MIT */
/*
 * small.h - models of one protocol each: two or three threads drive the functions of a
 * header of src/exec/ directly, without a crew, or with one that is nothing but its workers
 * (mini.h). Their runs are so short that all within a bound can be made, and then many more.
 *
 * `make model` makes a few thousand runs by seed of each. A million:
 *
 *	SEEDS=1000 TEST_SLOWER=20 build/sim/tests-model queues/ timer/ idle/ epoch/ stop/
 */
#ifndef CREW_SMALL_H
#define CREW_SMALL_H

#include "sim/sim.h"

#include "support/test.h"

#define SMALL_SEEDS 1000

/* All runs with at most `bound` interruptions, then SMALL_SEEDS by seed. */
void small_search(const char *name, void (*main)(void *), void *arg, unsigned bound);
/* The same, where the library must use real fences, and with what the system may do on
 * top: wakes for nothing, time that passes early. */
void small_search_all(const char *name, void (*main)(void *), void *arg, unsigned bound);
/* By seed only: for what has too many runs already without an interruption. */
void small_seeds_all(const char *name, void (*main)(void *), void *arg);

#endif /* CREW_SMALL_H */
