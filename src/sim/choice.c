/* SPDX-License-Identifier: MIT */
/*
 * choice.c - who says what happens next: a seed, a list, or all there is in turn.
 *
 * DECISIONS have 0 as what happens by default: stay, the next thread after this
 * one, the first to wait, nothing rare. A run is described by what was decided
 * otherwise, each named by the thread that came to it and the number of its step:
 *	2.118>0		thread 2 at its step 118: thread 0 goes on
 *	2.120=1		thread 2 at its step 120: number 1 was the answer
 * So a list keeps its meaning when entries are left out of it (search.c).
 *
 * STRATEGIES
 *	UNIFORM	after 1 to 2 * one_in - 1 steps any thread.
 *	PCT	every thread has a random priority and the highest runs; at depth - 1
 *		random steps the running one falls below all others. A bug that needs
 *		`depth` orderings in a run of k steps with n threads is hit by one run
 *		in n * k^(depth - 1) at worst (Burckhardt et al., "A randomized
 *		scheduler with probabilistic guarantees of finding bugs", 2010).
 *	REPLAY	the list; elsewhere 0.
 *	ENUMERATE	depth first over all decisions, stopping to offer interruptions
 *		when `bound` of them have been made (Musuvathi, Qadeer, "Iterative
 *		context bounding", 2007).
 */
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#define world crew__sim_world

#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)
#define DEPTH_MAX  8U

/* One decision of the run that is being enumerated. */
struct branch {
	uint32_t count;
	uint32_t index;
	uint32_t spent; /* interruptions before it */
	uint8_t kind;
};

static struct {
	enum crew__sim_strategy strategy;
	uint64_t random;
	uint32_t one_in;
	uint32_t old_one_in; /* loads that return an old value; 0: none */
	/* PCT */
	uint64_t changes[DEPTH_MAX]; /* in steps of the run, sorted; done: UINT64_MAX */
	int64_t lowest;
	/* REPLAY: where each thread is in the sorted list */
	size_t cursor[CREW__SIM_THREADS];
	/* ENUMERATE */
	struct branch *branches;
	size_t branch_count;
	size_t branch_room;
	size_t depth; /* of them decided in this run */
	uint32_t bound;
	uint32_t spent;
} chooser;

struct crew__sim_choices crew__sim_made;
struct crew__sim_choices crew__sim_given;

/* ---- lists as text -------------------------------------------------------- */

void crew__sim_choices_add(struct crew__sim_choices *choices, struct crew__sim_choice choice)
{
	if (choices->count == choices->room) {
		choices->room = choices->room ? choices->room * 2 : 256;
		choices->list = realloc(choices->list, choices->room * sizeof(*choices->list));
		if (!choices->list)
			abort();
	}
	choices->list[choices->count++] = choice;
}

bool crew__sim_choices_print(const struct crew__sim_choices *choices, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < choices->count; i++) {
		const struct crew__sim_choice *choice = &choices->list[i];
		int n = snprintf(text + used, size - used, "%s%u.%llu%c%u", i ? "," : "",
				 (unsigned)choice->thread, (unsigned long long)choice->at,
				 choice->is_number ? '=' : '>', (unsigned)choice->value);

		if (n < 0 || (size_t)n >= size - used) {
			text[0] = '\0';
			return false;
		}
		used += (size_t)n;
	}
	return true;
}

bool crew__sim_choices_parse(struct crew__sim_choices *choices, const char *text)
{
	choices->count = 0;
	while (*text) {
		unsigned thread;
		unsigned long long at;
		char kind;
		unsigned value;
		int length = 0;

		if (sscanf(text, "%u.%llu%c%u%n", &thread, &at, &kind, &value, &length) != 4 ||
		    (kind != '>' && kind != '=') || thread >= CREW__SIM_THREADS)
			return false;
		crew__sim_choices_add(choices, (struct crew__sim_choice){
						       .at = at,
						       .thread = (uint8_t)thread,
						       .is_number = kind == '=',
						       .value = value,
					       });
		text += length;
		if (*text == ',')
			text++;
		else if (*text)
			return false;
	}
	return true;
}

/* ---- REPLAY --------------------------------------------------------------- */

static int compare_choices(const void *a, const void *b)
{
	const struct crew__sim_choice *x = a;
	const struct crew__sim_choice *y = b;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (int)x->is_number - (int)y->is_number;
}

static void begin_replay(void)
{
	struct crew__sim_choices *given = &crew__sim_given;
	size_t i = 0;

	if (given->count)
		qsort(given->list, given->count, sizeof(*given->list), compare_choices);
	for (uint32_t thread = 0; thread < CREW__SIM_THREADS; thread++) {
		while (i < given->count && given->list[i].thread < thread)
			i++;
		chooser.cursor[thread] = i;
	}
}

/* The first entry for the running thread at `from` or later. Its steps of before are
 * passed for good; those of its present one may still be asked for. */
