/* SPDX-License-Identifier: MIT */
/*
 * worker.h - what a worker, a fiber and a crew are made of. Who may touch what is
 * said at the fields; "own" means: the thread that is this worker, or code that
 * runs on this fiber.
 */
#ifndef CREW__WORKER_H
#define CREW__WORKER_H

#include "base/list.h"
#include "base/trace.h"
#include "exec/cancel.h"
#include "exec/deque.h"
#include "exec/inject.h"
#include "exec/park.h"
#include "exec/pool.h"
#include "exec/record.h"
#include "exec/ring.h"
#include "exec/self.h"
#include "exec/stuck.h"
#include "exec/timer.h"
#include "exec/threads.h"
#include "fiber/fiber.h"
#include "port/lock.h"

struct crew;
struct crew_error;

/* Held by whoever follows what fibers of any crew wait for (sync/circle.h). */
extern struct crew__lock crew__edges;

/*
 * A fiber: a stack, and what runs on it. At its bottom runs a worker's loop, on
 * top of it a task, on top of that perhaps children that a join runs in place.
 * Type-stable: the header stays mapped until the crew stops.
 */
struct crew__fiber {
	/* a line: who wakes it. Aligned also for what else is in a word with an address */
	struct crew__injected injected; /* while it is in the inject queue */
	struct crew__parker parker;
	/* a line: who goes on with it */
	struct crew *crew;
	struct crew__fiber *next;     /* own, or of the list that it is in */
	struct crew__worker *worker;  /* own: who runs it now. Asked anew after every call
				       * that may have parked */
	struct crew__worker *pinned;  /* own: the task on it must stay there */
	struct crew_scope *scope;     /* own: the innermost open scope; its worker has a copy
				       * (deque.scope) */
	uint64_t epoch;		      /* own: see cancel.h, crew/task.h */
	uint32_t tenure;	      /* own: see fork.h */
	bool fresh;		      /* its context must be made before use */
	uint8_t passed;		      /* HARD: how often it was passed on since it ran */
	struct crew__context context; /* its stack pointer is the last of the line */
	uintptr_t room;		      /* below it no join runs children in place */
	struct crew__edge *edge;      /* guarded by crew__edges: the lock it waits for */
	/* a line: what its task has, mostly nothing, and what is known of it */
	struct crew_task *task;		 /* own: the task that runs, if it has handles */
	struct crew_error *pending;	 /* own: what the task has said with crew_fail() */
	struct crew__waiter *until_wait; /* own: who waits for it to wait, or to end */
	struct crew_lock *locks;	 /* own: the list of what its task holds (sync/hold.h) */
	/* what dumps print; written by the own side, read by anybody */
	struct crew_word site;
	struct crew_word name;
	struct crew_word reason;
	struct crew_word since;
	/* a line: who ends its wait */
	struct crew__wait wait; /* own, or guarded by the lot that it waits in */
} __attribute__((aligned(64)));

/* Each reason for the task on a fiber to run no child in place adds this to `room`. */
#define CREW__NO_ROOM ((uintptr_t)1 << (sizeof(uintptr_t) * 8 - 2))

/* Bits of a worker's attention word. Anybody sets, the worker clears. */
enum crew__attention {
	CREW__HUNGER = 1, /* somebody sleeps: a push wakes one */
	CREW__NAPPER = 2, /* somebody naps: a push wakes one, one ready fiber does not */
	CREW__LOOK = 4,	  /* a fiber or injected work may wait: a join parks */
};

/* Counted by the worker alone, read by anybody. */
struct crew__counters {
	struct crew_word tasks;
	struct crew_word steals_tried;
	struct crew_word steals_done;
	struct crew_word parks;
	struct crew_word wakes;
	struct crew_word switches;
	struct crew_word sleeps;
};

