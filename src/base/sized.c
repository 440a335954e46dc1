/* SPDX-License-Identifier: MIT */
/* sized.c - see sized.h. */
#include "base/sized.h"

#define BYTES_MAX 4096U /* of any options there will be: more is no size */

const void *crew__options_copy(const void *given, void *room, size_t bytes, size_t first)
{
	size_t size = crew__size_of(given);

	if (size < first || size > BYTES_MAX)
		return NULL;
	for (size_t i = bytes; i < size; i++)
		if (((const char *)given)[i])
			return NULL;
	memset(room, 0, bytes);
	memcpy(room, given, size < bytes ? size : bytes);
	memcpy(room, &bytes, sizeof(bytes));
	return room;
}

void crew__stats_give(void *to, const void *from, size_t bytes)
{
	size_t size = crew__size_of(to);

	if (size < sizeof(size))
		return;
	memset((char *)to + sizeof(size), 0, size - sizeof(size));
	memcpy((char *)to + sizeof(size), (const char *)from + sizeof(size),
	       (size < bytes ? size : bytes) - sizeof(size));
}
