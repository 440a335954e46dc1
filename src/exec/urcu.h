/* SPDX-License-Identifier: MIT */
/*
 * urcu.h - liburcu under sanitizers and in the simulated world.
 *
 * liburcu 0.13 does its atomics in assembly, which TSan does not see: who hands
 * something over through one of its structures says so with these two. In
 * simulated builds the structures are those of src/sim/shadow/, which need neither.
 */
#ifndef CREW__URCU_H
#define CREW__URCU_H

#include "base/atomic.h"

#define crew__urcu_release(at) crew__tsan_release(at)
#define crew__urcu_acquire(at) crew__tsan_acquire(at)

#endif /* CREW__URCU_H */
