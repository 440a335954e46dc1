/* SPDX-License-Identifier: MIT */
/* inject.c - see inject.h. */
#include "exec/inject.h"

#include "base/list.h"
#include "exec/urcu.h"

void crew__inject_init(struct crew__inject *inject)
{
	*inject = (struct crew__inject){ .fiber_next = false };
	for (int kind = 0; kind < 2; kind++)
		__cds_wfcq_init(&inject->queues[kind].head, &inject->queues[kind].tail);
}

void crew__inject_put(struct crew__inject *inject, struct crew__injected *what)
{
	struct crew__inject_queue *queue = &inject->queues[what->is_fiber];

	crew__add_relaxed(&queue->put, 1 + what->more);
	cds_wfcq_node_init(&what->node);
	crew__urcu_release(&queue->tail);
	cds_wfcq_enqueue(&queue->head, &queue->tail, &what->node);
	crew__fence_after_rmw(); /* pairs: inject.put, idle.sleepers */
}

uint64_t crew__inject_count(const struct crew__inject *inject)
{
	uint64_t count = 0;

	for (int kind = 0; kind < 2; kind++) {
		uint64_t taken = crew__load_relaxed(&inject->queues[kind].taken);
		uint64_t put = crew__load_relaxed(&inject->queues[kind].put);

		count += put > taken ? put - taken : 0;
	}
	return count;
}

static struct crew__injected *take_from(struct crew__inject_queue *queue)
{
	struct crew__injected *what;
	struct cds_wfcq_node *node;

	node = __cds_wfcq_dequeue_nonblocking(&queue->head, &queue->tail);
	if (!node || node == CDS_WFCQ_WOULDBLOCK)
		return NULL;
	crew__urcu_acquire(&queue->tail);
	what = crew__container(node, struct crew__injected, node);
	crew__count(&queue->taken, 1 + what->more);
	return what;
}

struct crew__injected *crew__inject_take(struct crew__inject *inject, bool tasks)
{
	struct crew__injected *what = NULL;

	crew__assert(crew__lock_held(&inject->lock));
	for (int tries = 0; tries < 2 && !what; tries++) {
		bool fiber = inject->fiber_next;

		inject->fiber_next = !fiber;
		if (fiber || tasks)
			what = take_from(&inject->queues[fiber]);
	}
	return what;
}
