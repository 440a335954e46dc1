/* SPDX-License-Identifier: MIT */
/* sorted.h - what is measured of crew/parallel.h, and counted: empty turns, and numbers to sort. */
#ifndef SORTED_H
#define SORTED_H

#include <crew/parallel.h>

#define SORTED 300000

static int empty(size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (; begin < end; begin++)
		__asm__ volatile("");
	return 0;
}

CREW_SORT(sort_numbers, uint32_t, CREW_LESS)

static int compare(const void *a, const void *b, void *arg)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	(void)arg;
	return x < y ? -1 : x > y;
}

static int compare_two(const void *a, const void *b)
{
	return compare(a, b, NULL);
}

#endif /* SORTED_H */
