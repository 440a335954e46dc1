/* SPDX-License-Identifier: MIT */
/*
 * model/world.c - does the simulated world find what is planted in it, and does it
 * find nothing where nothing is? What is said of the engine by the other files
 * here is worth as much as this.
 */
#include "sim/sim.h"

#include "support/test.h"

#include <string.h>

/* ---- a wake that is lost ---------------------------------------------------- */

/* A sleeper that looks, and then announces that it sleeps; a waker that wakes only
 * whoever has announced. In between the wake is lost. */
struct sleepy {
	bool look_again; /* as it should be */
	struct crew_word work;
	struct crew__word32 asleep;
	struct crew_word done;
};

static void sleeper(void *opaque)
{
	struct sleepy *s = opaque;

	while (!crew__load_acquire(&s->work)) {
		crew__store32_release(&s->asleep, 1);
		if (s->look_again)
			crew__fence_seq_cst();
		if (s->look_again && crew__load_acquire(&s->work))
			break;
		crew__port_wait(&s->asleep, 1, CREW_NEVER);
	}
	crew__store_release(&s->done, 1);
}

static void sleepy_main(void *opaque)
{
	struct sleepy *s = opaque;
	uint64_t thread;

	s->work.value = s->done.value = 0;
	s->asleep.value = 0;
	crew__port_thread_start(&thread, sleeper, s, "sleeper");
	crew__store_release(&s->work, 1);
	crew__fence_seq_cst();
	if (crew__load32_acquire(&s->asleep)) {
		crew__store32_release(&s->asleep, 0);
		crew__port_wake(&s->asleep, 1);
	}
	crew__port_thread_join(thread);
	crew__sim_check(s->done.value == 1, "the sleeper has not ended");
}

Test(world, seeds_find_a_lost_wake)
{
	struct sleepy s = { .look_again = false };
	struct crew__sim_options options = { .name = "lost_wake", .quiet = true };
	struct crew__sim_result result = crew__sim_search_seeds(&options, sleepy_main, &s, 1000);

	cr_assert(result.verdict == CREW__SIM_DEADLOCK, "nothing found in %llu runs",
		  (unsigned long long)result.runs);
}

Test(world, enumeration_finds_a_lost_wake_with_two_interruptions)
{
	struct sleepy s = { .look_again = false };
	struct crew__sim_options options = {
		.name = "lost_wake_enumerated",
		.quiet = true,
		.strong = true,
	};
	struct crew__sim_result one = crew__sim_enumerate(&options, sleepy_main, &s, 1);
	struct crew__sim_result two = crew__sim_enumerate(&options, sleepy_main, &s, 2);

	cr_assert(one.verdict == CREW__SIM_OK && one.complete);
	cr_assert(two.verdict == CREW__SIM_DEADLOCK);
	cr_assert(two.runs < 100, "%llu runs", (unsigned long long)two.runs);
}

Test(world, nothing_is_found_where_nothing_is)
{
	struct sleepy s = { .look_again = true };
	struct crew__sim_options options = { .name = "no_lost_wake" };
	struct crew__sim_result all = crew__sim_enumerate(&options, sleepy_main, &s, 8);
	struct crew__sim_result seeds;

	cr_assert(all.verdict == CREW__SIM_OK && all.complete, "%s", all.message);
	cr_assert(all.runs == 0 || all.runs > 100, "only %llu runs", (unsigned long long)all.runs);
	options.spurious_one_in = 3;
	seeds = crew__sim_search_seeds(&options, sleepy_main, &s, 2000);
	cr_assert(seeds.verdict == CREW__SIM_OK, "%s", seeds.message);
}

/* ---- an update that is lost --------------------------------------------------- */

struct counter {
	struct crew_word count;
};

static void count_up(void *opaque)
{
	struct counter *c = opaque;
	uint64_t value = crew__load_relaxed(&c->count);

	crew__store_relaxed(&c->count, value + 1);
}

static void counter_main(void *opaque)
{
	struct counter *c = opaque;
	uint64_t threads[2];

	c->count.value = 0;
	for (int i = 0; i < 2; i++)
		crew__port_thread_start(&threads[i], count_up, c, "counter");
	for (int i = 0; i < 2; i++)
		crew__port_thread_join(threads[i]);
	crew__sim_check(c->count.value == 2, "an update was lost");
}

Test(world, every_strategy_finds_a_lost_update)
{
	struct counter c;
	struct crew__sim_options options = { .name = "lost_update", .quiet = true };

	options.strategy = CREW__SIM_UNIFORM;
	options.one_in = 2;
	cr_assert(crew__sim_search_seeds(&options, counter_main, &c, 1000).verdict ==
		  CREW__SIM_FAILED);
	options.strategy = CREW__SIM_PCT;
	options.depth = 2;
	cr_assert(crew__sim_search_seeds(&options, counter_main, &c, 1000).verdict ==
		  CREW__SIM_FAILED);
	cr_assert(crew__sim_enumerate(&options, counter_main, &c, 1).verdict == CREW__SIM_FAILED);
}

