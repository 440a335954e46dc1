/* SPDX-License-Identifier: MIT */
/* split.c - see split.h. */
#include "parallel/split.h"

#include "base/alloc.h"
#include "base/config.h"
#include "crew/fork.h"
#include "crew/group.h"

#include <stdalign.h>
#include <string.h>

#define PROBE_NS    CREW_US(5)	/* a loop runs alone for so long */
#define PROBE_TURNS 16		/* if it has so many turns for each worker */
#define SHORT_NS    CREW_US(25) /* of a leaf: the grain grows */
#define LONG_NS	    CREW_US(100)
#define OWN_BYTES   64 /* of an accumulator that needs no memory */

/* A right half: its fork, and what it needs. Lies in the frame of whoever halved. */
struct piece {
	struct crew_fork fork;
	struct crew__loop *loop;
	struct crew_block block;
	struct crew__pace pace;
	void *into; /* its own accumulator, when it has one */
	alignas(16) char own[OWN_BYTES];
};

/* ---- blocks ---- */

static size_t extent(const struct crew_block *block, int side)
{
	return block->end[side] > block->begin[side] ? block->end[side] - block->begin[side] : 0;
}

/* The indices in the sides from `side` on; SIZE_MAX: or more. */
static size_t volume(const struct crew__loop *loop, const struct crew_block *block, int side)
{
	size_t all = 1;

	for (; side < loop->sides; side++)
		if (extent(block, side) == 0)
			all = 0;
		else if (__builtin_mul_overflow(all, extent(block, side), &all))
			all = SIZE_MAX;
	return all;
}

/* Halves across the longest side. pre: more than one index */
static void halve(const struct crew__loop *loop, struct crew_block *block, struct crew_block *right)
{
	int longest = 0;

	for (int side = 1; side < loop->sides; side++)
		if (extent(block, side) > extent(block, longest))
			longest = side;
	*right = *block;
	block->end[longest] = block->begin[longest] + extent(block, longest) / 2;
	right->begin[longest] = block->end[longest];
}

/* ---- leaves ---- */

static void remember(struct crew__word32 *first, int rc)
{
	uint32_t none = 0;

	crew__cas32_acq_rel(first, &none, (uint32_t)rc);
}

bool crew__loop_stopped(struct crew__loop *loop)
{
	int rc = crew_check();

	if (crew__likely(rc == 0))
		return false;
	remember(&loop->first, rc);
	return true;
}

void crew__loop_fail(struct crew__loop *loop, int rc)
{
	remember(&loop->first, rc); /* S2 */
	crew_scope_cancel(&loop->scope, "a body of a parallel loop failed");
}

/* S5 */
static void let_others(void)
{
	struct crew__worker *worker = crew__self();

	if ((CREW__HARD ||
	     crew__unlikely(crew__load_relaxed(&worker->deque.attention) & CREW__LOOK)) &&
	    crew__worker_must_park(worker))
		crew_yield();
}

int crew__loop_look(void)
{
	let_others();
	return crew_check();
}

bool crew__look_stops(struct crew__word32 *first)
{
	int rc = crew__loop_look();

	if (crew__likely(rc == 0))
		return false;
	remember(first, rc);
	return true;
}

void crew__pace_adapt(struct crew__pace *pace, size_t turns, crew_time took)
{
	if (took > LONG_NS && pace->grain > 1)
		pace->grain /= 2;
	else if (took < SHORT_NS && turns >= pace->grain / 2 && pace->grain <= SIZE_MAX / 2)
		pace->grain *= 2;
}

static void run_leaf(struct crew__loop *loop, const struct crew_block *block, void *into,
		     struct crew__pace *pace)
{
	crew_time begun = pace->timed ? crew__port_now() : 0;
	int rc = loop->fn(loop, block, into);

	if (crew__unlikely(rc))
		crew__loop_fail(loop, rc);
	if (pace->timed)
		crew__pace_adapt(pace, volume(loop, block, 0), crew__port_now() - begun);
	let_others();
}

/* ---- pieces ---- */

static void run_block(struct crew__loop *loop, struct crew_block *block, void *into,
		      struct crew__pace *pace);

void crew__fold_begin(const struct crew__fold *fold, void *into)
{
	if (fold->identity)
		memcpy(into, fold->identity, fold->bytes);
	else
		memset(into, 0, fold->bytes);
}

static bool open_own(struct piece *piece)
{
	const struct crew__fold *fold = piece->loop->fold;

	if (!fold)
		return true;
	piece->into = fold->bytes <= OWN_BYTES ? piece->own : crew__alloc(fold->bytes);
	if (piece->into)
		crew__fold_begin(fold, piece->into);
	else
		crew__loop_fail(piece->loop, CREW_ENOMEM);
	return piece->into;
}

/* Folds what a right half has found, if it got that far. */
static void close_own(struct piece *piece, void *into)
{
	if (!piece->into)
		return;
	piece->loop->fold->join(piece->loop, into, piece->into);
	if (piece->into != piece->own)
		crew__free(piece->into);
}

static void run_own(struct piece *piece, struct crew__pace *pace)
{
	if (!crew__loop_stopped(piece->loop) && open_own(piece))
		run_block(piece->loop, &piece->block, piece->into, pace);
}

/* Somebody took it. */
static int run_taken(void *opaque)
{
	struct piece *piece = opaque;
	struct crew__pace pace = piece->pace;

	run_own(piece, &pace);
	return 0;
}

static void offer(struct piece *piece, struct crew__loop *loop, const struct crew__pace *pace)
{
	piece->loop = loop;
	piece->pace = *pace;
	piece->into = NULL;
	crew_fork_inline_put_(&piece->fork, &loop->kind);
}

