/* SPDX-License-Identifier: MIT */
/*
 * overflow.c - a task that needs more stack than it has is named before the fault ends
 * the process: once, on stderr, from inside of a signal handler. So nothing here
 * allocates, locks, or formats with printf.
 *
 * On when CREW_STACK_REPORT=1, and in builds with assertions unless it is 0.
 */
#include "exec/worker.h"

#include <string.h>

static bool reports CREW__STATE;
static struct crew__word32 reported CREW__STATE;

static bool in_guard(const struct crew__fiber *fiber, uintptr_t address)
{
	uintptr_t low = fiber ? (uintptr_t)fiber->context.low : 0;

	return address < low && low - address <= fiber->crew->fibers.guard_bytes;
}

static void put(char line[512], const char *text)
{
	strncat(line, text, 511 - strlen(line));
}

static void put_number(char line[512], size_t number)
{
	char digits[24] = { 0 };
	char *first = &digits[22];

	do {
		*--first = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	put(line, first);
}

static void name_overflow(uintptr_t address)
{
	const struct crew__worker *worker = crew__self();
	const struct crew__fiber *fiber = worker ? worker->fiber : NULL;
	char line[512] = "crew: stack overflow in ";
	const char *name;
	const char *site;
	size_t bytes;

	/* `left`: a switch writes the last registers to the stack that it leaves */
	if (worker && !in_guard(fiber, address))
		fiber = worker->left;
	if (!fiber || !in_guard(fiber, address) || crew__exchange32_acq_rel(&reported, 1))
		return;
	name = crew__shown_text(&fiber->name);
	site = crew__shown_text(&fiber->site);
	bytes = (size_t)(fiber->context.high - fiber->context.low);
	put(line, name ? name : "task");
	put(line, " (");
	put(line, site ? site : "?");
	put(line, "): it has ");
	put_number(line, bytes);
	put(line, " bytes; give .stack_bytes to crew_start(), or set CREW_STACK_BYTES=");
	put_number(line, 4 * bytes);
	put(line, "\n");
	crew__port_say(line);
}

void crew__overflow_init(void)
{
	const char *wanted = crew__port_env("CREW_STACK_REPORT");

#ifdef CREW_RELEASE
	reports = wanted && strcmp(wanted, "1") == 0;
#else
	reports = !wanted || strcmp(wanted, "0") != 0;
#endif
	if (reports)
		crew__port_on_fault(name_overflow);
}

void *crew__overflow_begin(void)
{
	return reports ? crew__port_fault_stack() : NULL;
}

void crew__overflow_end(void *stack)
{
	if (stack)
		crew__port_fault_stack_end(stack);
}