Test(world, a_failure_is_replayed_from_its_choices)
{
	struct counter c;
	struct crew__sim_options options = { .name = "lost_update", .quiet = true };
	struct crew__sim_result found = crew__sim_search_seeds(&options, counter_main, &c, 1000);
	struct crew__sim_options again = { .strategy = CREW__SIM_REPLAY,
					   .choices = found.choices,
					   .quiet = true };
	struct crew__sim_result replayed = crew__sim_run(&again, counter_main, &c);

	cr_assert(found.choices[0] != '\0');
	cr_assert(replayed.verdict == CREW__SIM_FAILED);
	cr_assert(replayed.hash == found.hash && replayed.steps == found.steps);
	cr_assert(strcmp(replayed.message, found.message) == 0);
	/* shortened: one thread is interrupted between its load and its store */
	cr_assert(strlen(found.choices) < 12, "%s", found.choices);
}

/* What a run leaves behind decides about the next: two of them fail. */
static void fail_twice(void *arg)
{
	unsigned *runs = arg;

	++*runs;
	crew__sim_check(*runs != 3 && *runs != 4, "for a while");
}

Test(world, a_failure_stays_one_though_it_cannot_be_repeated)
{
	unsigned runs = 0;
	struct crew__sim_options options = { .name = "fail_twice", .quiet = true };

	cr_assert(crew__sim_search_seeds(&options, fail_twice, &runs, 100).verdict ==
		  CREW__SIM_FAILED);
}

Test(world, the_same_seed_is_the_same_run)
{
	struct sleepy s = { .look_again = true };

	for (uint64_t seed = 0; seed < 64; seed++) {
		struct crew__sim_options options = { .seed = seed, .spurious_one_in = 3 };
		struct crew__sim_result a = crew__sim_run(&options, sleepy_main, &s);
		struct crew__sim_result b = crew__sim_run(&options, sleepy_main, &s);

		cr_assert(a.verdict == CREW__SIM_OK && b.verdict == CREW__SIM_OK);
		cr_assert(a.hash == b.hash && a.steps == b.steps && a.switches == b.switches);
		cr_assert(strcmp(a.choices, b.choices) == 0);
	}
}

static void undetermined_main(void *opaque)
{
	unsigned *calls = opaque;
	struct counter c = { { 0 } };
	uint64_t threads[2];
	unsigned count = 1 + ++*calls % 2;

	for (unsigned i = 0; i < count; i++)
		crew__port_thread_start(&threads[i], count_up, &c, "counter");
	for (unsigned i = 0; i < count; i++)
		crew__port_thread_join(threads[i]);
}

Test(world, a_run_that_is_not_determined_is_noticed)
{
	struct crew__sim_options options = { .name = "undetermined", .quiet = true };

	for (unsigned calls = 0; calls < 2; calls++) {
		unsigned now = calls;

		cr_assert(crew__sim_enumerate(&options, undetermined_main, &now, 2).verdict ==
			  CREW__SIM_DIVERGED);
	}
}

/* ---- time --------------------------------------------------------------------- */

static void sleep_an_hour(void *opaque)
{
	struct crew__word32 *word = opaque;
	crew_time when = crew__port_now() + CREW_S(3600);

	while (crew__port_wait(word, 0, when))
		;
	crew__sim_check(crew__port_now() == when, "it slept too long or too short");
}

static void sleepers_main(void *opaque)
{
	struct crew__word32 word = { 0 };
	uint64_t threads[3];

	(void)opaque;
	for (int i = 0; i < 3; i++)
		crew__port_thread_start(&threads[i], sleep_an_hour, &word, "sleeper");
	for (int i = 0; i < 3; i++)
		crew__port_thread_join(threads[i]);
}

Test(world, time_passes_only_when_nobody_can_run)
{
	struct crew__sim_options options = { .name = "time", .spurious_one_in = 4 };
	struct crew__sim_result result = crew__sim_search_seeds(&options, sleepers_main, NULL, 200);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
	cr_assert(result.time == CREW_S(3600));
}

/* ---- things that end badly ------------------------------------------------------- */

static void wait_for_nobody(void *opaque)
{
	struct crew__word32 word = { 0 };

	(void)opaque;
	crew__port_wait(&word, 0, CREW_NEVER);
}

static void spin_for_ever(void *opaque)
{
	struct crew_word word = { 0 };

	(void)opaque;
	while (!crew__load_relaxed(&word))
		crew__spin_hint();
}

static void keep_memory(void *opaque)
{
	(void)opaque;
	crew__port_map(4096);
}

static void forget_thread(void *opaque)
{
	uint64_t thread;

	crew__port_thread_start(&thread, count_up, opaque, "forgotten");
}

static void abort_run(void *opaque)
{
	(void)opaque;
	crew__port_say("crew: last words\n");
	crew__port_abort();
}

