/* SPDX-License-Identifier: MIT */
/* inject.c - see inject.h. */
#include "exec/inject.h"

#include "base/list.h"
#include "exec/urcu.h"

void crew__inject_init(struct crew__inject *inject)
{
	*inject = (struct crew__inject){ .put = { 0 } };
	__cds_wfcq_init(&inject->head, &inject->tail);
}

void crew__inject_put(struct crew__inject *inject, struct crew__injected *what)
{
	crew__add_relaxed(&inject->put, 1);
	cds_wfcq_node_init(&what->node);
	crew__urcu_release(&inject->tail);
	cds_wfcq_enqueue(&inject->head, &inject->tail, &what->node);
	crew__fence_after_rmw(); /* pairs: inject.tail, idle.sleepers */
}

bool crew__inject_empty(struct crew__inject *inject)
{
	return cds_wfcq_empty(&inject->head, &inject->tail);
}

uint64_t crew__inject_count(const struct crew__inject *inject)
{
	uint64_t taken = crew__load_relaxed(&inject->taken);
	uint64_t put = crew__load_relaxed(&inject->put);

	return put > taken ? put - taken : 0;
}

struct crew__injected *crew__inject_take(struct crew__inject *inject)
{
	struct cds_wfcq_node *node;

	crew__assert(crew__lock_held(&inject->lock));
	node = __cds_wfcq_dequeue_nonblocking(&inject->head, &inject->tail);
	if (!node || node == CDS_WFCQ_WOULDBLOCK)
		return NULL;
	crew__urcu_acquire(&inject->tail);
	crew__count(&inject->taken, 1);
	return crew__container(node, struct crew__injected, node);
}
