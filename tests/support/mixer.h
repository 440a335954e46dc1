/* SPDX-License-Identifier: MIT */
/*
 * mixer.h - random programs over all calls, and what must come out of them. They are
 * run by mixer_run.h, in stress/mixer.c (real threads) and in model/mixer.c (the
 * simulated world).
 *
 * A program is a tree of nodes, made from a seed. A node does something first, then
 * opens a group for its children, and ends in one of four ways. Roots belong to plain
 * threads. What is compared:
 *
 *	before	mix_expect() walks the tree one node after another and says of each node:
 *		must it run, may it be skipped (something can cancel it before it starts),
 *		can it be cancelled while it runs, which codes may it return.
 *	during	each node runs at most once; no call says CREW_ECANCELED to a node that
 *		nothing can cancel; what is spawned after a cancellation is refused; a
 *		pinned task keeps its thread; copies arrive whole.
 *	close	every child has ended or never began, none still runs; the code is that of
 *		a child that failed, or what no failure leaves: exact but for which
 *		failure was the first. What the children wrote is read by plain loads.
 *	end	nobody ran whose parent did not; each root's sum is the number of nodes
 *		below it that ran.
 */
#ifndef CREW_MIXER_H
#define CREW_MIXER_H

#include "crew/crew.h"

#include "base/atomic.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

#define MIX_NODES   62 /* a code for each, and 0 and CREW_ECANCELED, in 64 bits */
#define MIX_THREADS 4

enum mix_how {
	MIX_SPAWN,
	MIX_COPY,
	MIX_PINNED,
	MIX_CALL,
	MIX_RUN
};
enum mix_first {
	MIX_NOTHING,
	MIX_YIELD,
	MIX_CHECK,
	MIX_SLEEP,
	MIX_UNTIL,
	MIX_BLOCK,
	MIX_FOREVER
};
enum mix_end {
	MIX_RETURN,
	MIX_EARLY,
	MIX_AFTER,
	MIX_SWALLOW
};

struct mix_node {
	struct mix_program *program;
	int parent; /* -1: a root */
	int crew;   /* on which it runs */
	int where;  /* the crew of its group */
	enum mix_how how;
	enum mix_first first;
	enum mix_end end;
	enum crew_policy policy;
	bool plain;	  /* runs on a plain thread */
	bool waits;	  /* in the middle of its spawns, and before close */
	bool into_parent; /* its children are its siblings */
	bool cancels;	  /* its crew */
	bool dropped;
	crew_time sleep;
	/* expected */
	bool may_skip;
	bool cancelled; /* maybe, while it runs */
	uint64_t codes;
	/* of one run */
	struct crew_word begun;
	struct crew_word ended;
	bool spawned;
	int rc;
	unsigned sum;
};

struct mix_program {
	uint64_t seed;
	unsigned workers;
	int crews;
	int threads;	 /* node i < threads is the root of thread i */
	bool stop_early; /* the crew is stopped while the threads hold their groups open */
	bool cancels;
	int count;
	struct mix_node nodes[MIX_NODES];
	struct crew *crew[2];
	struct crew__word32 open; /* threads that have not opened their groups yet */
};

/* ---- generation ------------------------------------------------------------ */

static inline uint64_t mix_bit(int rc)
{
	return rc == CREW_ECANCELED ? UINT64_C(1) << 63 :
	       rc >= 0 && rc < 63   ? UINT64_C(1) << rc :
				      0;
}

static inline int mix_code(const struct mix_node *n)
{
	return 1 + (int)(n - n->program->nodes);
}

static inline bool mix_inside(const struct mix_node *n) /* as part of its parent's block */
{
	return n->how == MIX_CALL || n->how == MIX_RUN;
}

