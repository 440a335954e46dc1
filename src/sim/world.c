/* SPDX-License-Identifier: MIT */
/*
 * world.c - one OS thread plays all threads.
 *
 * WORDS
 *	thread	here: a virtual thread, which has a stack and a stack pointer. The
 *		library's fibers are switched by the library inside of a thread; the
 *		world saves whatever stack the thread stands on.
 *	step	one operation on shared memory, or call of port/. Each thread counts
 *		its own: "thread 2, step 118" names a place in a run.
 *	point	the moment before a step: another thread may run first.
 *	turn	the steps of one thread from one switch to the next.
 *	decision	a place where a run could go on in different ways (choice.c).
 *
 * HOW A POINT WORKS. Nearly all points only count. world.next is the step of the
 * running thread at which something has to be looked at: the strategy wants to
 * switch, the turn is too long, the run is, or there is an invariant to be
 * checked at every step. plan() computes it, anew whenever one of these changes.
 *
 * FAIRNESS. A thread that runs for turn_max steps while others could run has to
 * let them; so a loop that waits for another thread ends. When nobody else could
 * run, time passes instead.
 */
#include "sim/world.h"

#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifdef CREW__SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES ((size_t)256 * 1024)

struct crew__sim_world crew__sim_world = {
	.self = &crew__sim_world.outside,
	.next = UINT64_MAX,
	.outside = { .index = CREW__SIM_OUTSIDE, .name = "outside" },
};

#define world crew__sim_world

/* The switch of fiber/, which is above this floor: all that it needs is a stack. */
void crew__switch_stacks(void **save, void *load);
void *crew__switch_prepare(char *low, char *high, void (*entry)(void *), void *arg);

/* ---- points --------------------------------------------------------------- */

