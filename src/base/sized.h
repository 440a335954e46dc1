/* SPDX-License-Identifier: MIT */
/*
 * sized.h - structs of callers that may have been compiled with other headers: options and stats,
 * which begin with their size. Fields are only added, at the end, and zero means what was before.
 *
 *	options		accepted from the size of the first release on, which each place that
 *			reads them knows by its last field then; fields that the caller's
 *			struct does not have are zero. A longer one, of newer headers, is
 *			accepted while all that we do not know in it is zero.
 *	stats		filled as far as the caller's struct goes; of a longer one the rest is
 *			zero.
 *
 * So that what is added is zero in programs of before, there are no holes at the end of such
 * structs: what would be one is a field.
 */
#ifndef CREW__SIZED_H
#define CREW__SIZED_H

#include "base/assert.h"

#include <string.h>

/* What a caller has written into the first field, before we know that there are others. */
static inline size_t crew__size_of(const void *given)
{
	size_t size;

	memcpy(&size, given, sizeof(size));
	return size;
}

/* Fills `room`, of `bytes`. NULL: too short, or not known. */
__attribute__((noinline)) const void *crew__options_copy(const void *given, void *room,
							 size_t bytes, size_t first);

static inline const void *crew__options(const void *given, void *room, size_t bytes, size_t first)
{
	if (crew__likely(crew__size_of(given) == bytes))
		return given;
	return crew__options_copy(given, room, bytes, first);
}

/* The size of a struct that ends with this field. */
#define CREW__SIZE_TO(type, field) (offsetof(type, field) + sizeof(__typeof__(((type *)0)->field)))

/* Options to be read: those given, or filled up in *room; or NULL, they are refused. `last` is
 * the last field of the first release. pre: given is not NULL. */
#define CREW__OPTIONS(given, room, last)                                                           \
	((const __typeof__(*(room)) *)crew__options(given, room, sizeof(*(room)),                  \
						    CREW__SIZE_TO(__typeof__(*(room)), last)))

/* Fills a caller's struct of stats. */
void crew__stats_give(void *to, const void *from, size_t bytes);

#endif /* CREW__SIZED_H */
