/* SPDX-License-Identifier: MIT */
/* park.c - see park.h for the protocol. */
#include "exec/park.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/random.h"
#include "exec/cancel.h"
#include "exec/deadline.h"
#include "exec/worker.h"

uint32_t crew__forks CREW__STATE; /* changes while there is one thread */

/* ---- the parkers of plain threads ---------------------------------------- */

/* One for each wait of a plain thread. Never freed: a late wake must find the
 * word mapped. There are never more than threads that waited at once. The first few
 * need no memory, so that a wait ends although there is none (R11). */
struct thread_parker {
	struct crew__parker parker;
	struct thread_parker *next;  /* guarded by parkers.lock: free ones */
	struct thread_parker *made;  /* before it */
	struct crew__word32 endless; /* its wait ends only when another thread ends it */
	struct crew_word reason;     /* a string constant, or NULL: does not wait */
};

static struct {
	struct crew__lock lock;
	struct thread_parker *free;
	struct thread_parker *made; /* last */
	struct thread_parker first[16];
	uint32_t first_used;
} parkers CREW__STATE;

/* pre: locked */
static void init_parker(struct thread_parker *parker)
{
	*parker = (struct thread_parker){ .parker = { .is_thread = 1 }, .made = parkers.made };
	parkers.made = parker;
}

static struct thread_parker *try_take_parker(void)
{
	struct thread_parker *parker;

	crew__lock_acquire(&parkers.lock);
	parker = parkers.free;
	if (parker) {
		parkers.free = parker->next;
	} else if (parkers.first_used < sizeof(parkers.first) / sizeof(parkers.first[0])) {
		parker = &parkers.first[parkers.first_used++];
		init_parker(parker);
	}
	crew__lock_release(&parkers.lock);
	if (parker)
		return parker;
	parker = crew__alloc(sizeof(*parker));
	if (!parker)
		return NULL;
	crew__lock_acquire(&parkers.lock);
	init_parker(parker);
	crew__lock_release(&parkers.lock);
	return parker;
}

static struct crew__parker *take_parker(void)
{
	struct thread_parker *parker;

	while (!(parker = try_take_parker()))
		crew__port_thread_yield();
	return &parker->parker;
}

static void give_parker(struct crew__parker *parker)
{
	struct thread_parker *owner = crew__container(parker, struct thread_parker, parker);

	if (parker->scope)
		crew__scope_part(parker);
	crew__lock_acquire(&parkers.lock);
	owner->next = parkers.free;
	parkers.free = owner;
	crew__lock_release(&parkers.lock);
}

/* ---- waiting ------------------------------------------------------------- */

/* The innermost scope of the calling plain thread, or of the task that it is a host of. */
static struct crew_scope *thread_scope(void)
{
	const struct crew__fiber *host = crew__self_host();

	return host ? host->scope : crew__self_scope();
}

static inline void take_ticket(struct crew__waiter *waiter, bool interruptible)
{
	waiter->expected = CREW__PARK_TICKET(crew__load_relaxed(&waiter->parker->word)) + 8;
	waiter->expected |= interruptible ? CREW__WAITING : CREW__FIRM;
}

static __attribute__((noinline)) void init_member(struct crew__waiter *waiter,
						  struct crew_scope *scope)
{
	/* first, for it may run hooks, which may use the parker */
	crew__scope_join(scope, waiter->parker);
	take_ticket(waiter, true);
}

static __attribute__((noinline)) struct crew_scope *take_thread_parker(struct crew__waiter *waiter)
{
	waiter->parker = take_parker();
	return thread_scope();
}

void crew__waiter_init(struct crew__waiter *waiter, bool interruptible)
{
	struct crew__worker *worker = crew__self();
	struct crew_scope *scope;

	if (crew__likely(worker != NULL)) {
		waiter->parker = &worker->fiber->parker;
		scope = worker->fiber->scope;
	} else {
		scope = take_thread_parker(waiter);
	}
	if (interruptible && scope != waiter->parker->scope)
		init_member(waiter, scope);
	else
		take_ticket(waiter, interruptible);
}

