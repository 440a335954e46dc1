/* SPDX-License-Identifier: MIT */
/* alloc.c - see alloc.h. */
#include "base/alloc.h"

#include "base/atomic.h"

#include <stdlib.h>

static struct crew_word calls_to_failure CREW__STATE;

#ifdef CREW_SIM
void *crew__sim_alloc(size_t bytes);
void crew__sim_free(void *memory);
#define calloc(count, bytes) crew__sim_alloc(bytes)
#define free(memory)	     crew__sim_free(memory)
#endif

void crew__alloc_fail_after(unsigned long count)
{
	crew__store_relaxed(&calls_to_failure, count);
}

void *crew__alloc(size_t bytes)
{
	uint64_t left = crew__load_relaxed(&calls_to_failure);

	if (left && crew__add_relaxed(&calls_to_failure, (uint64_t)-1) == 1)
		return NULL;
	return calloc(1, bytes);
}

void crew__free(void *memory)
{
	free(memory);
}