static void mix_make_node(struct mix_program *p, int index, int parent, uint64_t *random)
{
	struct mix_node *n = &p->nodes[index];
	struct mix_node *up = parent >= 0 ? &p->nodes[parent] : NULL;
	bool one_crew = p->crews == 1;

	*n = (struct mix_node){ .program = p, .parent = parent };
	if (up) {
		n->how = (enum mix_how)crew__random_below(random, 12);
		if (n->how > MIX_RUN || (n->how == MIX_RUN && one_crew && !up->plain) ||
		    (mix_inside(n) && up->plain && p->stop_early) ||
		    (mix_inside(n) && up->into_parent))
			n->how = MIX_SPAWN;
	}
	n->plain = !up || (n->how == MIX_CALL && up->plain);
	n->crew = !up		     ? index % p->crews :
		  n->how == MIX_RUN  ? up->crew ^ !one_crew :
		  n->how == MIX_CALL ? up->crew :
		  up->into_parent    ? up->crew :
				       up->where;
	n->where = !one_crew && crew__random_below(random, 6) == 0 ? !n->crew : n->crew;
	n->first = (enum mix_first)crew__random_below(random, 12);
	if (n->first == MIX_FOREVER &&
	    !(up && up->end == MIX_EARLY && !up->into_parent && !mix_inside(n)))
		n->first = MIX_NOTHING;
	if (n->first > MIX_FOREVER)
		n->first = MIX_NOTHING;
	n->sleep = CREW_US(crew__random_below(random, 60));
	n->end = (enum mix_end)(crew__random_below(random, 4) ?
					MIX_RETURN :
					crew__random_below(random, MIX_SWALLOW + 1));
	n->policy = (enum crew_policy)(crew__random_below(random, 2) ?
					       CREW_FAIL_FAST :
					       crew__random_below(random, CREW_SUPERVISE + 1));
	n->waits = n->end != MIX_EARLY && crew__random_below(random, 3) == 0;
	n->into_parent = up && !n->plain && !mix_inside(n) && crew__random_below(random, 8) == 0;
	n->cancels = p->cancels && !n->plain && crew__random_below(random, 12) == 0;
	if (n->into_parent && n->end == MIX_EARLY)
		n->end = MIX_RETURN;
}

static void mix_make(struct mix_program *p, uint64_t seed, unsigned workers, unsigned most)
{
	uint64_t random = seed * 2 + 1;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->workers = workers;
	p->threads = 1 + (int)crew__random_below(&random, most > 20 ? MIX_THREADS : 2);
	p->stop_early = crew__random_below(&random, 5) == 0;
	p->crews = !p->stop_early && crew__random_below(&random, 3) == 0 ? 2 : 1;
	p->cancels = crew__random_below(&random, 5) == 0;
	p->count = p->threads + 1 + (int)crew__random_below(&random, most - (unsigned)p->threads);
	for (int i = 0; i < p->count; i++) {
		int parent = -1;

		/* the best of two: neither a list nor a broom */
		if (i >= p->threads) {
			int other = (int)crew__random_below(&random, (uint32_t)i);

			parent = (int)crew__random_below(&random, (uint32_t)i);
			if (other > parent && crew__random_below(&random, 2))
				parent = other;
		}
		mix_make_node(p, i, parent, &random);
	}
}

/* The members of n's group: its children, and the children of those that spawn into
 * it. Parents come first. Returns how many. */
static int mix_members(const struct mix_node *n, struct mix_node *members[MIX_NODES])
{
	struct mix_program *p = n->program;
	int count = 0;

	for (int i = 0; i < p->count; i++) {
		const struct mix_node *up = &p->nodes[i];

		if (up->parent < 0 || up->dropped)
			continue;
		do
			up = &p->nodes[up->parent];
		while (up != n && up->into_parent && !up->dropped);
		if (up == n && !n->into_parent)
			members[count++] = &p->nodes[i];
	}
	return count;
}

/* ---- what must come out ------------------------------------------------------- */

static uint64_t mix_expect(struct mix_node *n, bool cancelled);

