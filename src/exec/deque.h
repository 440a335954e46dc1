/* SPDX-License-Identifier: MIT */
/*
 * deque.h - one owner, many thieves: the tasks that a worker has spawned and
 * nobody has taken. The owner's path has no fence and no read-modify-write.
 *
 * WORDS
 *	bottom	index one past the newest item: its low half. Written by the owner alone,
 *		who may keep something of its own in the high half (fork.h).
 *	split	items below it are public, [split, bottom) are private.
 *	top	index of the oldest item: split - length.
 *	word	split:32, length:24, closer:8. Every change is a compare-exchange.
 *	closed	a thief found nothing public and put its number into `closer`,
 *		and 2^30 onto split, so that the owner's next comparison fails.
 *		The mark is the request for work; there is no other.
 *
 * LIFE
 *	push	write the slot, bottom + 1, compare. Still open: done.
 *	pop	bottom - 1, compare. Not below split: the item is ours.
 *	marked	the owner's push or pop finds bottom below split: it publishes half of
 *		what is private and opens, by one compare-exchange.
 *	steal	from the public part: read the slot, length - 1. Or several at once, when
 *		they are children of one group: up to half of the public part.
 *	expose	a thief's mark was not answered: the owner computes. A membarrier
 *		makes the owner's bottom visible and the mark visible to the owner;
 *		then everything below bottom becomes public, by one compare-exchange.
 *
 * INVARIANTS
 *	D1  An item is taken once: privately by the owner, whose comparison after
 *	    the store of bottom found it not below split, or by the one
 *	    compare-exchange that removes it from the public part.
 *	D2  While an open word stays the same, the item at top stays the same: it
 *	    leaves only by top + 1. So the last public item is taken by length 1 -> 0
 *	    with split where it is, and never by lowering split: else a thief that
 *	    has read the slot could take what is pushed there later. With membarrier that
 *	    holds for all public items: split rises only from length 0, and length gets
 *	    there only past top. Without it every push raises split, so only one is taken.
 *	D3  A closed word is opened by the owner, or by the closer whose number it
 *	    carries: a stalled closer cannot open somebody else's closing with a
 *	    bottom that it read long ago.
 *	D4  closed implies length 0. The owner never waits for the closer.
 *	D5  0 <= bottom - top <= slots - 1, in 32-bit arithmetic that may wrap.
 *
 * ORDERS
 *	deque.bottom	push's store releases the slot and everything the spawner
 *			wrote; the closer's load acquires it.
 *	deque.word	every compare-exchange releases and acquires: thieves see the
 *			slots that became public, the owner sees who left.
 *	deque.dekker	owner: store bottom, load word. Closer: set the mark, load
 *			bottom. One of them must see the other. The closer's membarrier
 *			is the fence of both; where there is none, both fence.
 *	slots		relaxed: a thief may read a slot that is being overwritten,
 *			and then its compare-exchange fails.
 *
 * WRAP-AROUND. D2 holds until the same word comes back with other items, which
 * takes 2^32 items passing through the public part while one thief stands between
 * reading a slot and its compare-exchange: a minute of nothing but stealing from
 * this deque. The thief would have to be off its processor all that time, and
 * then meet the one word in 2^32. Accepted.
 *
 * REJECTED
 *	Chase-Lev (fence in every pop): `perf/run deque` measures both. A flag for
 *	hunger besides the mark: two words to keep right. Growing: what does not fit
 *	goes to the inject queue, which also is where idle workers look.
 *
 * Sources: van Dijk, van de Pol, "Lace: non-blocking split deque for
 * work-stealing" (2014) for split and the request; Dice, Huang, Yang, "Asymmetric
 * Dekker synchronization" (2001) for the fence on the thief's side.
 *
 * WHO MAY CALL: push, pop, newest: the owning worker. The rest: anybody.
 * GUARDED BY tests/unit/exec/deque.c, tests/model/deque.c, tests/stress/tasks.c.
 */
#ifndef CREW__DEQUE_H
#define CREW__DEQUE_H

#include "base/assert.h"
#include "base/atomic.h"
#include "base/config.h"
#include "crew/task.h"

/* One task: what to call, for which group, from where. 32 bytes. */
struct crew__slot {
	crew_task_fn *fn;
	void *arg;
	uintptr_t group; /* struct crew_group *, and the bits below */
	const char *site;
};

/* The task has a record: arg points to it (record.h). */
#define CREW__SLOT_RECORD ((uintptr_t)1)
/* The task is pinned: no join runs it in place. */
#define CREW__SLOT_PINNED ((uintptr_t)2)
/* A forked call: arg is its struct crew_fork, `group` the scope it runs in, `site` its
 * struct crew_fork_kind; in the place of fn lies nothing. */
