/* SPDX-License-Identifier: MIT */
/* for.c - loops over ranges, blocks, arrays and calls: split.h with a body. */
#include "parallel/split.h"

struct for_call {
	struct crew__loop loop;
	struct crew_block whole;
	union {
		crew_for_fn *range;
		crew_block_fn *block;
		crew_each_fn *each;
		crew_map_fn *map;
	} fn;
	void *arg;
	const char *from;
	char *to;
	size_t from_bytes;
	size_t to_bytes;
};

static struct for_call *call_of(struct crew__loop *loop)
{
	return crew__container(loop, struct for_call, loop);
}

static int for_task(void *opaque)
{
	struct for_call *call = opaque;

	return crew__loop_run(&call->loop, &call->whole, NULL);
}

static int run(struct for_call *call, crew__loop_fn *leaf, int sides,
	       const struct crew_parallel_options *options)
{
	crew__loop_init(&call->loop, leaf, options);
	call->loop.sides = sides;
	return crew__parallel_enter(options, for_task, call);
}

/* ---- ranges and blocks ---- */

static int range_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct for_call *call = call_of(loop);

	(void)into;
	return call->fn.range(leaf->begin[0], leaf->end[0], call->arg);
}

int crew_for(size_t begin, size_t end, crew_for_fn *fn, void *arg,
	     const struct crew_parallel_options *options)
{
	struct for_call call = { .whole = crew__range(begin, end), .fn.range = fn, .arg = arg };

	return fn ? run(&call, range_leaf, 1, options) : CREW_EINVAL;
}

static int block_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct for_call *call = call_of(loop);

	(void)into;
	return call->fn.block(leaf, call->arg);
}

int crew_for_blocks(const struct crew_block *whole, crew_block_fn *fn, void *arg,
		    const struct crew_parallel_options *options)
{
	struct for_call call = { .fn.block = fn, .arg = arg };

	if (!fn || !whole)
		return CREW_EINVAL;
	call.whole = *whole;
	return run(&call, block_leaf, 3, options);
}

/* ---- arrays ---- */

static int each_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct for_call *call = call_of(loop);
	int rc = 0;

	(void)into;
	for (size_t i = leaf->begin[0]; i < leaf->end[0] && rc == 0; i++)
		rc = call->fn.each(call->to + i * call->to_bytes, call->arg);
	return rc;
}

int crew_for_each(void *items, size_t count, size_t item_bytes, crew_each_fn *fn, void *arg,
		  const struct crew_parallel_options *options)
{
	struct for_call call = { .whole = crew__range(0, count),
				 .fn.each = fn,
				 .arg = arg,
				 .to = items,
				 .to_bytes = item_bytes };

	return fn ? run(&call, each_leaf, 1, options) : CREW_EINVAL;
}

static int map_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct for_call *call = call_of(loop);
	int rc = 0;

	(void)into;
	for (size_t i = leaf->begin[0]; i < leaf->end[0] && rc == 0; i++)
		rc = call->fn.map(call->from + i * call->from_bytes, call->to + i * call->to_bytes,
				  call->arg);
	return rc;
}

int crew_map(const void *from, size_t from_bytes, void *to, size_t to_bytes, size_t count,
	     crew_map_fn *fn, void *arg, const struct crew_parallel_options *options)
{
	struct for_call call = { .whole = crew__range(0, count),
				 .fn.map = fn,
				 .arg = arg,
				 .from = from,
				 .to = to,
				 .from_bytes = from_bytes,
				 .to_bytes = to_bytes };

	return fn ? run(&call, map_leaf, 1, options) : CREW_EINVAL;
}

/* ---- calls ---- */

static int call_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct for_call *call = call_of(loop);
	const struct crew_call *calls = (const void *)call->from;

	(void)into;
	return calls[leaf->begin[0]].fn(calls[leaf->begin[0]].arg);
}

int crew_invoke(const struct crew_call *calls, size_t count,
		const struct crew_parallel_options *options)
{
	struct for_call call = { .whole = crew__range(0, count), .from = (const char *)calls };

	for (size_t i = 0; i < count; i++)
		if (!calls || !calls[i].fn)
			return CREW_EINVAL;
	crew__loop_init(&call.loop, call_leaf, options);
	call.loop.grain = 1;
	return crew__parallel_enter(options, for_task, &call);
}