void crew__waiter_fini(struct crew__waiter *waiter)
{
	if (waiter->parker->is_thread)
		give_parker(waiter->parker);
}

static bool move_word(struct crew__parker *parker, uint64_t expected, enum crew__park_state to)
{
	return crew__cas_acq_rel(&parker->word, &expected, CREW__PARK_TICKET(expected) | to);
}

/* Between storing the word and looking at the scope (cancel.effective). */
static void publish_word(struct crew__parker *parker, uint64_t expected, bool fences)
{
	crew__store_release(&parker->word, expected); /* pairs: park.word */
	if (fences)
		crew__fence_seq_cst();
	else
		crew__compiler_barrier();
}

/* Cancelled meanwhile? Then it ends the wait, unless somebody was faster. */
static bool cancel_at_once(struct crew__parker *parker, uint64_t expected)
{
	return CREW__PARK_STATE(expected) == CREW__WAITING && parker->scope &&
	       crew__unlikely(crew__scope_flags(parker->scope) & CREW__EFFECTIVE) &&
	       move_word(parker, expected, CREW__CANCELLED);
}

struct publish {
	uint64_t expected;
	void (*after)(void *);
	void *arg;
};

/* Step 3, on the far side. `left` may run again as soon as the lot is unlocked. */
static void publish_fiber(struct crew__worker *worker, struct crew__fiber *left, void *opaque)
{
	struct publish publish = *(struct publish *)opaque;
	struct crew__parker *parker = &left->parker;
	bool cancelled;

	publish_word(parker, publish.expected, worker->crew->fences);
	cancelled = cancel_at_once(parker, publish.expected);
	publish.after(publish.arg);
	if (cancelled)
		crew__fiber_ready(left);
}

static bool park_fiber(struct crew__worker *worker, struct crew__waiter *waiter,
		       struct publish *publish, const char *reason)
{
	struct crew__fiber *fiber = worker->fiber;
	uint64_t word;

	crew__count(&worker->counters.parks, 1);
	crew__show_pointer(&fiber->reason, reason);
	crew__show(&fiber->since, (uint64_t)crew__port_now_coarse());
	crew__worker_switch(worker, crew__worker_next(worker), publish_fiber, publish);
	/* pairs: park.word, by way of the queue that the fiber was in */
	word = crew__load_acquire(&waiter->parker->word);
	crew__store_relaxed(&waiter->parker->word, CREW__PARK_TICKET(word) | CREW__RUNNING);
	crew__show_pointer(&fiber->reason, NULL);
	if (CREW__PARK_STATE(word) == CREW__GRANTED)
		return true;
	fiber->epoch = 0; /* what comes next looks, though the epoch may not have moved yet */
	return false;
}

/*
 * A plain thread cannot be held back like a fiber: it could see that its wait is
 * over before the winner has let go of the lot. So it goes by the signal, which is
 * the winner's last touch (P3), and by the word only when it has won itself.
 */
static __attribute__((noinline)) bool park_thread(struct crew__waiter *waiter,
						  const struct publish *publish, crew_time when,
						  const char *reason)
{
	struct crew__parker *parker = waiter->parker;
	struct thread_parker *owner = crew__container(parker, struct thread_parker, parker);
	struct crew__word32 *endless = &owner->endless;
	uint64_t word;
	bool over;

	crew__show_pointer(&owner->reason, reason);
	publish_word(parker, publish->expected, true);
	over = cancel_at_once(parker, publish->expected);
	publish->after(publish->arg);
	while (!over && !(crew__exchange32_acq_rel(&parker->signal, 0) & CREW__SIGNAL_READY)) {
		crew_time until = crew__deadline_serve(parker->scope);

		crew__store32_release(endless, until == CREW_NEVER && when == CREW_NEVER);
		/* (what is due has signalled READY) */
		if (!crew__port_wait(&parker->signal, 0, until < when ? until : when) &&
		    when <= until) {
			over = move_word(parker, publish->expected, CREW__GRANTED);
			when = CREW_NEVER; /* lost: somebody has won, and is about to say so */
		}
		crew__store32_release(endless, 0);
	}
	word = crew__load_acquire(&parker->word);
	crew__store_release(&parker->word, CREW__PARK_TICKET(word) | CREW__RUNNING);
	crew__show_pointer(&owner->reason, NULL);
	give_parker(parker);
	return CREW__PARK_STATE(word) == CREW__GRANTED;
}

