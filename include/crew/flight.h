/* SPDX-License-Identifier: MIT */
/*
 * crew/flight.h - one call for all who want the same at the same time.
 *
 * Whoever comes first with a key makes the call; who comes with the same key while it is under
 * way waits for it, and gets its result: its value, or its failure. Nothing is kept: who comes
 * later makes a call of its own.
 *
 *	static struct crew_flight pages;
 *
 *	struct request {
 *		const char *page;
 *		int (*get)(const char *page, void **text);
 *	};
 *
 *	static int get_page(void *arg, void **text)
 *	{
 *		const struct request *request = (const struct request *)arg;
 *
 *		return request->get(request->page, text);
 *	}
 *
 *	int page(struct request *request, size_t bytes, void **text)
 *	{
 *		return crew_flight_do(&pages, request->page, bytes, get_page, request, text, NULL);
 *	}
 *
 * The value is a pointer that all of them get: what is behind it is to be shared, or counted
 * (`shared` says whether others have it too).
 *
 * Cancellation. The call runs in the scope of who makes it. When that one is cancelled, and so
 * the call has failed, nobody else is: the first who waits makes the call anew, with its own
 * function. Who waits and is cancelled leaves; the call goes on for the others.
 *
 * The call may wait, and spawn. Who makes it and wants the same from inside of it waits for
 * itself, and gets CREW_EDEADLK; a child that does so, and that the call waits for, may wait for
 * ever. It need not be a task's: all of this holds for plain threads.
 *
 * What the calls cost, of a key of so many bytes:
 *
 *	do		its hash, a malloc() and a free() of 72 bytes and the key, the lot's lock
 *			twice
 *	do that waits	its hash, the same malloc() and free(), the lot's lock, two switches
 *	forget		its hash, the lot's lock
 *
 * See also: crew/once.h (one call for ever), crew/keyed_lock.h (one after the other).
 */
#ifndef CREW_FLIGHT_H
#define CREW_FLIGHT_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/* The call. Returns 0 and sets *value, which is NULL before, or returns another code. */
typedef int crew_flight_fn(void *arg, void **value);

/*
 * Zeroed storage has no calls under way. It must not be moved or copied while one is. When none
 * is nothing is owed. No field is for callers.
 */
struct crew_flight {
	struct {
		struct crew_lot lot;
		struct crew_lot_table calls;
	} private_;
};

/* clang-format off */
#define CREW_FLIGHT_INIT { { CREW_LOT_INIT, { NULL, NULL, 0, 0 } } }
/* clang-format on */

/*
 * Calls fn(arg, value), or waits for the call of this key that is under way. *value is what
 * the call has set; *shared, whether others wait or have waited for the same call; NULL and false
 * for who has neither made it nor got its result. Either may be NULL. What the call has written
 * is visible.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		others		of the call, whoever has made it
 *		CREW_ECANCELED	the caller is cancelled: nothing was called; or was while it
 *				waited, or while it made the call and that returned so
 *		CREW_EINVAL	`fn` is NULL
 *		CREW_EDEADLK	called from within the call of this key
 *		CREW_ENOMEM	no memory
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_flight_do(struct crew_flight *flight, const void *key, size_t bytes,
			    crew_flight_fn *fn, void *arg, void **value, bool *shared);

/*
 * Calls fn(arg, value), unless a call of this key is under way. Does not look for cancellation.
 *
 * Checkpoint:	none, but for what `fn` does
 * Callers:	tasks and plain threads
 * Returns:	0
 *		others		of the call
 *		CREW_EWOULDBLOCK a call is under way
 *		CREW_EINVAL	`fn` is NULL
 *		CREW_EDEADLK	called from within the call of this key
 *		CREW_ENOMEM	no memory
 */
CREW_API int crew_flight_do_nowait(struct crew_flight *flight, const void *key, size_t bytes,
				   crew_flight_fn *fn, void *arg, void **value, bool *shared);

/*
 * Whoever comes with this key from now on makes a call of its own: what is under way is out of
 * date. Those who wait for it still get its result.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_flight_forget(struct crew_flight *flight, const void *key, size_t bytes);

struct crew_flight_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_flight_stats) */
	uint64_t waiting; /* for any call that was not forgotten, neither told nor cancelled yet */
	uint64_t calls;	  /* under way, and not forgotten */
};

/*
 * How many calls are under way, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_flight_read_stats(const struct crew_flight *flight,
				     struct crew_flight_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, or with that of who makes a
 * call, when anybody does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_flight_fini(struct crew_flight *flight);

CREW_END

#endif /* CREW_FLIGHT_H */
