/* SPDX-License-Identifier: MIT */
/*
 * assert.c - the end of a process that was misused. Writes through a small
 * buffer and the function that port/ hands in, because printf may be what broke.
 */
#include "base/assert.h"

#include "base/atomic.h"

#include <string.h>

#ifdef CREW__TSAN
struct crew_word crew__tsan_fence;
#endif

/* The two functions of port/ that last words need; base/ is below port/. */
void crew__port_say(const char *text);
_Noreturn void crew__port_abort(void);

static void append(char *line, size_t size, const char *text)
{
	size_t used = strlen(line);

	for (; *text && used + 1 < size; used++)
		line[used] = *text++;
	line[used] = '\0';
}

void crew__fail(const char *sentence, const char *detail, const char *site)
{
	char line[512] = "crew: ";

	append(line, sizeof(line), sentence);
	if (detail) {
		append(line, sizeof(line), ": ");
		append(line, sizeof(line), detail);
	}
	append(line, sizeof(line), " (");
	append(line, sizeof(line), site);
	append(line, sizeof(line), ")\n");
	crew__port_say(line);
	crew__port_abort();
}