#define CREW__SLOT_FORK ((uintptr_t)4)
#define CREW__SLOT_BITS ((uintptr_t)7)

struct crew__deque_cell {
	struct crew_word words[4];
};

struct crew__deque {
	/* the owner's line; thieves read bottom when nothing is public */
	struct crew_word bottom;
	uint32_t limit; /* push takes its slow path when bottom gets here */
	uint32_t pad0_;
	struct crew__deque_cell *cells;
	uintptr_t scope; /* where the fiber that runs stands, as forks' slots say it */
	/* for crew_check() in callers' code: of all cancellations, and of the fiber that runs */
	const struct crew_word *epoch;
	const uint64_t *looked;
	bool fences; /* no membarrier: limit follows bottom, nothing is private */
	char pad_[64 - 8 - 8 - 8 - 8 - 8 - 8 - 8];
	/* the common line */
	union {
		struct crew_word word;
		struct crew__word32 halves[2]; /* [CREW__DEQUE_HIGH]: split, and the mark */
	};
	struct crew_word attention; /* the worker's: see worker.h. Here, because push has
				     * this line at hand */
	char pad2_[48];
} __attribute__((aligned(64)));

enum crew__deque_result {
	CREW__DEQUE_TAKEN,
	CREW__DEQUE_EMPTY,  /* nothing there */
	CREW__DEQUE_RETRY,  /* somebody was faster */
	CREW__DEQUE_BUSY,   /* another thief is closing it */
	CREW__DEQUE_MARKED, /* we closed it: wait a little, then expose */
};

#define CREW__DEQUE_MASK   (CREW__DEQUE_SLOTS - 1)
#define CREW__DEQUE_CLOSED (UINT32_C(1) << 30)

static inline uint64_t crew__deque_pack(uint32_t split, uint32_t length, uint32_t closer)
{
	return (uint64_t)split << 32 | (uint64_t)length << 8 | closer;
}

static inline uint32_t crew__deque_split(uint64_t word)
{
	return (uint32_t)(word >> 32) - ((word & 0xff) ? CREW__DEQUE_CLOSED : 0);
}

static inline uint32_t crew__deque_length(uint64_t word)
{
	return (uint32_t)(word >> 8) & 0xffffffU;
}

