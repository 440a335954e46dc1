/* SPDX-License-Identifier: MIT */
/*
 * model.h - a whole crew in the simulated world: what the models of it share.
 *
 * A model says what a plain thread runs by crew_run(), what others do beside it, and
 * with how many workers. In every run a crew is started and stopped anew, with
 * capacities so small that every queue overflows. Each task runs once; nobody waits
 * for ever; nothing is left over; no group is touched after it was closed. No time is
 * lost either: virtual time stands still while anybody could run, so a run takes
 * exactly as long as its sleeps.
 */
#ifndef CREW_MODEL_H
#define CREW_MODEL_H

#include "crew/crew.h"
#include "sim/sim.h"

#include "support/test.h"

#define TASKS_MAX  64
#define GROUPS_MAX 16

struct model {
	unsigned workers;
	int (*program)(void *);		 /* run by crew_run(); NULL: none */
	void (*inside)(struct model *m); /* what the main thread does */
	void (*beside)(struct model *m); /* what plain threads do meanwhile */
	unsigned threads;		 /* how many of them */
	bool stop_early;		 /* while they are at it */
	int expected;			 /* what crew_run() returns */
	crew_time lasts;		 /* in virtual time; -1: any */
	enum crew_deadlock deadlock;
	/* of one run */
	struct crew *crew;
	struct crew_word ran[TASKS_MAX];
	struct crew_word numbers;
	struct crew__word32 left;
};

/* The one that runs. */
extern struct model *model_now;

/* The model with 1 to 3 workers (or `least` to 3), n seeds each: as it is; without
 * membarrier; with spurious wakes, while time passes whenever it likes. */
void model_search(const char *name, struct model model, uint64_t n);
void model_search_from(const char *name, struct model model, unsigned least, uint64_t n);
void model_search_with(const char *name, struct model model, struct crew__sim_options options,
		       uint64_t n);
/* All runs with at most `bound` interruptions. */
void model_enumerate(const char *name, struct model model, unsigned bound);

/* The main of a run, of a struct model, and parts of it for other mains. */
void model_main(void *model);
void model_begin(struct model *m);

/* Task number n has run: a second time is a failure. */
void model_ran(unsigned n);
/* All of [from, to) have. */
void model_check_ran(unsigned from, unsigned to);

/* Groups that are closed are filled with nonsense, which must still be there when
 * the run ends. NULL: the crew of the calling task. */
struct crew_group *model_open(struct crew *crew);
int model_close(struct crew_group *group, int rc);

/* Tasks that several models use; the argument is the number of the task. */
int model_leaf(void *n);
int model_sleep(void *n); /* 1 ms to 3 ms, by number */
int model_yield(void *n);
int model_tree(void *n); /* its children are 2n + 1 and 2n + 2, below 15 */
int model_tree_program(void *nothing);
/* A plain thread that runs a task. */
void model_run_beside(struct model *m);

#endif /* CREW_MODEL_H */