static void touch_unmapped(void *opaque)
{
	char *at = crew__port_map(4096);

	(void)opaque;
	crew__port_unmap(at, 4096);
	*(volatile char *)at = 1;
}

Test(world, endings_are_told_apart)
{
	/* a replay unmaps for good what is unmapped */
	struct crew__sim_options options = { .strategy = CREW__SIM_REPLAY, .quiet = true };
	struct counter c;

	cr_assert(crew__sim_run(&options, wait_for_nobody, NULL).verdict == CREW__SIM_DEADLOCK);
	cr_assert(crew__sim_run(&options, spin_for_ever, NULL).verdict == CREW__SIM_LIVELOCK);
	cr_assert(crew__sim_run(&options, keep_memory, NULL).verdict == CREW__SIM_LEAKED);
	cr_assert(crew__sim_run(&options, forget_thread, &c).verdict == CREW__SIM_LEAKED);
	cr_assert(crew__sim_run(&options, abort_run, NULL).verdict == CREW__SIM_FAILED);
	cr_assert(strcmp(crew__sim_run(&options, abort_run, NULL).message, "crew: last words") ==
		  0);
#ifndef __SANITIZE_ADDRESS__
	cr_assert(crew__sim_run(&options, touch_unmapped, NULL).verdict == CREW__SIM_FAILED);
#else
	(void)touch_unmapped;
#endif
	options.may_leak = true;
	cr_assert(crew__sim_run(&options, keep_memory, NULL).verdict == CREW__SIM_OK);
}

/* A thread that spins for another one, which never blocks, ends all the same. */
struct spin {
	struct crew_word go;
};

static void spinner(void *opaque)
{
	struct spin *s = opaque;

	while (!crew__load_acquire(&s->go))
		crew__spin_hint();
}

static void spin_main(void *opaque)
{
	struct spin *s = opaque;
	uint64_t thread;

	s->go.value = 0;
	crew__port_thread_start(&thread, spinner, s, "spinner");
	for (int i = 0; i < 100; i++)
		crew__spin_hint();
	crew__store_release(&s->go, 1);
	crew__port_thread_join(thread);
}

Test(world, turns_end)
{
	struct spin s;
	struct crew__sim_options options = { .name = "turns", .step_max = 20000 };
	struct crew__sim_result seeds = crew__sim_search_seeds(&options, spin_main, &s, 500);

	cr_assert(seeds.verdict == CREW__SIM_OK, "%s", seeds.message);
	options.turn_max = 50;
	cr_assert(crew__sim_enumerate(&options, spin_main, &s, 1).complete);
}

/* ---- faults and invariants -------------------------------------------------------- */

static void never_two(void *opaque)
{
	struct counter *c = opaque;

	crew__sim_check(c->count.value < 2, "two");
}

Test(world, the_invariant_is_looked_at_after_every_step)
{
	struct counter c;
	struct crew__sim_options options = { .strategy = CREW__SIM_REPLAY,
					     .quiet = true,
					     .invariant = never_two };
	struct crew__sim_result result = crew__sim_run(&options, counter_main, &c);

	cr_assert(result.verdict == CREW__SIM_FAILED && strncmp(result.message, "two", 3) == 0);
}

static void start_two(void *opaque)
{
	struct counter *c = opaque;
	uint64_t threads[2];
	int started = 0;

	c->count.value = 0;
	for (int i = 0; i < 2; i++)
		started += crew__port_thread_start(&threads[started], count_up, c, "t") == 0;
	crew__sim_check(started == 1, "the second thread is refused");
	crew__sim_check(crew__port_map(1) && !crew__port_map(1), "the second mapping is refused");
	crew__port_thread_join(threads[0]);
}

Test(world, what_is_asked_for_is_refused)
{
	struct counter c;
	struct crew__sim_options options = { .thread_fails_from = 2,
					     .map_fails_from = 2,
					     .may_leak = true };
	struct crew__sim_result result = crew__sim_run(&options, start_two, &c);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
}

/* ---- slots ---------------------------------------------------------------------------- */

static void use_slot(void *opaque)
{
	(void)opaque;
	crew__sim_check(*crew__sim_slots() == 0, "a thread's slots begin as 0");
	*crew__sim_slots() = 1000 + crew__sim_thread();
	for (int i = 0; i < 20; i++)
		crew__sim_point();
	crew__sim_check(*crew__sim_slots() == 1000 + crew__sim_thread(), "slots are not shared");
}

static void slots_main(void *opaque)
{
	uint64_t threads[4];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++)
			crew__port_thread_start(&threads[i], use_slot, opaque, "slots");
		for (int i = 0; i < 4; i++)
			crew__port_thread_join(threads[i]);
	}
	use_slot(opaque);
}

Test(world, every_thread_has_its_own_slots)
{
	struct crew__sim_options options = { .name = "slots" };
	struct crew__sim_result result = crew__sim_search_seeds(&options, slots_main, NULL, 500);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
}