struct crew__worker {
	/* own, a line: what a switch needs */
	struct crew__fiber *fiber; /* that runs now */
	struct crew *crew;
	struct crew__fiber *reserve; /* to go on with when a task parks (R11) */
	/* what the far side of a switch does first */
	struct crew__fiber *left;
	void (*after)(struct crew__worker *worker, struct crew__fiber *left, void *arg);
	void *after_arg;
	/* of its thread, for the task that runs there: saved and restored around a switch */
	int *error;	       /* errno */
	struct crew__cxx *cxx; /* crew__cxx_here(), or no_cxx */
	/* own */
	struct crew__pool_cache records[CREW__RECORD_KINDS];
	struct crew_group *done_group; /* children of it that ended here and are */
	uint32_t done_count;	       /* not yet counted off (join.h) */
	struct crew__fiber *fibers;    /* free ones */
	struct crew_word fiber_count;
	uint32_t tick;	  /* slices */
	uint32_t stocked; /* until then it has tasks that were injected */
	uint32_t streak;  /* ready fibers in a row */
	uint32_t index;
	uint64_t random;
	struct crew__cxx no_cxx;
	struct crew__counters counters;
	struct crew__deque deque;
	struct crew__ring ring;
	struct crew__trace trace;
	/* fibers that may run nowhere else */
	struct crew__lock pinned_lock;
	struct crew__fiber *pinned_first;
	struct crew__fiber **pinned_last;
	struct crew_word pinned_count;
	/* idle.c */
	struct crew__link sleeper; /* guarded by idle.lock */
	struct crew__word32 signal;
	struct crew__word32 asleep;
	struct crew__worker *watched; /* own: whose single ready fiber we left alone, */
	uint64_t watched_head;	      /* which one it was, */
	uint32_t watched_turns;	      /* for how long */
	uint32_t nap;
	struct crew__context base; /* the thread's own stack */
	uint64_t thread;
};

struct crew__idle {
	struct crew_word word; /* searching:32, sleeping:32 */
	char pad_[56];
	struct crew__lock lock;
	struct crew__link sleepers;
};

struct crew__fibers {
	struct crew__lock lock;
	struct crew__fiber *warm; /* guarded by lock, as is the rest */
	struct crew__fiber *cold;
	struct crew_word warm_count;
	struct crew_word cold_count;
	struct crew_word made; /* headers handed out so far */
	uint64_t guarded;      /* stacks that have their guard */
	size_t stack_bytes;    /* with the guard */
	size_t guard_bytes;
	uint32_t slab_count;
	struct crew__fiber_slab *slabs; /* of CREW__SLABS_MAX */
};

enum crew__crew_state {
	CREW__OPEN,
	CREW__CLOSING, /* crew_stop has begun: plain threads may not spawn any more */
	CREW__ENDING,  /* workers leave when they find nothing to do */
};

struct crew {
	/* read-mostly */
	struct crew_word state;
	struct crew_word cancelled; /* for dumps */
	struct crew__worker *workers;
	uint32_t worker_count;
	uint32_t forks; /* crew__port_fork_count() at the start */
	bool fences;	/* no membarrier */
	size_t workers_bytes;
	char name[16];
	char pad_[64];
	struct crew__inject inject;
	struct crew__idle idle;
	struct crew__fibers fibers;
	struct crew__pool records[CREW__RECORD_KINDS];
	struct crew__timer timer;
	struct crew__threads threads;
	struct crew__stuck stuck;
	struct crew__word32 callers; /* threads of others that are making a fiber ready */
	/* groups that plain threads (and other crews' tasks) hold open */
	struct crew__lock visitors_lock;
	struct crew_group *visitors;	 /* guarded by visitors_lock */
	struct crew__cause cancelled_by; /* the same; source 0: nobody */
	struct crew__word32 visitor_count;
};

/* ---- fibers.c: stacks and headers ---------------------------------------- */

int crew__fibers_init(struct crew *crew, size_t stack_bytes);
void crew__fibers_fini(struct crew *crew);
/* A fiber to switch to; its loop begins or goes on. NULL: no memory. */
struct crew__fiber *crew__fiber_take(struct crew__worker *worker);
void crew__fiber_give(struct crew__worker *worker, struct crew__fiber *fiber);
/* Gives memory of spare stacks back. False: nothing to do. */
bool crew__fibers_trim(struct crew *crew);
/* The index-th header ever made, or NULL. For those who look at all of them. */
struct crew__fiber *crew__fiber_at(const struct crew *crew, uint64_t index);
/* Free ones: in the common lists and in all caches, roughly. */
uint64_t crew__fibers_free(const struct crew *crew);

/* ---- worker.c: the loop --------------------------------------------------- */

