/* SPDX-License-Identifier: MIT */
/*
 * idle.c - when a worker searches, when it sleeps, and who wakes it.
 *
 * WORDS
 *	searching	looking for work at others. Counted in the word.
 *	sleeping	on its futex, in the list of sleepers. Counted in the word.
 *	hunger	a bit in every other worker's attention word: somebody sleeps, so the
 *		next push has to wake one.
 *	nap	a sleep with an end, taken when all there is elsewhere is one fiber that
 *		has just become ready: its worker will most likely go on with it at once,
 *		and taking it would tear a pair of talking tasks over two processors.
 *
 * LIFE
 *	1. A worker without work counts itself searching and looks at everybody a
 *	   few times: public tasks; private ones, which it asks for (deque.h); ready
 *	   fibers; injected work.
 *	2. Found: it counts itself out. If it was the last searcher and somebody sleeps,
 *	   it wakes the next: where there was something, there may be more.
 *	3. Not found: under the lock it goes from searching to sleeping and joins the
 *	   list; sets hunger in all others; membarrier; looks once more at every source,
 *	   private tasks too. Found: it leaves the list and searches on. Else it sleeps.
 *	4. A push (or a ready fiber) that finds hunger clears it, and wakes one sleeper if
 *	   nobody is searching. Injecting, from anywhere, looks at the word itself.
 *	5. Waking: under the lock one sleeper leaves the list and becomes searching;
 *	   then its signal is set.
 *
 * INVARIANTS
 *	I1  Nobody sleeps while work waits that no searcher, or worker on its way into
 *	    its loop, will find. In particular work that a computing worker has pushed
 *	    and not published counts: step 3 exposes it (R7).
 *	I2  A sleeper is in the list until somebody takes it out under the lock: a waker,
 *	    which counts it as searching and will signal it; or itself.
 *	I3  A closing of a deque is made by searchers only, so a worker that sleeps because
 *	    a deque is closed sleeps while somebody searches.
 *
 * WHY I1 HOLDS. Let P push and S announce itself.
 *	idle.hunger	P: store bottom, load attention. S: set hunger, look at bottom. The
 *			membarrier of S is the fence of both (where there is none, both
 *			fence): P sees hunger, or S sees the work.
 *	idle.sleepers	P clears hunger by a read-modify-write and then reads the word; S
 *			counts itself sleeping before it sets hunger. If P's clearing comes
 *			after S's setting, P sees S sleeping. If before, hunger stays set.
 *			S sets only what it does not find set, so it fences before it looks.
 *	skipping	P wakes nobody because somebody, T, is searching. If T gives up, it
 *			announces itself and looks again after that, as S does: P's push
 *			came before P read T's searching, and T's last look comes after T
 *			counted itself out. If T finds other work it wakes the next (step 2).
 *
 * REJECTED: polling with growing pauses (wakes an idle machine; R6 forbids it). One
 * futex for all sleepers (wakes the wrong one, or all). A fence in push (perf/run store_fence).
 *
 * GUARDED BY tests/model/crew.c, tests/stress/tasks.c, tests/api/rules.c (R7), rules_wait.c (R6).
 */
#include "exec/worker.h"

#include "base/assert.h"

#define SEARCHER UINT64_C(1)
#define SLEEPER	 (UINT64_C(1) << 32)

#define RING_PATIENCE ((CREW__SEARCH_ROUNDS + 1) / 2)
#define NAP_SHORTEST  CREW_US(50)
#define NAPS	      5

void crew__idle_init(struct crew__idle *idle)
{
	*idle = (struct crew__idle){ .word = { 0 } };
	crew__list_init(&idle->sleepers);
}

/* ---- waking -------------------------------------------------------------- */

static void signal_worker(struct crew__worker *worker)
{
	crew__store32_release(&worker->signal, 1);
	crew__port_wake(&worker->signal, 1);
}

/* pre: locked */
static void leave_list(struct crew__idle *idle, struct crew__worker *worker)
{
	crew__list_remove(&worker->sleeper);
	crew__store32_relaxed(&worker->asleep, 0);
	crew__add_acq_rel(&idle->word, SEARCHER - SLEEPER);
}

