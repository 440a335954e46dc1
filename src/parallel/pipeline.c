/* SPDX-License-Identifier: MIT */
/*
 * pipeline.c - items that pass through stages.
 *
 * WORDS
 *	token	what carries an item through all stages, and then the next one. There are
 *		as many as items may be on the way.
 *	number	of an item: the source's order
 *	gate	in front of a serial stage: whose turn it is, and who waits for it
 *
 * LIFE OF A TOKEN
 *	1. Free, or with a task that wants to read. If somebody reads, or the source has
 *	   ended, it is put to the free ones.
 *	2. It reads: the item has a number now. A free token gets a task, which reads on.
 *	3. It goes through the stages. In front of a serial one whose turn is another
 *	   number's it is left at the gate, and its task ends.
 *	4. Whoever comes out of a serial stage gives the turn to the next number, and if
 *	   that one waits at the gate, a task.
 *	5. Behind the last stage it is as in 1.
 *
 * INVARIANTS
 *	L1  While the source has not ended and a token is free, somebody reads, or has a
 *	    task that will look whether it can.
 *	L2  Of a stage whose turn is n, all numbers below n are behind it, and the others that
 *	    have been read are held by a token each. So those that wait are less than
 *	    n + tokens, and have a place in the gate each.
 *	L3  In front of each stage, the source too, lies a look for cancellation, and others
 *	    that are ready get their turn.
 *	L4  A token that is full when all tasks have ended is one that was stopped: its item
 *	    is dropped.
 *
 * The lock guards the free list, the numbers and the gates; nothing waits under it.
 *
 * GUARDED BY tests/api/parallel_pipeline.c, tests/model/parallel.c.
 */
#include "parallel/split.h"

#include "base/alloc.h"
#include "crew/crew.h"
#include "crew/parallel_pipeline.h"
#include "port/lock.h"

#define TOKENS_EACH 4 /* by default, for each worker */

struct pipeline;

struct token {
	struct pipeline *pipeline;
	struct token *next; /* of the free ones */
	void *item;
	bool full; /* own: there is an item */
	uint64_t number;
	size_t stage; /* that comes next */
};

struct gate {
	uint64_t turn;
	struct token **waiting; /* by number, modulo tokens */
};

struct pipeline {
	const struct crew_stage *stages;
	size_t count;
	size_t token_count;
	const char *name;
	struct crew__lock lock;
	struct token *free; /* guarded by lock, as is the rest */
	uint64_t read;
	bool reading;
	bool ended;
	struct gate *gates;
	struct token *tokens;
	struct crew_group group;
};

static int token_task(void *opaque);

static int give_task(struct pipeline *pipeline, struct token *token)
{
	return token ? crew_group_spawn_at(&pipeline->group, token_task, token, pipeline->name) : 0;
}

/* ---- the source ---- */

/* False: there is nothing for this token to do; it is free. */
static bool begin_reading(struct pipeline *pipeline, struct token *token)
{
	bool may;

	crew__lock_acquire(&pipeline->lock);
	may = !pipeline->reading && !pipeline->ended;
	if (may) {
		pipeline->reading = true;
	} else {
		token->next = pipeline->free;
		pipeline->free = token;
	}
	crew__lock_release(&pipeline->lock);
	return may;
}

/* Returns a token that reads on, or NULL. */
static struct token *end_reading(struct pipeline *pipeline, struct token *token, bool ended)
{
	struct token *next = NULL;

	crew__lock_acquire(&pipeline->lock);
	pipeline->reading = false;
	pipeline->ended = ended;
	if (!ended) {
		token->number = pipeline->read++;
		next = pipeline->free;
		if (next)
			pipeline->free = next->next;
	}
	crew__lock_release(&pipeline->lock);
	return next;
}

/* False: there is none for this token, or *rc says why not. */
static bool read_item(struct pipeline *pipeline, struct token *token, int *rc)
{
	*rc = crew__loop_look();
	if (*rc || !begin_reading(pipeline, token))
		return false;
	token->item = NULL;
	*rc = pipeline->stages[0].fn(&token->item, pipeline->stages[0].arg);
	if (*rc == CREW_EEND) {
		*rc = 0;
		end_reading(pipeline, token, true);
		return false;
	}
	if (*rc)
		return false;
	token->stage = 1;
	token->full = pipeline->count > 1;
	*rc = give_task(pipeline, end_reading(pipeline, token, false));
	return *rc == 0;
}

/* ---- the other stages ---- */

/* Is it the token's turn? If not it is left at the gate: LAST TOUCH. */
static bool enter(struct pipeline *pipeline, struct token *token)
{
	struct gate *gate = &pipeline->gates[token->stage];
	bool may;

	crew__lock_acquire(&pipeline->lock);
	may = gate->turn == token->number;
	if (!may)
		gate->waiting[token->number % pipeline->token_count] = token; /* L2 */
	crew__lock_release(&pipeline->lock);
	return may;
}