uint64_t crew__sim_steps(void)
{
	return world.past + (world.self->steps - world.turn_from);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool alone(void)
{
	return (world.runnable & (world.runnable - 1)) == 0;
}

static void plan(void)
{
	uint64_t steps = world.self->steps;

	world.next = least(world.switch_at, least(world.turn_end, world.step_end));
	if (world.options->invariant)
		world.next = least(world.next, steps + 1);
}

/* The strategy is asked when it wants to be; not while there is nobody else. */
static void plan_switch(void)
{
	uint64_t patience = alone() ? UINT64_MAX : crew__sim_patience();
	uint64_t steps = world.self->steps;

	world.switch_at = patience < UINT64_MAX - steps ? steps + patience : UINT64_MAX;
	plan();
}

static void begin_turn(void)
{
	uint64_t steps = world.self->steps;
	uint64_t step_max = world.options->step_max;

	world.past += steps - world.turn_from;
	world.turn_from = steps;
	world.turn_end = steps + world.options->turn_max;
	world.step_end = steps + step_max - least(world.past, step_max);
	plan_switch();
}

void crew__sim_note(const void *at, enum crew__sim_event_kind kind, uint32_t value)
{
	world.events[world.event_count++ % CREW__SIM_EVENTS] = (struct crew__sim_event){
		.at = at,
		.thread = world.self->index,
		.kind = (uint8_t)kind,
		.value = value,
	};
}

static void switch_to(struct crew__sim_virtual *to);

/* Lets one of those that can run go on; `or_self`: perhaps this one. True: another
 * one did, and now it is our turn again. */
static bool decide_and_switch(enum crew__sim_decision kind, bool or_self)
{
	uint8_t names[CREW__SIM_THREADS];
	uint32_t count = 0;
	uint32_t self = world.self->index;
	uint64_t own = UINT64_C(1) << self;
	uint64_t after = ~(own | (own - 1));
	uint32_t chosen = 0;

	if (or_self)
		names[count++] = (uint8_t)self;
	/* those after this one, then those before */
	for (uint64_t bits = world.runnable & after; bits; bits &= bits - 1)
		names[count++] = (uint8_t)__builtin_ctzll(bits);
	for (uint64_t bits = world.runnable & ~after & ~own; bits; bits &= bits - 1)
		names[count++] = (uint8_t)__builtin_ctzll(bits);
	if (count > 1)
		chosen = crew__sim_decide(kind, count, names);
	if (names[chosen] == self)
		return false;
	switch_to(&world.threads[names[chosen]]);
	return true;
}

static void check_invariant(void)
{
	uint64_t steps = world.self->steps;

	world.next = UINT64_MAX; /* what it loads is no step */
	world.looking = true;
	world.options->invariant(world.arg);
	world.looking = false;
	world.self->steps = steps;
}

/* Others run, or time passes. */
static void give_way(void)
{
	crew__sim_lower(world.self);
	if (!alone() && decide_and_switch(CREW__SIM_GO, false))
		return;
	crew__sim_jump();
	begin_turn();
}

static void look(void)
{
	struct crew__sim_virtual *self = world.self;
	uint64_t steps = self->steps;

	if (!world.running)
		return;
	if (world.options->invariant)
		check_invariant();
	if (steps >= world.step_end)
		crew__sim_fail(CREW__SIM_LIVELOCK, "no end after %llu steps",
			       (unsigned long long)world.options->step_max);
	if (steps >= world.turn_end) {
		give_way();
	} else if (steps >= world.switch_at && !alone()) {
		if (world.options->early_one_in && crew__sim_somebody_waits_for_time() &&
		    crew__sim_rarely(world.options->early_one_in))
			crew__sim_jump();
		if (!decide_and_switch(CREW__SIM_STAY, true))
			plan_switch();
	} else {
		plan();
	}
}

void crew__sim_step(const void *at, enum crew__sim_event_kind kind, uint32_t value)
{
	crew__sim_note(at, kind, value);
	if (++world.self->steps >= world.next)
		look();
}

void crew__sim_point(void)
{
	CREW__SIM_STEP(POINT, 0);
}

void crew__sim_yield(void)
{
	CREW__SIM_STEP(POINT, 0);
	if (!world.running)
		return;
	world.self->steps++; /* the decision has a step of its own */
	give_way();
}

/* ---- switching ------------------------------------------------------------ */

static void arrived(void *fake)
{
#ifdef CREW__SIM_ASAN
	struct crew__sim_virtual *left = world.left;

	__sanitizer_finish_switch_fiber(fake, &left->bottom, &left->bytes);
#else
	(void)fake;
#endif
}

void crew__sim_switch(struct crew__sim_virtual *to)
{
	struct crew__sim_virtual *from = world.self;

	from->error = errno;
	world.left = from;
	world.self = to;
#ifdef CREW__SIM_ASAN
	__sanitizer_start_switch_fiber(&from->fake, to->bottom, to->bytes);
#endif
	crew__switch_stacks(&from->sp, to->sp);
	arrived(from->fake);
	errno = from->error;
}

static void switch_to(struct crew__sim_virtual *to)
{
	struct crew__sim_virtual *self = world.self;

	world.past += self->steps - world.turn_from;
	world.result.switches++;
	crew__sim_note(NULL, CREW__SIM_EVENT_RUN, to->index);
	world.turn_from = to->steps; /* until it begins its turn */
	crew__sim_switch(to);
	while (world.inspecting) {
		self->frame_count = backtrace(self->frames, CREW__SIM_FRAMES);
		crew__sim_switch(world.inspector);
	}
	begin_turn();
}

void crew__sim_inspect(struct crew__sim_virtual *thread)
{
	if (thread == world.self) {
		if (world.crashed)
			return; /* its frames were noted when it did */
		thread->frame_count = backtrace(thread->frames, CREW__SIM_FRAMES);
	} else if (thread->begun && thread->state != CREW__SIM_DONE) {
		thread->frame_count = 0;
		world.inspecting = true;
		world.inspector = world.self;
		crew__sim_switch(thread);
		world.inspecting = false;
	}
}

/* The calling thread cannot go on: somebody else must. */
void crew__sim_leave(void)
{
	struct crew__sim_virtual *self = world.self;

	if (world.options->invariant)
		check_invariant();
	self->steps++; /* the decision has a step of its own */
	world.runnable &= ~(UINT64_C(1) << self->index);
	while (!world.runnable)
		if (!crew__sim_jump())
			crew__sim_fail(CREW__SIM_DEADLOCK,
				       "everybody waits, for no moment in time");
	/* our own moment may have come */
	if (!decide_and_switch(CREW__SIM_GO, world.runnable >> self->index & 1))
		begin_turn();
}

void crew__sim_make_runnable(struct crew__sim_virtual *thread)
{
	bool was_alone = alone();

	thread->state = CREW__SIM_RUNNABLE;
	thread->word = NULL;
	thread->when = CREW_NEVER;
	world.runnable |= UINT64_C(1) << thread->index;
	if (thread == world.self)
		return;
	if (crew__sim_outranked(thread)) {
		world.switch_at = world.self->steps + 1;
		plan();
	} else if (was_alone) {
		plan_switch();
	}
}

/* ---- threads -------------------------------------------------------------- */

static void entry(void *opaque)
{
	struct crew__sim_virtual *self = opaque;

	arrived(NULL);
	self->begun = true;
	begin_turn();
	self->fn(self->arg);
	crew__sim_note(NULL, CREW__SIM_EVENT_END, 0);
	self->state = CREW__SIM_DONE;
	for (uint32_t i = 0; i < world.used; i++)
		if (world.threads[i].state == CREW__SIM_BLOCKED &&
		    world.threads[i].joins == self->handle)
			crew__sim_make_runnable(&world.threads[i]);
	if (--world.alive == 0) {
		if (world.options->invariant)
			check_invariant();
		world.past = crew__sim_steps();
		crew__sim_switch(&world.outside);
	}
	crew__sim_leave();
	__builtin_unreachable();
}

bool crew__sim_make_thread(void (*fn)(void *), void *arg, const char *name, uint64_t *handle)
{
	struct crew__sim_virtual *thread = NULL;

	for (uint32_t i = 0; i < CREW__SIM_THREADS && !thread; i++)
		if (world.threads[i].state == CREW__SIM_FREE)
			thread = &world.threads[i];
	if (!thread)
		return false;
	if (!thread->stack) {
		void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (stack == MAP_FAILED)
			return false;
		thread->stack = stack;
		mprotect(thread->stack, crew__port_page_bytes(), PROT_NONE);
	}
	thread->index = (uint8_t)(thread - world.threads);
	if (world.used <= thread->index)
		world.used = thread->index + 1U;
	thread->handle = *handle = ++world.handles;
	thread->fn = fn;
	thread->arg = arg;
	thread->error = 0;
	thread->joins = 0;
	thread->begun = false;
	thread->frame_count = 0;
	memset(thread->slots, 0, sizeof(thread->slots));
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->bottom = thread->stack;
	thread->bytes = STACK_BYTES;
#ifdef CREW__SIM_ASAN
	/* whoever ran here before may have been abandoned */
	__asan_unpoison_memory_region(thread->stack, STACK_BYTES);
#endif
	if (world.running)
		crew__sim_weak_map(); /* the stack may have been that of one who was joined */
	thread->sp =
		crew__switch_prepare(thread->stack, thread->stack + STACK_BYTES, entry, thread);
	crew__sim_weak_start(thread);
	world.alive++;
	crew__sim_rank(thread);
	crew__sim_make_runnable(thread);
	return true;
}

int crew__port_thread_start(uint64_t *thread, void (*fn)(void *), void *arg, const char *name)
{
	uint32_t fails = world.options ? world.options->thread_fails_from : 0;

	CREW__SIM_STEP(START, world.handles + 1);
	if (!world.running)
		crew__sim_fail(CREW__SIM_FAILED, "a thread was started outside of a run");
	if (fails && ++world.thread_calls >= fails)
		return -EAGAIN;
	return crew__sim_make_thread(fn, arg, name, thread) ? 0 : -EAGAIN;
}

int crew__port_thread_start_big(uint64_t *thread, void (*fn)(void *), void *arg, const char *name)
{
	return crew__port_thread_start(thread, fn, arg, name);
}

static struct crew__sim_virtual *find_thread(uint64_t handle)
{
	for (uint32_t i = 0; i < world.used; i++)
		if (world.threads[i].state != CREW__SIM_FREE && world.threads[i].handle == handle)
			return &world.threads[i];
	crew__sim_fail(CREW__SIM_FAILED, "thread %llu was joined, which is none or was before",
		       (unsigned long long)handle);
}

void crew__port_thread_join(uint64_t handle)
{
	struct crew__sim_virtual *thread;

	CREW__SIM_STEP(WAIT, handle);
	thread = find_thread(handle);
	if (thread->state != CREW__SIM_DONE) {
		world.self->state = CREW__SIM_BLOCKED;
		world.self->joins = handle;
		world.self->when = CREW_NEVER;
		crew__sim_leave();
		world.self->joins = 0;
	}
	thread->state = CREW__SIM_FREE;
	crew__sim_weak_join(thread);
}

uint64_t crew__port_thread_self(void)
{
	return world.self->handle;
}

void crew__port_thread_yield(void)
{
	crew__sim_yield();
}

uint64_t *crew__sim_slots(void)
{
	return world.self->slots;
}

unsigned crew__sim_thread(void)
{
	return world.self->index;
}