/* Wakes one sleeper unless somebody searches. */
static void wake_one(struct crew *crew)
{
	struct crew__idle *idle = &crew->idle;
	uint64_t word = crew__load_acquire(&idle->word);
	struct crew__worker *worker = NULL;

	if (crew__idle_searching(word) || !crew__idle_sleeping(word))
		return;
	crew__lock_acquire(&idle->lock);
	word = crew__load_acquire(&idle->word);
	if (crew__idle_searching(word) == 0 && !crew__list_empty(&idle->sleepers)) {
		/* the one that slept last: its caches are warmest */
		worker = crew__container(idle->sleepers.prev, struct crew__worker, sleeper);
		leave_list(idle, worker);
	}
	crew__lock_release(&idle->lock);
	if (worker)
		signal_worker(worker);
}

void crew__idle_pushed(struct crew__worker *worker)
{
	/* pairs: idle.sleepers */
	crew__and_acq_rel(&worker->deque.attention, ~(uint64_t)(CREW__HUNGER | CREW__NAPPER));
	crew__fence_after_rmw();
	wake_one(worker->crew);
}

void crew__idle_answer(struct crew__worker *worker)
{
	crew__deque_answer(&worker->deque);
	crew__idle_tell(worker);
}

void crew__idle_injected(struct crew *crew)
{
	wake_one(crew);
	/* whoever was woken, or searches, may find something else and be busy with it */
	for (uint32_t i = 0; i < crew->worker_count; i++)
		crew__attend(&crew->workers[i], CREW__LOOK);
}

void crew__idle_poke(struct crew__worker *worker)
{
	struct crew__idle *idle = &worker->crew->idle;
	bool asleep;

	crew__fence_seq_cst(); /* pairs: idle.hunger, for the pinned queue */
	if (!crew__load32_relaxed(&worker->asleep))
		return;
	crew__lock_acquire(&idle->lock);
	asleep = crew__load32_relaxed(&worker->asleep);
	if (asleep)
		leave_list(idle, worker);
	crew__lock_release(&idle->lock);
	if (asleep)
		signal_worker(worker);
}

/* ---- searching ----------------------------------------------------------- */

/* A thief's mark is set: gives the owner a moment, then takes a look by force. */
static void open_by_force(struct crew__worker *worker, struct crew__worker *victim, uint64_t mark)
{
	uint32_t patience =
		crew__port_choose(CREW__CHOICE_PATIENCE, CREW__PATIENCE, &worker->random) + 1;

	while (patience-- > 0) {
		if (crew__deque_answered(&victim->deque, mark))
			return;
		crew__spin_hint();
	}
	if (worker->crew->fences)
		crew__fence_seq_cst();
	else
		crew__port_membarrier();
	crew__deque_expose(&victim->deque, mark);
	crew__trace(&worker->trace, CREW__TRACE_EXPOSE, victim->index);
}

/* What is taken beyond the first goes into our own deque. */
static bool steal_tasks(struct crew__worker *worker, struct crew__worker *victim,
			struct crew__slot *slot)
{
	uint32_t room = CREW__DEQUE_SLOTS - 1 - crew__deque_count(&worker->deque);
	struct crew__slot slots[CREW__STEAL_BATCH];

	crew__count(&worker->counters.steals_tried, 1);
	for (;;) {
		uint32_t count = room < CREW__STEAL_BATCH ? room + 1 : CREW__STEAL_BATCH;
		uint64_t mark;

		switch (crew__deque_steal(&victim->deque, slots, &count, worker->index + 1,
					  &mark)) {
		case CREW__DEQUE_TAKEN:
			crew__count(&worker->counters.steals_done, count);
			crew__trace(&worker->trace, CREW__TRACE_STEAL, victim->index);
			*slot = slots[0];
			for (uint32_t i = 1; i < count; i++) {
				bool pushed = crew__worker_push(worker, &slots[i]);

				crew__assert(pushed);
				(void)pushed;
			}
			return true;
		case CREW__DEQUE_MARKED:
			open_by_force(worker, victim, mark);
			break;
		case CREW__DEQUE_RETRY:
			break;
		case CREW__DEQUE_EMPTY:
		case CREW__DEQUE_BUSY:
			return false;
		}
	}
}

/* Counts a searcher out; the last one that found something wakes the next. */
static void stop_searching(struct crew__worker *worker)
{
	struct crew__idle *idle = &worker->crew->idle;

	if (crew__idle_searching(crew__add_acq_rel(&idle->word, (uint64_t)-1)) == 1)
		wake_one(worker->crew);
}

