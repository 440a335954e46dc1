/* SPDX-License-Identifier: MIT */
/*
 * config.h - every capacity and threshold, with its TINY value next to it.
 *
 * TINY builds make the rare thing common: queues overflow after two items,
 * batches are of one or two.
 *
 * HARD builds do the rare thing at every opportunity: a fiber goes on at another
 * worker than before; every other slice is a stolen task if there is one, without
 * asking its owner first; joins leave every other child to the loops; waits end for
 * no reason; whoever parks is looked at by a canceller without a cause. In simulated
 * HARD builds each of these is a choice.
 */
#ifndef CREW__CONFIG_H
#define CREW__CONFIG_H

#ifdef CREW_TINY
#define CREW__PICK(normal, tiny) (tiny)
#else
#define CREW__PICK(normal, tiny) (normal)
#endif

#ifdef CREW_HARD
#define CREW__HARD 1
#else
#define CREW__HARD 0
#endif

/* More do not fit the closer's number in the deque's word (deque.h). */
#define CREW__WORKERS_MAX 250U

/* Tasks in one worker's deque; more overflow into the inject queue. 64 MiB of
 * address space at 32 bytes each. Power of two, at most 2^23. One slot stays free: of
 * two, one task would be left, and there would be no half to publish or to take back.
 * Callers' code has the same numbers: CREW_FORK_CELLS_ in crew/fork.h. */
#define CREW__DEQUE_SLOTS CREW__PICK(1U << 21, 4U)

/* Children of one group that a thief takes at a time. */
#define CREW__STEAL_BATCH CREW__PICK(16U, 2U)

/* Tasks moved from a deque that is full into the inject queue at a time. */
#define CREW__OVERFLOW_BATCH CREW__PICK(256U, 2U)

/* Fibers in one worker's ready ring; more overflow into the inject queue. */
#define CREW__RING_SLOTS CREW__PICK(256U, 2U)

/* Tasks moved from the inject queue into a deque at a time. */
#define CREW__INJECT_BATCH CREW__PICK(64U, 1U)

/* A worker looks at the inject queue first every so many slices ... */
#define CREW__INJECT_PERIOD CREW__PICK(61U, 3U)
/* ... and at its own tasks after so many ready fibers in a row. */
#define CREW__READY_STREAK CREW__PICK(31U, 2U)

/* Objects that one worker keeps for itself before giving some to the others. */
#define CREW__CACHE_RECORDS CREW__PICK(128U, 2U)
#define CREW__CACHE_FIBERS  CREW__PICK(64U, 1U)

/* Stacks in one mapping. */
#define CREW__SLAB_FIBERS CREW__PICK(256U, 2U)
#define CREW__SLABS_MAX	  CREW__PICK(16384U, 4096U)
/* Guards laid at a time; divides the slab. */
#define CREW__GUARD_BATCH CREW__PICK(16U, 2U)

/* Free stacks that keep their memory, for each worker; the rest is given back
 * when a worker has nothing else to do. */
#define CREW__WARM_FIBERS CREW__PICK(128U, 1U)

#define CREW__STACK_DEFAULT (256U * 1024)
#define CREW__STACK_MIN	    (32U * 1024)
#define CREW__STACK_MAX	    (64U * 1024 * 1024)

/* Turns of a spin before a lock sleeps. */
#define CREW__LOCK_SPINS CREW__PICK(100U, 1U)
/* How often who is first in line for a barging lock is passed (crew/lock.h says so). */
#define CREW__LOCK_PASSES CREW__PICK(100U, 2U)
/* Rounds over all victims before a searcher goes to sleep. */
#define CREW__SEARCH_ROUNDS CREW__PICK(24U, 1U)
/* Turns a thief gives an owner to answer its mark before it asks the kernel for
 * a membarrier: about 2 microseconds, what the membarrier costs (perf/run membarrier). */
#define CREW__PATIENCE CREW__PICK(64U, 2U)

/* A loop without a grain is cut into so many pieces at first, were each of them taken by another
 * worker: 2 to the power. In HARD builds each is. */
#define CREW__LOOP_HALVINGS (CREW__HARD ? 12U : 32U)

/* Errors in one tree (crew/error.h), and bytes of what crew_fail() says. */
#define CREW__ERRORS_MAX    CREW__PICK(64U, 8U)
#define CREW__MESSAGE_BYTES 256U

#define CREW__BLOCKING_DEFAULT 40U
#define CREW__BLOCKING_IDLE    CREW__PICK(CREW_S(5), CREW_MS(20))

/* Where it was asked for: how often to look whether everybody waits for ever. */
#define CREW__STUCK_PERIOD CREW_MS(250)

#endif /* CREW__CONFIG_H */
