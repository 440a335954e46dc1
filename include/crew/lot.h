/* SPDX-License-Identifier: MIT */
/*
 * crew/lot.h - a place to wait in: what locks, semaphores and events are made of, and
 * what to build another one of.
 *
 * A lot is a lock over some state of yours, and a line of those who wait for that state
 * to change. Who finds that it must wait does so without a gap in which a change could
 * be missed. Who changes the state says who may go on: the first in line, or all.
 *
 *	struct gate {
 *		struct crew_lot lot;
 *		bool open;
 *	};
 *
 *	static bool is_open(void *arg)
 *	{
 *		return ((struct gate *)arg)->open;
 *	}
 *
 *	int gate_pass(struct gate *gate)
 *	{
 *		return crew_lot_wait(&gate->lot, is_open, gate, "gate");
 *	}
 *
 *	void gate_open(struct gate *gate)
 *	{
 *		crew_lot_lock(&gate->lot);
 *		gate->open = true;
 *		crew_lot_wake_all(&gate->lot);
 *		crew_lot_unlock(&gate->lot);
 *	}
 *
 * Hand over. Whoever is woken need not look again: the waker has done for it what it
 * waited for, with the lot locked, by way of `arg` if something is to be passed on. A
 * wait that was cancelled has got nothing.
 *
 * Of a wait and its cancellation the first wins: woken, it returns 0 although it was
 * cancelled meanwhile; cancelled, it returns CREW_ECANCELED, and the waker is told to
 * take the next one.
 *
 * What the calls cost:
 *
 *	crew_lot_lock, unlock	one atomic exchange each
 *	crew_lot_wait		those, and if it waits: two switches, no memory
 *	crew_lot_wake		one compare-exchange; unlock makes it ready
 *
 * Zeroed storage is a valid lot, and nothing is owed when it is left. Its memory may be
 * given back as soon as nobody waits, by whoever was woken last as well.
 *
 * See also: crew/task.h (checkpoints).
 */
#ifndef CREW_LOT_H
#define CREW_LOT_H

#include "crew/base.h"

CREW_BEGIN

/* No field is for callers. */
struct crew_lot_queue {
	void *first;
	void *last;
};

/* No field is for callers. */
struct crew_lot_table {
	void **lists;
	void *first;
	uint64_t size;
	uint64_t count;
};

/* Must not be moved or copied while somebody waits. No field is for callers. */
struct crew_lot {
	struct {
		uint32_t lock;
		uint32_t forks; /* of this process when it was locked last */
		struct crew_lot_queue queue;
		struct crew_lot_queue woken; /* to be made ready by unlock */
	} private_;
};

/* clang-format off */
#define CREW_LOT_INIT { { 0, 0, { NULL, NULL }, { NULL, NULL } } }
/* clang-format on */

/*
 * Locks the lot. It is held for a few instructions: between lock and unlock no call of
 * crew but crew_lot_first(), crew_lot_wake(), crew_lot_wake_all(). Who comes meanwhile
 * spins a little, then blocks its thread.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_lot_lock(struct crew_lot *lot);

/*
 * Unlocks the lot, then makes ready whom crew_lot_wake() has chosen. What was written
 * before is visible to whoever locks it next, and to those woken.
 *
 * Checkpoint:	none
 * Callers:	whoever locked it
 */
CREW_API void crew_lot_unlock(struct crew_lot *lot);

/* With the lot locked: is there no need to wait? It may take what it finds. */
typedef bool crew_lot_fn(void *arg);

/*
 * Locks the lot and asks pass(arg); if that says no, waits at the end of the line until
 * woken. NULL waits in any case. `reason` says in dumps what for: a string constant. The
 * lot is not locked afterwards.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads; the lot is not locked
 * Returns:	0		`pass` said so, or it was woken
 *		CREW_ECANCELED	the caller is cancelled: `pass` was not asked; or was while it
 *				waited: it is out of the line
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_lot_wait(struct crew_lot *lot, crew_lot_fn *pass, void *arg, const char *reason);

/*
 * Does anybody wait? Then *arg is what the first in line waits with.
 *
 * Checkpoint:	none
 * Callers:	whoever holds the lot locked
 * Returns:	whether somebody waits
 */
CREW_API bool crew_lot_first(struct crew_lot *lot, void **arg);

/*
 * Ends the wait of the first in line: of the one that crew_lot_first() has just shown.
 * It goes on when the lot is unlocked.
 *
 * Checkpoint:	none
 * Callers:	whoever holds the lot locked
 * Returns:	true when it has; false when that one was cancelled meanwhile (it is out of
 *		the line: take the next one), or when nobody waits
 */
CREW_API bool crew_lot_wake(struct crew_lot *lot);

/*
 * Ends the waits of all.
 *
 * Checkpoint:	none
 * Callers:	whoever holds the lot locked
 * Returns:	how many
 */
CREW_API size_t crew_lot_wake_all(struct crew_lot *lot);

struct crew_lot_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_lot_stats) */
	uint64_t waiting; /* neither woken nor cancelled yet */
};

/*
 * Counts those who wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers; the lot is not locked
 */
CREW_API void crew_lot_read_stats(const struct crew_lot *lot, struct crew_lot_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers; the lot is not locked
 */
CREW_API void crew_lot_fini(struct crew_lot *lot);

CREW_END

#endif /* CREW_LOT_H */
