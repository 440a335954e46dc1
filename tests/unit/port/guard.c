/* SPDX-License-Identifier: MIT */
/* Guards of several stacks, laid in one call: how many it says is how many there are. */
#include "support/test.h"

#include "base/config.h"
#include "port/port.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT ((unsigned)CREW__GUARD_BATCH)
#define PAGES 3 /* from one guard to the next */

/* The system does not read there either, and says so. */
static bool is_guarded(const char *at)
{
	int ends[2];
	bool guarded;

	cr_assert(pipe(ends) == 0);
	guarded = write(ends[1], at, 1) < 0 && errno == EFAULT;
	close(ends[0]);
	close(ends[1]);
	return guarded;
}

/* Of the `count` places the one that `missing` says is not mapped. */
static void lay(unsigned missing)
{
	size_t page = crew__port_page_bytes();
	size_t stride = PAGES * page;
	char *at = crew__port_map(COUNT * stride);
	int before = errno = EXDEV;

	cr_assert(at != NULL);
	if (missing < COUNT)
		cr_assert(munmap(at + missing * stride, page) == 0);
	cr_assert_eq(crew__port_guard(at, page, stride, COUNT), missing);
	cr_assert_eq(errno, before);
	for (unsigned i = 0; i < COUNT; i++) {
		char *place = at + i * stride;

		if (i != missing)
			cr_assert_eq(is_guarded(place), i < missing, "place %u of %u", i, missing);
		cr_assert(!is_guarded(place + page) && !is_guarded(place + stride - 1));
	}
	crew__port_unmap(at, COUNT * stride);
}

Test(port, as_many_guards_are_laid_as_it_says)
{
	lay(COUNT);
	for (unsigned missing = COUNT; missing-- > 0;)
		lay(missing);
	lay(COUNT); /* whatever the system has refused */
}