bool crew__idle_steal(struct crew__worker *worker, struct crew__slot *slot)
{
	struct crew *crew = worker->crew;
	bool taken = false;

	crew__add_acq_rel(&crew->idle.word, SEARCHER); /* I3 */
	for (uint32_t i = 1; i < crew->worker_count && !taken; i++)
		taken = steal_tasks(worker,
				    &crew->workers[(worker->index + i) % crew->worker_count], slot);
	stop_searching(worker);
	return taken;
}

/* Is the single ready fiber that we left alone still where it was? */
static bool still_there(const struct crew__worker *worker)
{
	return worker->watched &&
	       crew__load_relaxed(&worker->watched->ring.head) == worker->watched_head &&
	       crew__ring_count(&worker->watched->ring) == 1;
}

/* One ready fiber alone is left where it is until it has not moved for a while. We
 * watch one at a time, to its end: taking turns would outwait none. */
static struct crew__fiber *steal_fiber(struct crew__worker *worker, struct crew__worker *victim,
				       bool *left_one)
{
	uint32_t count = crew__ring_count(&victim->ring);
	struct crew__fiber *fiber;

	if (count == 0)
		return NULL;
	if (count == 1) {
		uint64_t head = crew__load_relaxed(&victim->ring.head);

		if (worker->watched != victim && still_there(worker)) {
			*left_one = true;
			return NULL;
		}
		if (worker->watched != victim || worker->watched_head != head) {
			worker->watched = victim;
			worker->watched_head = head;
			worker->watched_turns = 0;
		}
		if (worker->watched_turns++ < RING_PATIENCE) {
			*left_one = true;
			return NULL;
		}
	}
	fiber = crew__ring_pop(&victim->ring);
	if (fiber) {
		crew__count(&worker->counters.steals_done, 1);
		crew__trace(&worker->trace, CREW__TRACE_TAKE, victim->index);
	}
	return fiber;
}

static enum crew__find search_once(struct crew__worker *worker, struct crew__slot *slot,
				   struct crew__fiber **fiber, bool *left_one)
{
	struct crew *crew = worker->crew;
	uint32_t first =
		crew__port_choose(CREW__CHOICE_VICTIM, crew->worker_count, &worker->random);

	enum crew__find found;

	if (crew__load_acquire(&worker->pinned_count))
		return CREW__FIND_LOOK;
	*fiber = NULL;
	found = crew__worker_take_injected(worker, fiber);
	if (found != CREW__FIND_NOTHING)
		return found;
	for (uint32_t i = 0; i < crew->worker_count; i++) {
		struct crew__worker *victim = &crew->workers[(first + i) % crew->worker_count];

		if (victim == worker)
			continue;
		*fiber = steal_fiber(worker, victim, left_one);
		if (*fiber)
			return CREW__FIND_FIBER;
		if (worker->reserve && steal_tasks(worker, victim, slot))
			return CREW__FIND_TASK;
	}
	return CREW__FIND_NOTHING;
}

/* ---- sleeping ------------------------------------------------------------ */

enum look {
	LOOK_NOTHING,
	LOOK_ONE_READY, /* one fiber, which its worker may be about to take */
	LOOK_WORK,
};

/* Step 3: is there anything anywhere? */
static enum look look_everywhere(const struct crew__worker *worker)
{
	struct crew *crew = worker->crew;
	enum look look = LOOK_NOTHING;

	if (!crew__inject_empty(&crew->inject) || crew__load_acquire(&worker->pinned_count) ||
	    crew__load_acquire(&crew->state) == CREW__ENDING)
		return LOOK_WORK;
	for (uint32_t i = 0; i < crew->worker_count; i++) {
		const struct crew__worker *other = &crew->workers[i];
		uint32_t ready = crew__ring_count(&other->ring);

		if (ready > 1 || crew__deque_has_work(&other->deque))
			return LOOK_WORK;
		if (ready == 1)
			look = LOOK_ONE_READY;
	}
	return look;
}

