/* SPDX-License-Identifier: MIT */
/*
 * sim.h - the simulated world, for tests: the real source files run, and one OS
 * thread plays all threads. What it is and how it works: README.md.
 *
 *	static void main_of_run(void *arg)
 *	{
 *		struct shared *shared = arg;
 *		uint64_t thread;
 *
 *		*shared = (struct shared){ 0 };
 *		crew__port_thread_start(&thread, other, shared, "other");
 *		...
 *		crew__port_thread_join(thread);
 *		crew__sim_check(shared->count == 2, "an item was lost");
 *	}
 *
 *	Test(model, no_item_is_lost)
 *	{
 *		struct shared shared;
 *		struct crew__sim_options options = { .name = "no_item_is_lost" };
 *		struct crew__sim_result result =
 *			crew__sim_search_seeds(&options, main_of_run, &shared, 10000);
 *
 *		cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
 *	}
 *
 * A run must do the same whenever it is given the same choices: it takes time,
 * randomness and threads from port/ only, and prepares its own data first.
 *
 * Environment of a test program: SIM=name runs the search of that name only,
 * with SEED=n one seed of it, with CHOICES=list one list of choices. SEEDS=n
 * multiplies the number of seeds. TRACE=n prints the last n events. STATS=1
 * prints what each search has cost, and what PCT promises for it.
 */
#ifndef CREW__SIM_H
#define CREW__SIM_H

#include "port/port.h"

/* What became of a run. */
enum crew__sim_verdict {
	CREW__SIM_OK,
	CREW__SIM_DEADLOCK, /* everybody waits, and for no moment in time */
	CREW__SIM_LIVELOCK, /* step_max steps and no end */
	CREW__SIM_FAILED,   /* an assertion, crew__sim_check(), the invariant */
	CREW__SIM_LEAKED,   /* a mapping was not given back, or a thread not joined */
	CREW__SIM_DIVERGED, /* the same choices led elsewhere: the run is not determined */
};

/* Who says what happens next. */
enum crew__sim_strategy {
	CREW__SIM_MIXED,     /* by seed: all kinds of UNIFORM and PCT below */
	CREW__SIM_UNIFORM,   /* at one in `one_in` points another thread, any */
	CREW__SIM_PCT,	     /* random priorities, `depth` - 1 of them lowered on the way */
	CREW__SIM_REPLAY,    /* `choices` */
	CREW__SIM_ENUMERATE, /* set by crew__sim_enumerate() */
};

/* Zero means "default" for every field. */
struct crew__sim_options {
	const char *name; /* of the search: what SIM= selects */
	enum crew__sim_strategy strategy;
	uint64_t seed;
	uint32_t one_in;	  /* UNIFORM; default 10 */
	uint32_t depth;		  /* PCT: 1 to 4; default 2 */
	uint64_t length;	  /* PCT: steps of a run; searches measure it */
	const char *choices;	  /* REPLAY: what a failure printed */
	uint64_t step_max;	  /* default 200000 */
	uint32_t turn_max;	  /* steps of one thread while others could run; default 1000 */
	uint32_t spurious_one_in; /* one in so many waits ends at once; default: none */
	uint32_t early_one_in;	  /* time passes at one in so many switches, although
				   * somebody could run; default: never */
	uint32_t cpus;		  /* crew__port_cpu_limit(); default 2 */
	uint32_t map_fails_from;  /* the n-th mapping fails, and those that follow, */
	uint32_t map_fails;	  /* so many in all; default: every one from then on */
	uint32_t thread_fails_from;
	uint64_t run_max;   /* crew__sim_enumerate() stops after so many runs; default: never */
	bool strong;	    /* one order of all steps: no load returns an old value */
	bool no_membarrier; /* the library must use real fences */
	bool may_leak;	    /* mappings and threads may be left over */
	bool quiet;	    /* failures are expected: print nothing */
	void (*invariant)(void *arg); /* called after every step of a run, with its arg.
				       * Reads plain fields and uses crew__sim_check() */
	void (*describe)(void *arg);  /* prints to stderr what else is to be said of a run that
				       * has failed. Only reads */
};

/* A list of choices that once failed. Every search of that name begins with it. */
struct crew__sim_found {
	const char *name;
	const char *choices;
	const char *what; /* was wrong then */
};
/* The tests have it, or not: tests/model/found/lists.c. The last name is NULL. */
extern const struct crew__sim_found crew__sim_found[] __attribute__((weak));

struct crew__sim_result {
	enum crew__sim_verdict verdict;
	bool complete;	    /* enumerated: nothing is left within the bound */
	uint64_t seed;	    /* of the last run */
	uint64_t runs;	    /* all of a search */
	uint64_t steps;	    /* of the last run */
	uint64_t switches;  /* of the last run */
	uint64_t hash;	    /* of everything that was decided in the last run */
	uint64_t all_steps; /* of a search */
	crew_time time;	    /* virtual, that the last run took */
	char message[256];  /* why it failed */
	char choices[4096]; /* how to get there again; "" when it is too long */
};

/* One run of main(arg). It ends when all its threads have ended. */
struct crew__sim_result crew__sim_run(const struct crew__sim_options *options, void (*main)(void *),
				      void *arg);

/* Runs with the seeds 1 to n, until one fails; then finds fewer choices that fail
 * alike, and prints them and the command that replays them. */
struct crew__sim_result crew__sim_search_seeds(const struct crew__sim_options *options,
					       void (*main)(void *), void *arg, uint64_t n);

/* All runs in which a thread that could go on is interrupted at most `bound` times.
 * (So are all answers of crew__port_choose() and all orders of waking.) */
struct crew__sim_result crew__sim_enumerate(const struct crew__sim_options *options,
					    void (*main)(void *), void *arg, unsigned bound);

/* ---- inside of a run ------------------------------------------------------ */

/* Ends the run as failed. */
#define crew__sim_check(expression, message)                                                       \
	((expression) ?                                                                            \
		 (void)0 :                                                                         \
		 crew__sim_fail(CREW__SIM_FAILED, "%s (%s, %s)", message, #expression, CREW_HERE))
_Noreturn void crew__sim_fail(enum crew__sim_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A scheduling point. Every operation of base/atomic.h calls it first. */
void crew__sim_point(void);
/* Another thread runs, if one can: for loops that wait for others. */
void crew__sim_yield(void);
/* Eight words of the calling thread, zero at its start. exec/self.c uses 0 to 4. */
uint64_t *crew__sim_slots(void);
/* Which thread of the run is this? 0 is its main. */
unsigned crew__sim_thread(void);
/* Steps of this run so far. */
uint64_t crew__sim_steps(void);

/* Memory that the world takes back when the run ends; the k-th call can be made to
 * fail by its caller. Freed memory is filled with 0xa5 and not used again. */
void *crew__sim_alloc(size_t bytes);
void crew__sim_free(void *memory);

/*
 * A static variable of the library that runs change: the world puts it back to
 * what it was before every run, so that each run of a process begins alike.
 * base/atomic.h defines CREW__STATE as this in simulated builds.
 */
#define CREW__SIM_STATE __attribute__((section("crew_state")))

#endif /* CREW__SIM_H */
