/* SPDX-License-Identifier: MIT */
/*
 * report.c - what is printed about a run that failed: why, who waits where, the
 * last events, and the command that does it again. Places in the code are found
 * by addr2line, when there is one; else they are printed as addresses.
 */
#include "sim/world.h"

#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef CREW__SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define world crew__sim_world

#define EVENTS_SHOWN  40U
#define PLACE_MAX     200
#define LANDING_BYTES ((size_t)256 * 1024)

static sigjmp_buf report_goes_on;
static volatile sig_atomic_t reporting;

extern const char image_start[] __asm__("__executable_start") __attribute__((weak));

static const char *const verdicts[] = {
	[CREW__SIM_OK] = "ok",
	[CREW__SIM_DEADLOCK] = "deadlock",
	[CREW__SIM_LIVELOCK] = "livelock",
	[CREW__SIM_FAILED] = "failed",
	[CREW__SIM_LEAKED] = "leak",
	[CREW__SIM_DIVERGED] = "not determined",
};

const char *crew__sim_verdict_name(enum crew__sim_verdict verdict)
{
	return verdicts[verdict];
}

/* ---- places ------------------------------------------------------------------ */

/* Where the address lies in the file: addresses of a PIE are moved when loaded. */
static unsigned long in_file(const void *address)
{
	unsigned long at = (unsigned long)(uintptr_t)address;
	unsigned long base = (unsigned long)(uintptr_t)image_start;

	return base > 0x1000000 ? at - base : at;
}

/* "operation at atomic.h:12" and the functions it is inlined into, innermost first:
 * keeps the operation's name, and where the first two others are. */
static void add_frame(char place[PLACE_MAX], const char *line)
{
	char function[80];
	char file[80];
	size_t used = strlen(place);

	if (sscanf(line, " (inlined by) %79s at %79s", function, file) != 2 &&
	    sscanf(line, "%*x: %79s at %79s", function, file) != 2)
		return;
	if (strncmp(file, "atomic.h:", 9) == 0)
		snprintf(place + used, PLACE_MAX - used, "%s", function);
	else if (!strchr(place, ','))
		snprintf(place + used, PLACE_MAX - used, "%s%s %s",
			 strchr(place, ':') ? ", " :
			 used		    ? "  " :
					      "",
			 function, file);
}