static void be_hungry(struct crew__worker *worker, enum crew__attention how)
{
	struct crew *crew = worker->crew;

	/* pairs: idle.sleepers: whoever has cleared the bit by now sees us sleeping, or we
	 * see it cleared */
	crew__fence_seq_cst();
	for (uint32_t i = 0; i < crew->worker_count; i++)
		if (&crew->workers[i] != worker)
			crew__attend(&crew->workers[i], how);
	if (crew->fences)
		crew__fence_seq_cst();
	else
		crew__port_membarrier(); /* pairs: idle.hunger */
}

/* pre: searching. Sleeps unless there is work; afterwards searching again. */
static void sleep_if_idle(struct crew__worker *worker, bool left_one)
{
	struct crew__idle *idle = &worker->crew->idle;
	crew_time until = CREW_NEVER;
	enum look look;

	crew__lock_acquire(&idle->lock);
	crew__list_append(&idle->sleepers, &worker->sleeper);
	crew__store32_relaxed(&worker->asleep, 1);
	crew__add_acq_rel(&idle->word, SLEEPER - SEARCHER);
	crew__lock_release(&idle->lock);

	be_hungry(worker, left_one ? CREW__NAPPER : CREW__HUNGER);
	look = look_everywhere(worker);
	if (look == LOOK_ONE_READY && left_one) {
		worker->nap = worker->nap < NAPS ? worker->nap + 1 : NAPS;
		until = crew__port_now() + (NAP_SHORTEST << worker->nap);
	} else {
		worker->nap = 0;
	}
	if (look == LOOK_NOTHING && left_one) {
		/* what we left is gone: this is a sleep after all */
		be_hungry(worker, CREW__HUNGER);
		look = look_everywhere(worker);
	}
	if (look == LOOK_NOTHING || until != CREW_NEVER) {
		crew__count(&worker->counters.sleeps, 1);
		crew__trace(&worker->trace, CREW__TRACE_SLEEP, 0);
		while (crew__load32_acquire(&worker->signal) == 0)
			if (!crew__port_wait(&worker->signal, 0, until))
				break;
		crew__trace(&worker->trace, CREW__TRACE_WAKE, 0);
	}
	crew__lock_acquire(&idle->lock);
	if (crew__load32_relaxed(&worker->asleep))
		leave_list(idle, worker); /* I2: nobody else did */
	crew__lock_release(&idle->lock);
	crew__store32_relaxed(&worker->signal, 0);
}

/* No memory for a stack (R11): tasks may wait that we cannot take, until some ready
 * fiber ends and leaves us its stack. Others may have one: they must not take us for
 * a searcher meanwhile. */
static void wait_for_memory(struct crew__worker *worker)
{
	struct crew__idle *idle = &worker->crew->idle;

	crew__add_acq_rel(&idle->word, (uint64_t)-1);
	wake_one(worker->crew);
	crew__store32_relaxed(&worker->signal, 0);
	crew__port_wait(&worker->signal, 0, crew__port_now() + CREW_MS(1));
	crew__add_acq_rel(&idle->word, SEARCHER);
	worker->reserve = crew__fiber_take(worker);
}

enum crew__find crew__idle_find(struct crew__worker *worker, struct crew__slot *slot,
				struct crew__fiber **fiber)
{
	struct crew__idle *idle = &worker->crew->idle;
	enum crew__find found = CREW__FIND_NOTHING;

	crew__add_acq_rel(&idle->word, SEARCHER);
	for (;;) {
		bool left_one = false;

		for (uint32_t round = 0; round < CREW__SEARCH_ROUNDS; round++) {
			left_one = false;
			found = search_once(worker, slot, fiber, &left_one);
			if (found != CREW__FIND_NOTHING)
				break;
			for (int turn = 0; turn < 4; turn++)
				crew__spin_hint();
		}
		if (found != CREW__FIND_NOTHING)
			break;
		if (crew__load_acquire(&worker->crew->state) == CREW__ENDING) {
			found = CREW__FIND_END;
			break;
		}
		if (!worker->reserve) {
			wait_for_memory(worker);
			if (!worker->reserve)
				continue;
			found = CREW__FIND_LOOK; /* our own tasks waited for it as well */
			break;
		}
		if (crew__fibers_trim(worker->crew))
			continue;
		sleep_if_idle(worker, left_one);
	}
	if (found == CREW__FIND_END)
		crew__add_acq_rel(&idle->word, (uint64_t)-1);
	else
		stop_searching(worker);
	return found;
}