bool crew__park(struct crew__waiter *waiter, void (*after)(void *), void *arg, crew_time when,
		const char *reason)
{
	struct publish publish = { .expected = waiter->expected, .after = after, .arg = arg };

	if (crew__unlikely(waiter->parker->is_thread))
		return park_thread(waiter, &publish, when, reason);
	return park_fiber(crew__self(), waiter, &publish, reason);
}

/* ---- waking -------------------------------------------------------------- */

bool crew__grant(const struct crew__waiter *waiter, struct crew__parker **parker)
{
	*parker = waiter->parker;
	return move_word(waiter->parker, waiter->expected, CREW__GRANTED);
}

bool crew__cancel_parker(struct crew__parker *parker)
{
	uint64_t word = crew__load_acquire(&parker->word); /* pairs: park.word */

	return CREW__PARK_STATE(word) == CREW__WAITING && move_word(parker, word, CREW__CANCELLED);
}

void crew__tell_parker(struct crew__parker *parker)
{
	if (!parker->is_thread)
		return;
	crew__or32_acq_rel(&parker->signal, CREW__SIGNAL_LOOK);
	crew__port_wake(&parker->signal, 1);
}

bool crew__make_firm(struct crew__waiter *waiter)
{
	bool won = move_word(waiter->parker, waiter->expected, CREW__FIRM);

	waiter->expected = CREW__PARK_TICKET(waiter->expected) | CREW__FIRM;
	return won;
}

bool crew__make_loose(struct crew__waiter *waiter, struct crew__parker **parker)
{
	/* a plain thread that was cancelled parts with it before it passes the lot */
	const struct crew_scope *scope = waiter->parker->scope;

	*parker = waiter->parker;
	waiter->expected = CREW__PARK_TICKET(waiter->expected) | CREW__WAITING;
	publish_word(waiter->parker, waiter->expected, true); /* P5 */
	return scope && crew__scope_flags(scope) & CREW__EFFECTIVE &&
	       move_word(waiter->parker, waiter->expected, CREW__CANCELLED);
}

void crew__ready(struct crew__parker *parker)
{
	if (parker->is_thread) {
		crew__or32_acq_rel(&parker->signal, CREW__SIGNAL_READY);
		crew__port_wake(&parker->signal, 1);
		return;
	}
	crew__fiber_ready(crew__container(parker, struct crew__fiber, parker));
}

uint32_t crew__parkers_still(uint64_t *moves)
{
	uint32_t still = 0;

	crew__lock_acquire(&parkers.lock);
	for (struct thread_parker *at = parkers.made; at; at = at->made) {
		still += crew__load32_acquire(&at->endless) &&
			 !crew__load32_acquire(&at->parker.signal);
		crew__random_mix(moves, crew__load_acquire(&at->parker.word));
	}
	crew__lock_release(&parkers.lock);
	return still;
}

uint32_t crew__parkers_reasons(struct crew__parked list[], uint32_t most)
{
	uint32_t length = 0;

	crew__lock_acquire(&parkers.lock);
	for (const struct thread_parker *at = parkers.made; at; at = at->made) {
		const char *reason = crew__shown_text(&at->reason);
		uint32_t i = 0;

		while (i < length && list[i].reason != reason)
			i++;
		if (!reason || i == most)
			continue;
		if (i == length)
			list[length++] = (struct crew__parked){ .reason = reason };
		list[i].threads++;
	}
	crew__lock_release(&parkers.lock);
	return length;
}

void crew__park_in_child(void)
{
	crew__forks = crew__port_fork_count();
	parkers.lock = (struct crew__lock){ .word = { 0 } };
	parkers.free = NULL; /* perhaps half changed */
	parkers.made = NULL; /* nobody waits in the others */
}
