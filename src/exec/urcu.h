/* SPDX-License-Identifier: MIT */
/*
 * urcu.h - liburcu under sanitizers and in the simulated world.
 *
 * liburcu 0.13 does its atomics in assembly, which TSan does not see: who hands
 * something over through one of its structures says so with these two. In
 * simulated builds they are the scheduling points instead.
 */
#ifndef CREW__URCU_H
#define CREW__URCU_H

#include "base/atomic.h"

#ifdef CREW__TSAN
#include <sanitizer/tsan_interface.h>
#define crew__urcu_release(at) __tsan_release(at)
#define crew__urcu_acquire(at) __tsan_acquire(at)
#else
#define crew__urcu_release(at) CREW__POINT()
#define crew__urcu_acquire(at) CREW__POINT()
#endif

#endif /* CREW__URCU_H */
