/* SPDX-License-Identifier: MIT */
/* exceptions.cpp - an exception that is being thrown or handled belongs to its task (R5). */
#include "crew/crew.h"

#include <cstdio>
#include <exception>

static int wrong;

/* Lets other tasks throw, and catch, while an exception leaves its block. */
struct Yields {
	~Yields()
	{
		crew_yield();
		wrong += std::uncaught_exceptions() != 1;
	}
};

static void throws(int who)
{
	Yields yields;

	throw who;
}

/* Tasks begin, throw and catch while others throw, or are in their handlers. */
static int catches(void *arg)
{
	int me = *static_cast<int *>(arg);

	wrong += std::current_exception() != nullptr;
	for (int turn = 0; turn < 50; turn++) {
		try {
			throws(me);
		} catch (int) {
			crew_yield();
			wrong += std::uncaught_exceptions() != 0;
			try {
				throw;
			} catch (int who) {
				wrong += who != me;
			}
		}
	}
	return 0;
}

static int all(void *)
{
	static int names[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct crew_group group;

	crew_group_open(&group, nullptr);
	for (int &name : names)
		crew_group_spawn(&group, catches, &name);
	return crew_group_close(&group, 0);
}

int main()
{
	struct crew_options options = {};
	struct crew *crew;
	int rc;

	options.size = sizeof(options);
	options.workers = 1;
	rc = crew_start(&crew, &options);
	if (rc == 0) {
		rc = crew_run(crew, all, nullptr);
		crew_stop(crew);
	}
	if (rc || wrong)
		std::fprintf(stderr, "%d; %d times an exception was another task's\n", rc, wrong);
	return rc || wrong;
}
