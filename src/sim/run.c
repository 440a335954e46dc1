/* SPDX-License-Identifier: MIT */
/*
 * run.c - one run: how it begins, ends, and fails.
 *
 * A run that fails is abandoned: the world switches back to whoever started it, and
 * no thread of it runs again, but to tell its frames. What it has mapped is unmapped;
 * static variables are put back before the next run.
 */
#include "sim/world.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define world crew__sim_world

void crew__sim_fail(enum crew__sim_verdict verdict, const char *format, ...)
{
	struct crew__sim_result *result = &world.result;
	va_list args;

	result->verdict = verdict;
	va_start(args, format);
	vsnprintf(result->message, sizeof(result->message), format, args);
	va_end(args);
	if (!world.running) {
		fprintf(stderr, "sim: %s\n", result->message);
		__builtin_trap();
	}
	world.past = result->steps = crew__sim_steps();
	world.next = UINT64_MAX;
	if (world.loud)
		crew__sim_report();
	world.running = false;
	crew__sim_switch(&world.outside);
	__builtin_unreachable();
}

/* The library's static variables, put into one section by CREW__SIM_STATE. */
extern char start_of_state[] __asm__("__start_crew_state") __attribute__((weak));
extern char end_of_state[] __asm__("__stop_crew_state") __attribute__((weak));

static void restore_state(void)
{
	static char *saved;
	size_t bytes = (size_t)(end_of_state - start_of_state);

	if (bytes == 0)
		return;
	if (saved) {
		memcpy(start_of_state, saved, bytes);
		return;
	}
	saved = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (saved == MAP_FAILED)
		__builtin_trap();
	memcpy(saved, start_of_state, bytes);
}

static void begin_run(const struct crew__sim_options *options, void *arg)
{
	restore_state();
	world.options = options;
	world.arg = arg;
	world.runnable = world.past = world.turn_from = world.handles = world.waits = 0;
	world.thread_calls = world.map_calls = world.event_count = 0;
	world.used = world.alive = 0;
	world.now = CREW__SIM_START;
	world.said[0] = '\0';
	world.result = (struct crew__sim_result){ .seed = options->seed };
	world.inspecting = world.crashed = world.looking = false;
	world.outside.steps = 0;
	for (uint32_t i = 0; i < CREW__SIM_THREADS; i++) {
		world.threads[i].state = CREW__SIM_FREE;
		world.threads[i].steps = 0;
	}
	crew__sim_weak_begin();
	crew__sim_races_begin();
	crew__sim_outside_begin();
	crew__sim_choices_begin(options);
	world.running = true;
}

static struct crew__sim_options with_defaults(const struct crew__sim_options *given)
{
	struct crew__sim_options options = *given;

	options.one_in = options.one_in ? options.one_in : 10;
	options.depth = options.depth ? options.depth : 2;
	options.step_max = options.step_max ? options.step_max : 200000;
	options.turn_max = options.turn_max ? options.turn_max : 1000;
	options.length = options.length ? options.length : 1000;
	return options;
}

static void end_run(bool may_leak)
{
	struct crew__sim_result *result = &world.result;
	const char *left;

	world.running = false;
	world.next = UINT64_MAX;
	left = crew__sim_outside_end();
	for (uint32_t i = 1; i < world.used && !left; i++)
		if (world.threads[i].state != CREW__SIM_FREE)
			left = "a thread was not joined";
	if (result->verdict == CREW__SIM_OK && left && !may_leak) {
		result->verdict = CREW__SIM_LEAKED;
		snprintf(result->message, sizeof(result->message), "%s", left);
		if (world.loud)
			fprintf(stderr, "sim: %s\n", left);
	}
	result->runs = 1;
	result->steps = result->all_steps = world.past;
	result->time = world.now - CREW__SIM_START;
	crew__sim_choices_end(result);
}

struct crew__sim_result crew__sim_run(const struct crew__sim_options *given, void (*main)(void *),
				      void *arg)
{
	struct crew__sim_options options = with_defaults(given);
	uint64_t handle;

	world.loud = !options.quiet;
	crew__sim_report_signals();
	begin_run(&options, arg);
	if (!crew__sim_make_thread(main, arg, "main", &handle))
		__builtin_trap();
	crew__sim_switch(&world.threads[0]);
	end_run(options.may_leak);
	world.options = NULL;
	return world.result;
}