/* What the close of n's group may return. */
static uint64_t mix_expect_group(struct mix_node *n, bool cancelled)
{
	struct mix_node *members[MIX_NODES];
	int count = mix_members(n, members);
	const uint64_t stopped = mix_bit(CREW_ECANCELED);
	bool hits[MIX_NODES]; /* it can cancel the group */
	unsigned hitting = 0;
	bool refused = n->plain && n->program->stop_early;
	bool always = cancelled || n->end == MIX_EARLY;
	uint64_t block = n->end == MIX_EARLY ? mix_bit(mix_code(n)) : 1;
	uint64_t failures = 0;
	bool sure = false, any = always;

	for (int i = 0; i < count; i++) {
		uint64_t codes = mix_expect(members[i], always);

		hits[i] = codes != 1 && (n->policy == CREW_FAIL_FAST || mix_inside(members[i]));
		hitting += hits[i];
	}
	for (int i = 0; i < count; i++) {
		struct mix_node *m = members[i];
		const struct mix_node *up = &n->program->nodes[m->parent];
		bool hit = always || hitting > hits[i] || (up != n && up->cancelled);
		uint64_t codes = mix_expect(m, hit);

		m->may_skip = hit || refused || (up != n && up->may_skip);
		any |= hit;
		if (mix_inside(m))
			block |= codes & ~UINT64_C(1);
		else
			failures |= codes & ~(stopped | 1);
		sure |= !mix_inside(m) && !(codes & (stopped | 1)) && !m->may_skip;
	}
	if (any && n->waits)
		block |= stopped;
	if (n->policy == CREW_SUPERVISE)
		return block;
	return (sure ? 0 : 1) | failures | (block & ~UINT64_C(1)) | (any ? stopped : 0);
}

/* Which codes may n return, if something further out may cancel it, or not? */
static uint64_t mix_expect(struct mix_node *n, bool cancelled)
{
	struct mix_node *members[MIX_NODES];
	uint64_t codes = mix_bit(n->end == MIX_EARLY || n->end == MIX_AFTER ? mix_code(n) : 0);

	n->cancelled = cancelled;
	if (n->first == MIX_FOREVER)
		codes = 0;
	else if (mix_members(n, members)) {
		uint64_t closed = mix_expect_group(n, cancelled);

		if (n->end == MIX_RETURN || n->end == MIX_EARLY)
			codes = closed;
	}
	if (cancelled || n->first == MIX_FOREVER)
		codes |= mix_bit(CREW_ECANCELED);
	return n->codes = codes;
}

static void mix_expect_all(struct mix_program *p)
{
	for (int i = 0; i < p->threads; i++)
		mix_expect(&p->nodes[i], p->cancels);
}

/* ---- for people ------------------------------------------------------------ */

static void mix_print(const struct mix_program *p, FILE *out)
{
	static const char *const hows[] = { "spawn", "copy", "pinned", "call", "run" };
	static const char *const firsts[] = { "",	"yield ", "check ",  "sleep ",
					      "until ", "block ", "forever " };
	static const char *const ends[] = { "", "early ", "after ", "swallow " };

	fprintf(out, "%u workers, %d crews, %d threads%s\n", p->workers, p->crews, p->threads,
		p->stop_early ? ", stopped early" : "");
	for (int i = 0; i < p->count; i++) {
		const struct mix_node *n = &p->nodes[i];

		if (!n->dropped)
			fprintf(out, "%3d of %2d on %d: %s %s%s%s%s%spolicy %d, group on %d%s%s\n",
				i, n->parent, n->crew, n->parent < 0 ? "thread" : hows[n->how],
				firsts[n->first], ends[n->end], n->waits ? "waits " : "",
				n->into_parent ? "into-parent " : "", n->cancels ? "cancels " : "",
				n->policy, n->where, n->may_skip ? ", may be skipped" : "",
				n->ended.value ? ": ended" :
				n->begun.value ? ": RUNS" :
				n->spawned     ? ": spawned" :
						 "");
	}
}

#endif /* CREW_MIXER_H */