static const struct crew__sim_choice *next_given(uint64_t from)
{
	const struct crew__sim_virtual *self = world.self;
	const struct crew__sim_choice *list = crew__sim_given.list;
	size_t *cursor = &chooser.cursor[self->index];
	size_t i;

	for (i = *cursor; i < crew__sim_given.count && list[i].thread == self->index; i++) {
		if (list[i].at >= from)
			return &list[i];
		if (list[i].at < self->steps)
			*cursor = i + 1;
	}
	return NULL;
}

static uint32_t decide_as_given(bool is_number, uint32_t count, const uint8_t *names)
{
	const struct crew__sim_choice *choice = next_given(world.self->steps);
	const struct crew__sim_choice *end = crew__sim_given.list + crew__sim_given.count;

	for (; choice && choice < end && choice->thread == world.self->index &&
	       choice->at == world.self->steps;
	     choice++) {
		if (choice->is_number != is_number)
			continue;
		for (uint32_t i = 0; i < count; i++)
			if (names[i] == choice->value)
				return i;
	}
	return 0;
}

/* ---- PCT ------------------------------------------------------------------ */

static int compare_steps(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void begin_pct(uint32_t depth, uint64_t length)
{
	uint32_t count = depth - 1 < DEPTH_MAX ? depth - 1 : DEPTH_MAX;

	for (uint32_t i = 0; i < DEPTH_MAX; i++)
		chooser.changes[i] = i < count ? 1 + crew__random(&chooser.random) % length :
						 UINT64_MAX;
	qsort(chooser.changes, count, sizeof(chooser.changes[0]), compare_steps);
	chooser.lowest = 0;
}

static uint32_t highest(uint32_t count, const uint8_t *names)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < count; i++)
		if (world.threads[names[i]].priority > world.threads[names[best]].priority)
			best = i;
	return best;
}

void crew__sim_rank(struct crew__sim_virtual *thread)
{
	thread->priority = (int64_t)(crew__random(&chooser.random) >> 2) + 1;
}

void crew__sim_lower(struct crew__sim_virtual *thread)
{
	thread->priority = --chooser.lowest;
}

bool crew__sim_outranked(const struct crew__sim_virtual *thread)
{
	return chooser.strategy == CREW__SIM_PCT && thread->priority > world.self->priority;
}

/* ---- ENUMERATE ------------------------------------------------------------- */

void crew__sim_enumerate_begin(unsigned bound)
{
	chooser.branch_count = 0;
	chooser.bound = bound;
}

bool crew__sim_enumerate_next(void)
{
	while (chooser.branch_count) {
		struct branch *last = &chooser.branches[chooser.branch_count - 1];

		if (++last->index < last->count)
			return true;
		chooser.branch_count--;
	}
	return false;
}

static uint32_t decide_next_branch(enum crew__sim_decision kind, uint32_t count)
{
	bool costs = kind == CREW__SIM_STAY || kind == CREW__SIM_RARELY;
	struct branch *branch;

	if (costs && chooser.spent == chooser.bound)
		return 0;
	if (chooser.depth == chooser.branch_count) {
		if (chooser.branch_count == chooser.branch_room) {
			chooser.branch_room = chooser.branch_room ? chooser.branch_room * 2 : 1024;
			chooser.branches =
				realloc(chooser.branches, chooser.branch_room * sizeof(*branch));
			if (!chooser.branches)
				abort();
		}
		chooser.branches[chooser.branch_count++] = (struct branch){
			.count = count,
			.spent = chooser.spent,
			.kind = (uint8_t)kind,
		};
	}
	branch = &chooser.branches[chooser.depth++];
	if (branch->count != count || branch->kind != kind || branch->spent != chooser.spent)
		crew__sim_fail(CREW__SIM_DIVERGED, "decision %zu was between %u, now between %u",
			       chooser.depth, (unsigned)branch->count, (unsigned)count);
	chooser.spent += costs && branch->index;
	return branch->index;
}

/* ---- all of them ----------------------------------------------------------- */

/* What MIXED means for a seed. */
static void mix(uint64_t seed, uint32_t *depth)
{
	static const uint32_t one_in[] = { 1, 3, 10, 40 };
	static const uint32_t old_one_in[] = { 0, 2, 4, 16 };

	if (seed & 4) {
		chooser.strategy = CREW__SIM_PCT;
		*depth = 1 + (seed & 3);
	} else {
		chooser.strategy = CREW__SIM_UNIFORM;
		chooser.one_in = one_in[seed & 3];
	}
	chooser.old_one_in = old_one_in[seed >> 3 & 3];
}

void crew__sim_choices_begin(const struct crew__sim_options *options)
{
	uint32_t depth = options->depth;

	chooser.strategy = options->strategy;
	chooser.random = options->seed * MULTIPLIER;
	chooser.one_in = options->one_in;
	chooser.old_one_in = 4;
	chooser.depth = 0;
	chooser.spent = 0;
	crew__sim_made.count = 0;
	if (chooser.strategy == CREW__SIM_MIXED)
		mix(options->seed, &depth);
	begin_pct(depth, options->length);
	if (chooser.strategy == CREW__SIM_REPLAY) {
		if (options->choices &&
		    !crew__sim_choices_parse(&crew__sim_given, options->choices))
			abort();
		begin_replay();
	}
}

