/* SPDX-License-Identifier: MIT */
/*
 * port.h - the outside world: the only door to the operating system.
 *
 * Time, randomness, threads, futexes and memory maps are reached through these
 * functions and through nothing else. port/linux.c implements them for real;
 * sim/world.c implements them for tests, where one OS thread plays all threads
 * under a virtual clock. Above this floor nobody includes a header of the OS.
 *
 * Every function returns 0 or -errno unless it says otherwise; errno itself is
 * read only in here, because a task may change its thread and compilers keep
 * errno's address across calls.
 */
#ifndef CREW__PORT_H
#define CREW__PORT_H

#include "base/atomic.h"

/* ---- clock -------------------------------------------------------------- */

/* CLOCK_MONOTONIC in nanoseconds; virtual in simulated builds. */
crew_time crew__port_now(void);

/* The same clock, cheaper and coarse (a few ms behind). For ages in dumps. */
crew_time crew__port_now_coarse(void);

/* ---- futex -------------------------------------------------------------- */

/*
 * Sleeps while *word == expected, until woken or until crew__port_now() >= when
 * (CREW_NEVER: no limit). May return early for no reason: call it in a loop.
 * Returns false when the time was up.
 */
bool crew__port_wait(struct crew__word32 *word, uint32_t expected, crew_time when);

/* Wakes up to `count` threads that sleep on `word`. A late wake on a word that
 * nobody uses any more must be harmless: such words stay mapped. */
void crew__port_wake(struct crew__word32 *word, int count);

/* ---- threads ------------------------------------------------------------ */

/*
 * Starts a thread that runs fn(arg) with all signals blocked except the
 * synchronous ones. name: up to 15 bytes. A small stack: no task runs on it.
 */
int crew__port_thread_start(uint64_t *thread, void (*fn)(void *), void *arg, const char *name);
/* Like thread_start, with the system's default stack, for crew_blocking(). */
int crew__port_thread_start_big(uint64_t *thread, void (*fn)(void *), void *arg, const char *name);
void crew__port_thread_join(uint64_t thread);
/* What thread_start gave whoever started the calling thread. */
uint64_t crew__port_thread_self(void);
/* How many threads this process has; 0: cannot be told. */
uint64_t crew__port_thread_count(void);
/* Lets another thread run on this processor. */
void crew__port_thread_yield(void);

/* ---- processors --------------------------------------------------------- */

/* See crew_cpu_limit(). */
unsigned crew__port_cpu_limit(char *why, size_t why_size);

/* Asks once. false: it never will be there, and the two sides must use real fences. */
bool crew__port_has_membarrier(void);
/* A full fence in every running thread of this process. pre: it has been found to be there. */
void crew__port_membarrier(void);

/* ---- memory ------------------------------------------------------------- */

/* Address space, zeroed, touched as used, never counted against overcommit.
 * NULL: none. bytes: any; rounded up to pages. */
void *crew__port_map(size_t bytes);
void crew__port_unmap(void *at, size_t bytes);
/* Advises huge pages for [at, at + bytes). Failure is no matter. */
void crew__port_map_huge(void *at, size_t bytes);
/* Makes any access to `bytes` at `at`, and so on for `count` places `stride` apart, a fault.
 * Costs no mapping where the kernel has MADV_GUARD_INSTALL, else splits one for each.
 * Returns how many it could make, from the first. pre: count <= CREW__GUARD_BATCH. */
unsigned crew__port_guard(char *at, size_t bytes, size_t stride, unsigned count);
/* Gives the memory in [at, at + bytes) back; it reads as zero afterwards. */
void crew__port_map_trim(void *at, size_t bytes);
size_t crew__port_page_bytes(void);

/* ---- fork --------------------------------------------------------------- */

/* How many forks lie between this process and the one that loaded the library.
 * A crew remembers it; another number means that its threads do not exist. */
uint32_t crew__port_fork_count(void);
/* Calls `hook` in the child after each fork from now on. pre: once. */
int crew__port_on_fork(void (*hook)(void));

/* ---- faults -------------------------------------------------------------- */

/* Calls look(address) in the handler of each SIGSEGV and SIGBUS that a thread causes,
 * before the handler or default action that was there. pre: once. */
void crew__port_on_fault(void (*look)(uintptr_t address));
/* Gives the calling thread a stack for signal handlers. NULL: no memory, or it has one. */
void *crew__port_fault_stack(void);
/* pre: the same thread. NULL: does nothing. */
void crew__port_fault_stack_end(void *at);

/* ---- choices ------------------------------------------------------------ */

/*
 * "Which one?" Everything that orders execution and could have gone another
 * way asks here: whom to rob first, whom to wake, how patient to be. Real: a
 * cheap pseudo-random number. Simulated: the seed or the list being replayed.
 */
enum crew__choice {
	CREW__CHOICE_VICTIM,   /* which worker to look at first */
	CREW__CHOICE_PATIENCE, /* how many turns to wait for an answer */
	CREW__CHOICE_SPURIOUS, /* 0 nothing; HARD and simulated builds: a rare thing happens */
};

/* 0 <= result < bound. `state` is the asking worker's own generator state. */
uint32_t crew__port_choose(enum crew__choice what, uint32_t bound, uint64_t *state);
/* A seed for a new generator. */
uint64_t crew__port_seed(void);

/* ---- environment and last words ------------------------------------------ */

/* getenv(), or NULL. */
const char *crew__port_env(const char *name);
/* Writes the text to stderr, unbuffered. */
void crew__port_say(const char *text);
/* Ends the process with SIGABRT. */
_Noreturn void crew__port_abort(void);

#endif /* CREW__PORT_H */
