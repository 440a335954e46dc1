/* SPDX-License-Identifier: MIT */
/*
 * world.h - what the files of sim/ share. Tests include sim.h instead.
 *
 * There is one world in a process. Everything is plain data: one OS thread.
 */
#ifndef CREW__SIM_WORLD_H
#define CREW__SIM_WORLD_H

#include "sim/sim.h"

#include "base/list.h"
#include "base/random.h"

#include <stdarg.h>

#if defined(__SANITIZE_ADDRESS__)
#define CREW__SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CREW__SIM_ASAN 1
#endif
#endif

#define CREW__SIM_THREADS 16U /* alive at once, in one run */
#define CREW__SIM_SLOTS	  8
#define CREW__SIM_FRAMES  24
#define CREW__SIM_EVENTS  4096U /* remembered; power of two */
#define CREW__SIM_OUTSIDE 0xffU /* the number of what is no thread of a run */

/* For each thread a step: what it did up to there (weak.c). */
struct crew__sim_view {
	uint32_t steps[CREW__SIM_THREADS];
};
struct crew__sim_views {
	struct crew__sim_view happened;
	struct crew__sim_view visible;
};

enum crew__sim_state {
	CREW__SIM_FREE,
	CREW__SIM_RUNNABLE,
	CREW__SIM_BLOCKED,
	CREW__SIM_DONE
};

struct crew__sim_virtual {
	void *sp;	/* while it does not run */
	uint64_t steps; /* its own; never goes back within a run */
	uint8_t index;
	enum crew__sim_state state;
	int error; /* errno */
	uint64_t slots[CREW__SIM_SLOTS];
	/* while blocked: on a word, or on the end of a thread */
	struct crew__word32 *word;
	uint64_t joins;
	crew_time when;
	uint64_t since; /* orders those that wait on one word */
	bool timed_out;
	bool begun;
	int64_t priority; /* PCT */
	struct crew__sim_views views;
	struct crew__sim_views aside;  /* carried by what relaxed loads have found */
	struct crew__sim_views passed; /* carried by what relaxed stores store */
	uint64_t handle;
	void (*fn)(void *);
	void *arg;
	char name[16];
	char *stack; /* kept for the next thread with this index */
	void *frames[CREW__SIM_FRAMES];
	int frame_count;
	/* ASan: the stack that it stood on */
	void *fake;
	const void *bottom;
	size_t bytes;
};

enum crew__sim_event_kind {
	CREW__SIM_EVENT_POINT,
	CREW__SIM_EVENT_RUN,
	CREW__SIM_EVENT_WAIT,
	CREW__SIM_EVENT_WAKE,
	CREW__SIM_EVENT_START,
	CREW__SIM_EVENT_END,
	CREW__SIM_EVENT_TIME,
	CREW__SIM_EVENT_CHOOSE,
	CREW__SIM_EVENT_OLD, /* the load before this returned an old value */
};

struct crew__sim_event {
	const void *at; /* where the call returns to */
	uint8_t thread;
	uint8_t kind;
	uint32_t value;
};

struct crew__sim_world {
	/* hot: every point */
	struct crew__sim_virtual *self;
	uint64_t next; /* of self->steps: there something has to be looked at */
	uint64_t event_count;
	/* what `next` is the least of */
	uint64_t switch_at;
	uint64_t turn_end;
	uint64_t step_end;
	/* steps: those before this turn, and where in self->steps the turn began */
	uint64_t past;
	uint64_t turn_from;

	const struct crew__sim_options *options;
	void *arg;
	bool running;
	bool loud;	 /* report a failure as it happens */
	bool crashed;	 /* by a signal */
	bool looking;	 /* the invariant is: what it does is no step of the run */
	bool inspecting; /* whoever is switched to notes its frames and switches back */
	struct crew__sim_virtual *inspector;
	struct crew__sim_virtual *left; /* who was switched away from last */
	uint64_t runnable;		/* bit for each thread, the running one too */
	uint32_t used;			/* threads[0 .. used) have been used in this run */
	uint32_t alive;
	uint64_t handles;
	uint64_t waits;
	uint64_t thread_calls;
	uint64_t map_calls;
	crew_time now;
	char said[160]; /* the last words of the library */
	struct crew__sim_result result;

	struct crew__sim_virtual outside;
	struct crew__sim_virtual threads[CREW__SIM_THREADS];
	struct crew__sim_event events[CREW__SIM_EVENTS];
};

extern struct crew__sim_world crew__sim_world;

#define CREW__SIM_START CREW_S(1000) /* the time at which every run begins */

/* ---- world.c ------------------------------------------------------------- */