/* What every fiber runs. */
void crew__worker_loop(void *crew);
/* What every worker thread runs. */
void crew__worker_main(void *worker);
/* Goes on with `to`; the far side first calls after(worker, from, arg). */
void crew__worker_switch(struct crew__worker *worker, struct crew__fiber *to,
			 void (*after)(struct crew__worker *, struct crew__fiber *, void *),
			 void *arg);
/* The fiber that the worker runs stands in `scope` from now on. */
static inline void crew__worker_stands(struct crew__worker *worker, struct crew__fiber *fiber,
				       struct crew_scope *scope)
{
	fiber->scope = scope;
	worker->deque.scope = (uintptr_t)scope + CREW__SLOT_FORK;
}

/* The fiber that a parking task's worker goes on with: ready, or the reserve. */
struct crew__fiber *crew__worker_next(struct crew__worker *worker);
/* Lets other fibers and tasks run, if there are any. */
void crew__worker_yield(struct crew__worker *worker);
/* It waits, or has ended: whoever waits for that goes on. */
void crew__fiber_waits(struct crew__fiber *fiber);
/* Puts a fiber of this crew where a worker will find it. */
void crew__fiber_ready(struct crew__fiber *fiber);
/* A join asks: does something wait that it should let in by parking? */
bool crew__worker_must_park(struct crew__worker *worker);

/* HARD builds do the rare thing whenever they can, simulated ones when the search says so. */
static inline bool crew__hard(struct crew__worker *worker)
{
	return CREW__HARD && crew__port_choose(CREW__CHOICE_SPURIOUS, 2, &worker->random);
}
/* ---- overflow.c: stacks that are too small ---------------------------------- */

/* Once for each process, if it is wanted. */
void crew__overflow_init(void);
/* A worker's thread begins and ends. */
void *crew__overflow_begin(void);
void crew__overflow_end(void *stack);

/* ---- idle.c: when a worker sleeps, and who wakes it ----------------------- */

enum crew__find {
	CREW__FIND_NOTHING,
	CREW__FIND_TASK,
	CREW__FIND_FIBER,
	CREW__FIND_LOOK, /* something was put into our own queues */
	CREW__FIND_END,	 /* the crew ends */
};

/* Moves a batch of injected work to the worker's own queues: FIND_LOOK. A fiber that
 * does not fit is handed out instead: FIND_FIBER. (worker.c) */
enum crew__find crew__worker_take_injected(struct crew__worker *worker, struct crew__fiber **fiber);
void crew__idle_init(struct crew__idle *idle);
/* Searches, sleeps, searches. */
enum crew__find crew__idle_find(struct crew__worker *worker, struct crew__slot *slot,
				struct crew__fiber **fiber);
/* A task of any other worker. HARD builds only. */
bool crew__idle_steal(struct crew__worker *worker, struct crew__slot *slot);
/* After a push that found HUNGER or NAPPER in the attention word. */
void crew__idle_pushed(struct crew__worker *worker);
/* The same after a push that was made in place: it met a thief's mark, or found those. */
void crew__idle_answer(struct crew__worker *worker);
/* After the inject queue got something. */
void crew__idle_injected(struct crew *crew);
/* After `worker`'s own pinned queue got something. */
void crew__idle_poke(struct crew__worker *worker);

static inline uint32_t crew__idle_searching(uint64_t word)
{
	return (uint32_t)word;
}

static inline uint32_t crew__idle_sleeping(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* Does somebody wait for a push? */
static inline bool crew__is_awaited(const struct crew__worker *worker)
{
	return crew__load_relaxed(&worker->deque.attention) & (CREW__HUNGER | CREW__NAPPER);
}

/* After pushes. */
static inline void crew__idle_tell(struct crew__worker *worker)
{
	if (crew__is_awaited(worker))
		crew__idle_pushed(worker);
}

/* Queues a task, and wakes who waits for one. False: no room. */
static inline bool crew__worker_push(struct crew__worker *worker, const struct crew__slot *slot)
{
	if (!crew__deque_push(&worker->deque, slot))
		return false;
	crew__idle_tell(worker);
	return true;
}

static inline void crew__attend(struct crew__worker *worker, uint64_t bits)
{
	if ((crew__load_relaxed(&worker->deque.attention) & bits) != bits)
		crew__or_acq_rel(&worker->deque.attention, bits);
}

#endif /* CREW__WORKER_H */