/* Gives the turn to the next number. */
static int leave_stage(struct pipeline *pipeline, struct gate *gate)
{
	struct token *next;

	crew__lock_acquire(&pipeline->lock);
	gate->turn++;
	next = gate->waiting[gate->turn % pipeline->token_count];
	if (next)
		gate->waiting[gate->turn % pipeline->token_count] = NULL;
	crew__lock_release(&pipeline->lock);
	return give_task(pipeline, next);
}

/* Takes an item through the stages that are left. False: somebody else goes on with it,
 * or *rc says why not. */
static bool pass_through(struct pipeline *pipeline, struct token *token, int *rc)
{
	while (token->full) {
		const struct crew_stage *stage = &pipeline->stages[token->stage];
		bool serial = stage->kind == CREW_STAGE_SERIAL;

		*rc = crew__loop_look();
		if (*rc == 0 && serial && !enter(pipeline, token))
			return false;
		if (*rc == 0)
			*rc = stage->fn(&token->item, stage->arg);
		if (*rc)
			return false;
		/* behind the last stage it is nobody's any more, whatever comes */
		token->full = ++token->stage < pipeline->count;
		if (serial)
			*rc = leave_stage(pipeline, &pipeline->gates[stage - pipeline->stages]);
		if (*rc)
			return false;
	}
	return true;
}

static int token_task(void *opaque)
{
	struct token *token = opaque;
	struct pipeline *pipeline = token->pipeline;
	int rc = 0;

	while ((token->full || read_item(pipeline, token, &rc)) &&
	       pass_through(pipeline, token, &rc))
		;
	return rc;
}

/* ---- all of it ---- */

/* Tokens, gates, and the places in the gates, in one piece. */
static bool init_pipeline(struct pipeline *pipeline)
{
	size_t each = sizeof(struct token) + pipeline->count * sizeof(struct token *);
	struct token **waiting;
	size_t bytes;

	if (__builtin_mul_overflow(pipeline->token_count, each, &bytes) ||
	    __builtin_add_overflow(bytes, pipeline->count * sizeof(struct gate), &bytes))
		return false;
	pipeline->tokens = crew__alloc(bytes);
	if (!pipeline->tokens)
		return false;
	pipeline->gates = (struct gate *)(void *)&pipeline->tokens[pipeline->token_count];
	waiting = (struct token **)(void *)&pipeline->gates[pipeline->count];
	for (size_t i = 0; i < pipeline->count; i++)
		pipeline->gates[i].waiting = waiting + i * pipeline->token_count;
	for (size_t i = pipeline->token_count; i-- > 0;) {
		pipeline->tokens[i].pipeline = pipeline;
		pipeline->tokens[i].next = pipeline->free;
		pipeline->free = &pipeline->tokens[i];
	}
	return true;
}

static int run_pipeline(struct pipeline *pipeline, struct crew *crew)
{
	struct token *first = pipeline->free;
	int rc;

	pipeline->free = first->next;
	crew_group_open(&pipeline->group, CREW_GROUP(.crew = crew, .name = pipeline->name));
	rc = give_task(pipeline, first);
	return crew_group_close(&pipeline->group, rc);
}

static bool is_valid(const struct crew_stage *stages, size_t count,
		     const struct crew_pipeline_options *options)
{
	bool valid = stages && count && options;

	for (size_t i = 0; valid && i < count; i++)
		valid = stages[i].fn && (unsigned)stages[i].kind <= CREW_STAGE_SERIAL;
	return valid;
}

int crew_pipeline(const struct crew_stage *stages, size_t count,
		  const struct crew_pipeline_options *options)
{
	struct crew_pipeline_options room = { .size = sizeof(room) };
	struct pipeline pipeline = { .stages = stages, .count = count };
	size_t workers;
	int rc;

	options = options ? CREW__OPTIONS(options, &room, drop_arg) : &room;
	if (!is_valid(stages, count, options))
		return CREW_EINVAL;
	workers = crew_worker_count(options->crew);
	pipeline.name = options->name ? options->name : "pipeline";
	pipeline.token_count = options->tokens ? options->tokens :
						 TOKENS_EACH * (workers ? workers : 1);
	if (!init_pipeline(&pipeline))
		return CREW_ENOMEM;
	rc = run_pipeline(&pipeline, options->crew);
	for (size_t i = 0; i < pipeline.token_count; i++) /* L4 */
		if (pipeline.tokens[i].full && options->drop)
			options->drop(pipeline.tokens[i].item, options->drop_arg);
	crew__free(pipeline.tokens);
	return rc;
}