static void run_block(struct crew__loop *loop, struct crew_block *block, void *into,
		      struct crew__pace *pace)
{
	while (!crew__loop_stopped(loop)) {
		struct piece right;

		if (loop->skips && loop->skips(loop, block))
			return;
		if (volume(loop, block, 0) <= pace->grain) {
			run_leaf(loop, block, into, pace);
			return;
		}
		halve(loop, block, &right.block);
		offer(&right, loop, pace);
		run_block(loop, block, into, pace);
		if (!crew_fork_inline_take_(&right.fork)) {
			close_own(&right, into);
			return;
		}
		if (loop->fold && loop->fold->fixed) { /* S4 */
			run_own(&right, pace);
			close_own(&right, into);
			return;
		}
		*block = right.block;
	}
}

/* ---- alone ---- */

/* What is left after the beginning: of the whole, of its first slice, of that one's. */
struct rest {
	struct crew_block blocks[3];
	int count;
};

/* Cuts about so many turns from the front. */
static struct crew_block cut(const struct crew__loop *loop, struct rest *rest, size_t turns)
{
	for (;;) {
		struct crew_block *last = &rest->blocks[rest->count - 1];
		struct crew_block first = *last;
		size_t slice = volume(loop, last, 0);
		int side = 0;

		if (slice <= turns) {
			rest->count--;
			return first;
		}
		while (extent(last, side) == 1)
			side++;
		slice = volume(loop, last, side + 1);
		if (slice <= turns) {
			first.end[side] = last->begin[side] += turns / slice;
			return first;
		}
		first.end[side] = ++last->begin[side];
		rest->blocks[rest->count++] = first;
	}
}

/* Returns a failure. `turns`: what a leaf may have from now on. */
static int run_alone(struct crew__loop *loop, struct rest *rest, void *into, size_t *turns)
{
	crew_time begun = crew__port_now();
	int rc = 0;

	*turns = 1;
	while (rest->count && rc == 0) {
		struct crew_block leaf = cut(loop, rest, *turns);
		crew_time took;

		rc = loop->fn(loop, &leaf, into);
		if (rc == 0 && rest->count)
			rc = crew_check();
		took = crew__port_now() - begun;
		if (took >= PROBE_NS)
			break;
		if (took < PROBE_NS / 8 && *turns <= SIZE_MAX / 8)
			*turns *= 8;
	}
	return rc;
}

/* ---- loops ---- */

static void run_rest(struct crew__loop *loop, struct rest *rest, void *into,
		     struct crew__pace *pace)
{
	struct piece outer[2]; /* the largest first: it is taken first */
	int count = rest->count - 1;

	for (int i = 0; i < count; i++) {
		outer[i].block = rest->blocks[i];
		offer(&outer[i], loop, pace);
	}
	run_block(loop, &rest->blocks[count], into, pace);
	while (count-- > 0)
		if (crew_fork_inline_take_(&outer[count].fork))
			run_block(loop, &outer[count].block, into, pace);
}

void crew__loop_open(struct crew__loop *loop)
{
	crew__store32_relaxed(&loop->first, 0);
	crew_scope_open(&loop->scope, NULL);
}

int crew__loop_close(struct crew__loop *loop)
{
	crew_scope_close(&loop->scope, 0);
	return (int)crew__load32_relaxed(&loop->first);
}

int crew__loop_run(struct crew__loop *loop, const struct crew_block *whole, void *into)
{
	uint32_t workers = crew__self()->crew->worker_count;
	struct rest rest = { .blocks = { *whole }, .count = 1 };
	struct crew__pace pace = { .grain = loop->grain };
	size_t turns = volume(loop, whole, 0);
	int rc = crew_check();

	if (rc || turns == 0)
		return rc;
	if (turns <= loop->grain || turns == 1)
		return loop->fn(loop, whole, into);
	if (!loop->grain) {
		pace = (struct crew__pace){ .grain = 1, .timed = true };
		if ((loop->weight ? loop->weight : turns) >= (size_t)workers * PROBE_TURNS)
			rc = run_alone(loop, &rest, into, &pace.grain);
		if (rc || rest.count == 0)
			return rc;
		if (pace.grain < turns >> CREW__LOOP_HALVINGS)
			pace.grain = turns >> CREW__LOOP_HALVINGS;
	}
	crew__loop_open(loop);
	run_rest(loop, &rest, into, &pace);
	return crew__loop_close(loop);
}

void crew__loop_init(struct crew__loop *loop, crew__loop_fn *fn,
		     const struct crew_parallel_options *options)
{
	struct crew_parallel_options room;

	options = crew__whole(options, &room);
	loop->fn = fn;
	loop->sides = 1;
	loop->kind = (struct crew_fork_kind){ run_taken, options && options->name ? options->name :
										    "parallel" };
	loop->grain = options ? options->grain : 0;
	loop->weight = 0;
	loop->skips = NULL;
	loop->fold = NULL;
}

int crew__parallel_enter(const struct crew_parallel_options *options, crew_task_fn *task, void *arg)
{
	struct crew__caller caller = crew__caller();
	struct crew_parallel_options room;
	struct crew *crew;
	struct crew_group group;
	int rc;

	if (options) {
		options = crew__whole(options, &room);
		if (!options)
			return CREW_EINVAL;
	}
	crew = options ? options->crew : NULL;
	if (caller.worker && (!crew || crew == caller.worker->crew))
		return task(arg);
	crew_group_open(&group, CREW_GROUP(.crew = crew, .name = "parallel"));
	rc = crew_group_spawn_at(&group, task, arg, "parallel");
	return crew_group_close(&group, rc);
}
