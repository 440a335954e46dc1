/* SPDX-License-Identifier: MIT */
/*
 * tls.c - a program with large thread-locals may have a crew: the C library takes them
 * from the stack of each thread, however small the thread asks it to be.
 */
#include "crew/crew.h"

#include <stdio.h>
#include <string.h>

static _Thread_local volatile char large[300 * 1024];

static int touch(void *arg)
{
	(void)arg;
	memset((void *)(uintptr_t)large, 5, sizeof(large));
	return large[sizeof(large) - 1];
}

int main(void)
{
	int rc = crew_run(NULL, touch, NULL);

	puts("tls: SEED=0 (nothing is random)");
	if (rc != 5)
		fprintf(stderr, "tls: %d: %s\n", rc, crew_strerror(rc));
	return rc != 5;
}
