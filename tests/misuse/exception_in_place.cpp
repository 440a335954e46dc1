/* expect: a C++ exception left a task; catch it in the task and return a code */
/* SPDX-License-Identifier: MIT */
/* A child that close runs in place is a task as well: its exception does not reach the
 * owner, whose group would be left half closed. */
#include "crew/crew.h"

#include <cstdio>
#include <stdexcept>

static int throws(void *)
{
	throw std::runtime_error("the owner would catch this");
}

static int owner(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, nullptr);
	crew_group_spawn(&group, throws, arg);
	try {
		return crew_group_close(&group, 0);
	} catch (const std::exception &e) {
		std::printf("close let it through: %s\n", e.what());
		std::fflush(stdout);
		std::_Exit(3);
	}
}

int main()
{
	struct crew *crew;

	crew_options options = crew_defaults<crew_options>();

	options.workers = 1;
	if (crew_start(&crew, &options))
		return 2;
	return crew_run(crew, owner, nullptr);
}