void crew__sim_choices_end(struct crew__sim_result *result)
{
	if (chooser.strategy == CREW__SIM_ENUMERATE && result->verdict == CREW__SIM_OK &&
	    chooser.depth < chooser.branch_count) {
		result->verdict = CREW__SIM_DIVERGED;
		snprintf(result->message, sizeof(result->message),
			 "decision %zu did not come again", chooser.depth + 1);
	}
	crew__sim_choices_print(&crew__sim_made, result->choices, sizeof(result->choices));
}

uint64_t crew__sim_patience(void)
{
	uint64_t now = crew__sim_steps();
	const struct crew__sim_choice *choice;

	switch (chooser.strategy) {
	case CREW__SIM_MIXED:
		break;
	case CREW__SIM_UNIFORM:
		return 1 + crew__random_below(&chooser.random, 2 * chooser.one_in - 1);
	case CREW__SIM_PCT:
		for (uint32_t i = 0; i < DEPTH_MAX; i++)
			if (chooser.changes[i] != UINT64_MAX)
				return chooser.changes[i] > now ? chooser.changes[i] - now : 1;
		break;
	case CREW__SIM_REPLAY:
		choice = next_given(world.self->steps + 1);
		if (choice)
			return choice->at - world.self->steps;
		break;
	case CREW__SIM_ENUMERATE:
		if (chooser.spent < chooser.bound)
			return 1;
		break;
	}
	return UINT64_MAX;
}

static uint32_t decide(enum crew__sim_decision kind, uint32_t count, const uint8_t *names)
{
	switch (chooser.strategy) {
	case CREW__SIM_MIXED:
		break;
	case CREW__SIM_PCT:
		if (kind == CREW__SIM_STAY || kind == CREW__SIM_GO)
			return highest(count, names);
		return crew__random_below(&chooser.random, count);
	case CREW__SIM_UNIFORM:
		return crew__random_below(&chooser.random, count);
	case CREW__SIM_REPLAY:
		return decide_as_given(kind == CREW__SIM_WHICH || kind == CREW__SIM_RARELY, count,
				       names);
	case CREW__SIM_ENUMERATE:
		return decide_next_branch(kind, count);
	}
	return 0;
}

/* At a point: the steps at which the running thread falls. */
static void fall(void)
{
	uint64_t now = crew__sim_steps();

	for (uint32_t i = 0; i < DEPTH_MAX; i++) {
		if (chooser.changes[i] <= now) {
			chooser.changes[i] = UINT64_MAX;
			crew__sim_lower(world.self);
		}
	}
}

/* Remembers a decision. */
static uint32_t made(enum crew__sim_decision kind, uint32_t index, const uint8_t *names)
{
	world.result.hash = (world.result.hash ^
			     ((uint64_t)world.self->index << 56 ^ world.self->steps << 8 ^ index)) *
			    MULTIPLIER;
	if (index)
		crew__sim_choices_add(
			&crew__sim_made,
			(struct crew__sim_choice){
				.at = world.self->steps,
				.thread = world.self->index,
				.is_number = kind == CREW__SIM_WHICH || kind == CREW__SIM_RARELY,
				.value = names[index],
			});
	return index;
}

uint32_t crew__sim_decide(enum crew__sim_decision kind, uint32_t count, const uint8_t *names)
{
	if (chooser.strategy == CREW__SIM_PCT && kind == CREW__SIM_STAY)
		fall();
	return made(kind, decide(kind, count, names), names);
}

uint32_t crew__sim_decide_age(uint32_t count)
{
	static const uint8_t ages[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	uint32_t age = 0;

	if (world.options->strong)
		return 0;
	if (chooser.strategy != CREW__SIM_UNIFORM && chooser.strategy != CREW__SIM_PCT)
		return crew__sim_decide(CREW__SIM_RARELY, count, ages);
	if (chooser.old_one_in && crew__random_below(&chooser.random, chooser.old_one_in) == 0)
		age = 1 + crew__random_below(&chooser.random, count - 1);
	return made(CREW__SIM_RARELY, age, ages);
}

bool crew__sim_rarely(uint32_t one_in)
{
	static const uint8_t names[] = { 0, 1 };

	if (chooser.strategy == CREW__SIM_UNIFORM || chooser.strategy == CREW__SIM_PCT)
		return made(CREW__SIM_RARELY, crew__random_below(&chooser.random, one_in) == 0,
			    names);
	return crew__sim_decide(CREW__SIM_RARELY, 2, names);
}

uint32_t crew__port_choose(enum crew__choice what, uint32_t bound, uint64_t *state)
{
	uint8_t names[256];
	uint32_t count = bound < 256 ? bound : 256;

	(void)state;
	CREW__SIM_STEP(CHOOSE, bound);
	if (!world.running || bound < 2)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		names[i] = (uint8_t)i;
	world.self->steps++; /* the decision has a step of its own */
	if (what == CREW__CHOICE_SPURIOUS)
		return crew__sim_rarely(16);
	return crew__sim_decide(what == CREW__CHOICE_VICTIM ? CREW__SIM_WHICH : CREW__SIM_RARELY,
				count, names);
}

uint64_t crew__port_seed(void)
{
	return 1;
}
