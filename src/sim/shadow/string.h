/* SPDX-License-Identifier: MIT */
/*
 * shadow/string.h - what memset and memcpy touch, shown to src/sim/race.c: compilers
 * put their own code in their place, and do not tell. (For what is compiled for TSan.)
 */
#ifndef CREW__SIM_SHADOW_STRING_H
#define CREW__SIM_SHADOW_STRING_H

#pragma GCC system_header /* include_next is no C11 */
#include_next <string.h>

#include <stdbool.h>

#if defined(__SANITIZE_THREAD__)
#define CREW__SIM_SHOWS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CREW__SIM_SHOWS 1
#endif
#endif

#ifdef CREW__SIM_SHOWS

void crew__sim_touched(const void *at, size_t bytes, bool writes); /* race.c */

static inline void *crew__sim_memset(void *at, int value, size_t bytes)
{
	crew__sim_touched(at, bytes, true);
	return memset(at, value, bytes);
}

static inline void *crew__sim_memcpy(void *to, const void *from, size_t bytes)
{
	crew__sim_touched(from, bytes, false);
	crew__sim_touched(to, bytes, true);
	return memcpy(to, from, bytes);
}

#undef memset
#undef memcpy
#define memset crew__sim_memset
#define memcpy crew__sim_memcpy

#endif

#endif /* CREW__SIM_SHADOW_STRING_H */
