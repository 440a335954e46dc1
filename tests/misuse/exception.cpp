/* expect: a C++ exception left a task; catch it in the task and return a code */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"

#include <stdexcept>

static int throws(void *)
{
	throw std::runtime_error("nobody catches this");
}

int main()
{
	return crew_run(nullptr, throws, nullptr);
}