/* Fills place[i] for address[i]. */
static void find_places(const void *const *address, char (*place)[PLACE_MAX], size_t count)
{
	char command[16 * 1024];
	char line[512];
	char exe[256] = "";
	size_t used;
	size_t index = (size_t)-1;
	FILE *out;

	for (size_t i = 0; i < count; i++)
		place[i][0] = '\0';
	if (count == 0 || readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return;
	used = (size_t)snprintf(command, sizeof(command), "addr2line -a -f -i -s -p -e '%s'", exe);
	for (size_t i = 0; i < count && used + 32 < sizeof(command); i++)
		used += (size_t)snprintf(command + used, sizeof(command) - used, " %lx",
					 in_file(address[i]) - 1);
	snprintf(command + used, sizeof(command) - used, " 2>/dev/null");
	out = popen(command, "r");
	while (out && fgets(line, sizeof(line), out)) {
		index += line[0] == '0';
		if (index < count)
			add_frame(place[index], line);
	}
	if (out)
		pclose(out);
	for (size_t i = 0; i < count; i++)
		if (!place[i][0])
			snprintf(place[i], PLACE_MAX, "%#lx", in_file(address[i]));
}

void crew__sim_place(const void *where, char *text, size_t size)
{
	char place[1][PLACE_MAX] = { "" };

	if (world.loud)
		find_places(&where, place, 1);
	snprintf(text, size, "%s", place[0]);
}

/* ---- threads ------------------------------------------------------------------- */

static void print_state(const struct crew__sim_virtual *thread)
{
	switch (thread->state) {
	case CREW__SIM_FREE:
	case CREW__SIM_DONE:
		fprintf(stderr, "has ended");
		break;
	case CREW__SIM_RUNNABLE:
		fprintf(stderr, thread == world.self ? "runs" : "could run");
		break;
	case CREW__SIM_BLOCKED:
		if (thread->word)
			fprintf(stderr, "waits on %p, which holds %u", (void *)thread->word,
				(unsigned)thread->word->value);
		else
			fprintf(stderr, "joins a thread");
		if (thread->when != CREW_NEVER)
			fprintf(stderr, " until %+lld ns", (long long)(thread->when - world.now));
		break;
	}
}

static void print_threads(void)
{
	static char place[CREW__SIM_FRAMES][PLACE_MAX];

	for (uint32_t i = 0; i < world.used; i++) {
		struct crew__sim_virtual *thread = &world.threads[i];

		if (thread->state == CREW__SIM_FREE || thread->state == CREW__SIM_DONE)
			continue;
		fprintf(stderr, "sim:   thread %u \"%s\", step %llu, ", (unsigned)i, thread->name,
			(unsigned long long)thread->steps);
		print_state(thread);
		fprintf(stderr, "\n");
		crew__sim_inspect(thread);
		find_places((const void *const *)thread->frames, place,
			    (size_t)thread->frame_count);
		for (int frame = 0; frame < thread->frame_count; frame++)
			if (!strstr(place[frame], "crew__sim_") && strstr(place[frame], ".c:"))
				fprintf(stderr, "sim:      %s\n", place[frame]);
	}
}

/* ---- events --------------------------------------------------------------------- */

static void print_event(const struct crew__sim_event *event, const char *place)
{
	static const char *const names[] = {
		[CREW__SIM_EVENT_POINT] = "",
		[CREW__SIM_EVENT_RUN] = "---- now runs thread ",
		[CREW__SIM_EVENT_WAIT] = "wait ",
		[CREW__SIM_EVENT_WAKE] = "wake ",
		[CREW__SIM_EVENT_START] = "start thread ",
		[CREW__SIM_EVENT_END] = "ends",
		[CREW__SIM_EVENT_TIME] = "time passes",
		[CREW__SIM_EVENT_CHOOSE] = "choose below ",
		[CREW__SIM_EVENT_OLD] = "an old value, so many before the newest: ",
	};
	bool has_value = event->kind != CREW__SIM_EVENT_POINT &&
			 event->kind != CREW__SIM_EVENT_END && event->kind != CREW__SIM_EVENT_TIME;

	fprintf(stderr, "sim:   %u  %s", (unsigned)event->thread, names[event->kind]);
	if (has_value)
		fprintf(stderr, "%u", (unsigned)event->value);
	fprintf(stderr, "%s%s\n", has_value && place[0] ? "  " : "", place);
}

static void print_events(void)
{
	static char place[CREW__SIM_EVENTS][PLACE_MAX];
	static const void *address[CREW__SIM_EVENTS];
	const char *wanted = getenv("TRACE");
	uint64_t count = wanted ? strtoull(wanted, NULL, 10) : EVENTS_SHOWN;
	uint64_t first;

	count = count < CREW__SIM_EVENTS ? count : CREW__SIM_EVENTS;
	count = count < world.event_count ? count : world.event_count;
	first = world.event_count - count;
	fprintf(stderr, "sim: the last %u events, by thread (TRACE=n shows n)\n", (unsigned)count);
	for (uint64_t from = 0; from < count; from += 256) {
		uint64_t n = count - from < 256 ? count - from : 256;

		for (uint64_t i = 0; i < n; i++) {
			const struct crew__sim_event *event =
				&world.events[(first + from + i) % CREW__SIM_EVENTS];

			address[i] = event->at ? event->at : (const void *)image_start;
		}
		find_places(address, &place[from], n);
	}
	for (uint64_t i = 0; i < count; i++) {
		const struct crew__sim_event *event = &world.events[(first + i) % CREW__SIM_EVENTS];

		print_event(event, event->at ? place[i] : "");
	}
}

/* ---- reports ----------------------------------------------------------------------- */

/* The words of the test. What it loads is no step. */
static void describe(void)
{
	if (!world.options->describe)
		return;
	world.looking = true;
	world.next = UINT64_MAX;
	world.options->describe(world.arg);
}

void crew__sim_report(void)
{
	const struct crew__sim_result *result = &world.result;
	struct crew__sim_virtual *self = world.self;

	fprintf(stderr, "sim: %s: %s: %s\n", world.options->name ? world.options->name : "a run",
		verdicts[result->verdict], result->message);
	fprintf(stderr, "sim: after %llu steps, %llu switches, %lld ns\n",
		(unsigned long long)result->steps, (unsigned long long)result->switches,
		(long long)(world.now - CREW__SIM_START));
	reporting = true;
	if (sigsetjmp(report_goes_on, 1) == 0) {
		print_threads();
		describe();
	}
	reporting = false;
	world.self = self;
	world.inspecting = false;
	print_events();
}

static void print_command(void)
{
	char exe[512] = "";
	char here[512] = "";
	const char *shown = exe;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		snprintf(exe, sizeof(exe), "the test program");
	if (getcwd(here, sizeof(here)) && strncmp(exe, here, strlen(here)) == 0 &&
	    exe[strlen(here)] == '/')
		shown = exe + strlen(here) + 1;
	fprintf(stderr, " %s%s\n", shown == exe ? "" : "./", shown);
}

void crew__sim_report_replay(const struct crew__sim_options *options,
			     const struct crew__sim_result *result)
{
	fprintf(stderr, "sim: to do it again:\n");
	if (result->choices[0] || options->strategy == CREW__SIM_REPLAY)
		fprintf(stderr, "sim:   SIM='%s' CHOICES='%s'", options->name, result->choices);
	else
		fprintf(stderr, "sim:   SIM='%s' SEED=%llu", options->name,
			(unsigned long long)result->seed);
	print_command();
}

/* ---- crashes ------------------------------------------------------------------------ */

#ifdef CREW__SIM_ASAN

/* ASan ends the process after it has said what it found. */
static void print_crash(void)
{
	const struct crew__sim_options *options = world.options;
	struct crew__sim_result *result = &world.result;

	if (!world.running)
		return;
	world.running = false;
	world.next = UINT64_MAX;
	fprintf(stderr, "sim: %s: that was in thread %u\n", options->name ? options->name : "a run",
		(unsigned)world.self->index);
	print_events();
	crew__sim_choices_end(result);
	crew__sim_report_replay(options, result);
}

void crew__sim_report_signals(void)
{
	__sanitizer_set_death_callback(print_crash);
}

#else

static char *landing_stack;
static int crash_number;
static volatile sig_atomic_t crashing;

/* What the crashed thread goes on with, on a stack that is good. */
static void landing(void)
{
	crew__sim_fail(CREW__SIM_FAILED, "thread %u crashed: %s", crew__sim_thread(),
		       strsignal(crash_number));
}

static void on_crash(int number, siginfo_t *info, void *opaque)
{
	ucontext_t *context = opaque;
	uintptr_t top = (uintptr_t)landing_stack + LANDING_BYTES - 64;

	(void)info;
	if (reporting)
		siglongjmp(report_goes_on, 1); /* the stacks that it looks at are broken */
	if (!world.running) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	crash_number = number;
	world.crashed = true;
	world.self->frame_count = 0;
	/* a stack that is broken crashes here, a second time */
	if (crashing++ == 0)
		world.self->frame_count = backtrace(world.self->frames, CREW__SIM_FRAMES);
	crashing = 0;
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)landing;
	context->uc_mcontext.gregs[REG_RSP] = (greg_t)(top - 8); /* as after a call */
#elif defined(__aarch64__)
	context->uc_mcontext.pc = (uintptr_t)landing;
	context->uc_mcontext.sp = top;
#else
	signal(number, SIG_DFL);
#endif
}

void crew__sim_report_signals(void)
{
	static bool done;
	struct sigaction action = { .sa_sigaction = on_crash,
				    .sa_flags = SA_ONSTACK | SA_SIGINFO | SA_NODEFER };
	stack_t stack = { .ss_size = LANDING_BYTES };

	if (done)
		return;
	done = true;
	landing_stack = mmap(NULL, 2 * LANDING_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (landing_stack == MAP_FAILED)
		return;
	stack.ss_sp = landing_stack + LANDING_BYTES;
	if (sigaltstack(&stack, NULL) != 0)
		return;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
}

#endif