static inline uint32_t crew__deque_closer(uint64_t word)
{
	return (uint32_t)word & 0xff;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CREW__DEQUE_HIGH 1
#else
#define CREW__DEQUE_HIGH 0
#endif

/* bottom - split as the owner sees it now: negative when closed */
static inline int32_t crew__deque_private(const struct crew__deque *deque, uint32_t bottom)
{
	return (int32_t)(bottom - crew__load32_relaxed(&deque->halves[CREW__DEQUE_HIGH]));
}

/* False: no memory. */
bool crew__deque_init(struct crew__deque *deque, bool fences);
void crew__deque_fini(struct crew__deque *deque);

/* The owner met the mark: publishes half and opens. */
void crew__deque_answer(struct crew__deque *deque);
/* take_newest when it is not private. */
bool crew__deque_take_slow(struct crew__deque *deque);
/* push when bottom is at the limit. False: full. */
bool crew__deque_push_slow(struct crew__deque *deque, const struct crew__slot *slot);

/* Tries to take the oldest public item, and what lies behind it of the same group, but no
 * forked calls: *count at most, then that many. `number` 1..255 names the thief; 0: do not
 * close. After MARKED, *mark is for crew__deque_expose(). */
enum crew__deque_result crew__deque_steal(struct crew__deque *deque, struct crew__slot slots[],
					  uint32_t *count, uint32_t number, uint64_t *mark);
/* Has the owner (or nobody else can have) answered `mark`? */
bool crew__deque_answered(const struct crew__deque *deque, uint64_t mark);
/* pre: a membarrier after the mark. Makes everything public unless answered. */
void crew__deque_expose(struct crew__deque *deque, uint64_t mark);
/* Is there something that a thief who looks now could get, by itself? False
 * while another thief is closing: that one will see to it. */
bool crew__deque_has_work(const struct crew__deque *deque);

static inline void crew__cell_write(struct crew__deque_cell *cell, crew_task_fn *fn, void *arg,
				    uintptr_t group, const char *site)
{
	crew__store_relaxed(&cell->words[0], (uint64_t)(uintptr_t)fn);
	crew__store_relaxed(&cell->words[1], (uint64_t)(uintptr_t)arg);
	crew__store_relaxed(&cell->words[2], (uint64_t)group);
	crew__store_relaxed(&cell->words[3], (uint64_t)(uintptr_t)site);
}

static inline uint64_t crew__cell_word(const struct crew__deque_cell *cell, int index)
{
	return crew__load_relaxed(&cell->words[index]);
}

static inline void crew__cell_read(const struct crew__deque_cell *cell, struct crew__slot *slot)
{
	slot->fn = (crew_task_fn *)(uintptr_t)crew__cell_word(cell, 0);
	slot->arg = (void *)(uintptr_t)crew__cell_word(cell, 1);
	slot->group = (uintptr_t)crew__cell_word(cell, 2);
	slot->site = (const char *)(uintptr_t)crew__cell_word(cell, 3);
}

/* Writes the slot at bottom, and moves bottom behind it. */
static inline void crew__deque_append(struct crew__deque *deque, uint64_t bottom, crew_task_fn *fn,
				      void *arg, uintptr_t group, const char *site)
{
	crew__cell_write(&deque->cells[bottom & CREW__DEQUE_MASK], fn, arg, group, site);
	crew__store_release(&deque->bottom, bottom + 1); /* pairs: deque.bottom */
	crew__compiler_barrier();			 /* deque.dekker */
}

/* Items in it, roughly. */
static inline uint32_t crew__deque_count(const struct crew__deque *deque)
{
	uint64_t word = crew__load_relaxed(&deque->word);
	uint32_t top = crew__deque_split(word) - crew__deque_length(word);
	int32_t count = (int32_t)((uint32_t)crew__load_relaxed(&deque->bottom) - top);

	return count > 0 ? (uint32_t)count : 0;
}

/* Must push take its slow path? `bottom` is the owner's, here and below. */
static inline bool crew__deque_at_limit(const struct crew__deque *deque, uint64_t bottom)
{
	return (uint32_t)bottom == deque->limit;
}

/* A push in two halves, for the way of every spawn: pre: not at the limit. False: the
 * owner must crew__deque_answer(). */
static inline bool crew__deque_append_newest(struct crew__deque *deque, uint64_t bottom,
					     crew_task_fn *fn, void *arg, uintptr_t group,
					     const char *site)
{
	crew__deque_append(deque, bottom, fn, arg, group, site);
	return crew__deque_private(deque, (uint32_t)bottom + 1) >= 0;
}

/* False: full. */
static inline bool crew__deque_push(struct crew__deque *deque, const struct crew__slot *slot)
{
	uint64_t bottom = crew__own(&deque->bottom);

	if (crew__unlikely(crew__deque_at_limit(deque, bottom)))
		return crew__deque_push_slow(deque, slot);
	if (crew__unlikely(!crew__deque_append_newest(deque, bottom, slot->fn, slot->arg,
						      slot->group, slot->site)))
		crew__deque_answer(deque);
	return true;
}

/* Where the newest item is, if there is one: below bottom. */
static inline const struct crew__deque_cell *crew__deque_below(const struct crew__deque *deque,
							       uint64_t bottom)
{
	return &deque->cells[(bottom - 1) & CREW__DEQUE_MASK];
}

static inline const struct crew__deque_cell *crew__deque_newest(const struct crew__deque *deque)
{
	return crew__deque_below(deque, crew__own(&deque->bottom));
}

/* Takes it out if it is private: the cell stays readable until the next push. False:
 * nothing has changed. */
static inline bool crew__deque_take_private(struct crew__deque *deque, uint64_t bottom)
{
	crew__store_release(&deque->bottom, bottom - 1); /* pairs: deque.bottom */
	crew__compiler_barrier();			 /* deque.dekker */
	if (crew__likely(crew__deque_private(deque, (uint32_t)bottom - 1) >= 0))
		return true;
	crew__store_release(&deque->bottom, bottom);
	return false;
}

/* The same, private or not. False: there is none, or thieves have got them all. */
static inline bool crew__deque_take_newest(struct crew__deque *deque)
{
	return crew__deque_take_private(deque, crew__own(&deque->bottom)) ||
	       crew__deque_take_slow(deque);
}

/* The newest item. */
static inline bool crew__deque_pop(struct crew__deque *deque, struct crew__slot *slot)
{
	const struct crew__deque_cell *cell = crew__deque_newest(deque);

	if (!crew__deque_take_newest(deque))
		return false;
	crew__cell_read(cell, slot);
	return true;
}

#endif /* CREW__DEQUE_H */