/* A scheduling point of the function that will return to `at`. */
void crew__sim_step(const void *at, enum crew__sim_event_kind kind, uint32_t value);
#define CREW__SIM_STEP(kind, value)                                                                \
	crew__sim_step(__builtin_return_address(0), CREW__SIM_EVENT_##kind, (uint32_t)(value))
void crew__sim_note(const void *at, enum crew__sim_event_kind kind, uint32_t value);
/* Switches at once, whatever the strategy says. */
void crew__sim_switch(struct crew__sim_virtual *to);
/* The calling thread cannot go on: somebody else must. Returns when it can. */
void crew__sim_leave(void);
/* A new thread that can run. False: there are too many. */
bool crew__sim_make_thread(void (*fn)(void *), void *arg, const char *name, uint64_t *handle);
/* It can go on. */
void crew__sim_make_runnable(struct crew__sim_virtual *thread);
/* Writes the frames of a thread of a run that has failed into it. */
void crew__sim_inspect(struct crew__sim_virtual *thread);

/* ---- clock.c ------------------------------------------------------------- */

/* Moves time to the next moment that somebody waits for. False: nobody does. */
bool crew__sim_jump(void);
bool crew__sim_somebody_waits_for_time(void);

/* ---- choice.c ------------------------------------------------------------ */

enum crew__sim_decision {
	CREW__SIM_STAY,	  /* stay, or who else? Names are threads */
	CREW__SIM_GO,	  /* who? Names are threads */
	CREW__SIM_WHICH,  /* names are numbers */
	CREW__SIM_RARELY, /* names are numbers; counted as an interruption when not 0 */
};

/* Before a run, and when one has ended. */
void crew__sim_choices_begin(const struct crew__sim_options *options);
void crew__sim_choices_end(struct crew__sim_result *result);
/* Which of names[0 .. count)? Returns an index; 0 is what happens by default. */
uint32_t crew__sim_decide(enum crew__sim_decision kind, uint32_t count, const uint8_t *names);
/* After how many steps of the current turn the strategy wants to be asked. */
uint64_t crew__sim_patience(void);
/* A thread has begun; was told to let others run; another was woken by self. */
void crew__sim_rank(struct crew__sim_virtual *thread);
void crew__sim_lower(struct crew__sim_virtual *thread);
bool crew__sim_outranked(const struct crew__sim_virtual *thread);
/* Which of `count` values does a load return? 0: the newest. */
uint32_t crew__sim_decide_age(uint32_t count);
/* Does a thing that happens once in so many times happen now? */
bool crew__sim_rarely(uint32_t one_in);
/* crew__sim_enumerate(): forgets; moves on to the next run, false: there is none. */
void crew__sim_enumerate_begin(unsigned bound);
bool crew__sim_enumerate_next(void);

/* What a run did other than by default, as text that REPLAY understands. */
struct crew__sim_choice {
	uint64_t at; /* in the steps of the thread */
	uint8_t thread;
	bool is_number;
	uint32_t value;
};
struct crew__sim_choices {
	struct crew__sim_choice *list;
	size_t count;
	size_t room;
};
void crew__sim_choices_add(struct crew__sim_choices *choices, struct crew__sim_choice choice);
/* False: too long; then text is "". */
bool crew__sim_choices_print(const struct crew__sim_choices *choices, char *text, size_t size);
/* False: cannot be read. */
bool crew__sim_choices_parse(struct crew__sim_choices *choices, const char *text);
/* Those of the last run. */
extern struct crew__sim_choices crew__sim_made;
/* Those that REPLAY follows. */
extern struct crew__sim_choices crew__sim_given;

/* ---- weak.c, race.c -------------------------------------------------------- */

void crew__sim_weak_begin(void);
void crew__sim_weak_start(struct crew__sim_virtual *thread); /* by the calling one */
void crew__sim_weak_join(struct crew__sim_virtual *ended);
void crew__sim_weak_map(void);
void crew__sim_weak_unmap(void);
void crew__sim_races_begin(void);
/* The calling thread accesses these bytes. */
void crew__sim_touch(const void *at, size_t bytes, bool writes, bool atomic, const void *where);
/* Of the 8 bytes at `at`: the numbers of the atomic words in the two halves. */
uint32_t *crew__sim_cell_places(uintptr_t at);

/* ---- outside.c ------------------------------------------------------------ */

void crew__sim_outside_begin(void);
/* Takes back what is left over; says what it was, or NULL. */
const char *crew__sim_outside_end(void);

/* ---- report.c ------------------------------------------------------------ */

/* Why it failed, who waits where, the last events. Inside of the failed run. */
void crew__sim_report(void);
void crew__sim_report_signals(void);
/* The commands that replay. */
void crew__sim_report_replay(const struct crew__sim_options *options,
			     const struct crew__sim_result *result);
/* Where in the code that is, when somebody will read it. */
void crew__sim_place(const void *where, char *text, size_t size);
const char *crew__sim_verdict_name(enum crew__sim_verdict verdict);

#endif /* CREW__SIM_WORLD_H */
