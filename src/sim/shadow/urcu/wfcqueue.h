/* SPDX-License-Identifier: MIT */
/*
 * shadow/urcu/wfcqueue.h - liburcu's wait-free queue in the simulated world, as far
 * as src/exec/ uses it. The same algorithm and orders in operations of sim/weak.c: the
 * real one would be one step, and never show its gap, in which an enqueuer has moved the
 * tail and not yet linked its node (WOULDBLOCK). Its read-modify-writes are full fences;
 * a store behind one is a release, and a load whose result is followed an acquire, in
 * C11's terms.
 */
#ifndef CREW__SIM_SHADOW_WFCQUEUE_H
#define CREW__SIM_SHADOW_WFCQUEUE_H

#include "base/atomic.h"

struct cds_wfcq_node {
	struct cds_wfcq_node *next;
};

struct __cds_wfcq_head {
	struct cds_wfcq_node node;
};

struct cds_wfcq_tail {
	struct cds_wfcq_node *p;
};

#define CDS_WFCQ_WOULDBLOCK ((struct cds_wfcq_node *)-1UL)

static inline void cds_wfcq_node_init(struct cds_wfcq_node *node)
{
	node->next = NULL;
}

static inline void __cds_wfcq_init(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail)
{
	head->node.next = NULL;
	tail->p = &head->node;
}

#define CREW__SIM_WFCQ_LOAD(at, order)                                                             \
	((struct cds_wfcq_node *)(uintptr_t)crew__sim_load(at, 8, order))
#define CREW__SIM_WFCQ_STORE(at, node, order) crew__sim_store(at, 8, (uintptr_t)(node), order)

static inline bool cds_wfcq_empty(struct __cds_wfcq_head *head, const struct cds_wfcq_tail *tail)
{
	return !CREW__SIM_WFCQ_LOAD(&head->node.next, __ATOMIC_RELAXED) &&
	       CREW__SIM_WFCQ_LOAD(&tail->p, __ATOMIC_RELAXED) == &head->node;
}

/* False: it was empty before. */
static inline bool cds_wfcq_enqueue(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail,
				    struct cds_wfcq_node *node)
{
	struct cds_wfcq_node *before;

	crew__sim_fence();
	before = (struct cds_wfcq_node *)(uintptr_t)crew__sim_exchange(&tail->p, 8, (uintptr_t)node,
								       __ATOMIC_SEQ_CST);
	crew__sim_fence();
	/* the gap */
	CREW__SIM_WFCQ_STORE(&before->next, node, __ATOMIC_RELEASE);
	return before != &head->node;
}

static inline struct cds_wfcq_node *__cds_wfcq_dequeue_nonblocking(struct __cds_wfcq_head *head,
								   struct cds_wfcq_tail *tail)
{
	struct cds_wfcq_node *node;
	struct cds_wfcq_node *next;

	if (cds_wfcq_empty(head, tail))
		return NULL;
	node = CREW__SIM_WFCQ_LOAD(&head->node.next, __ATOMIC_ACQUIRE);
	if (!node)
		return CDS_WFCQ_WOULDBLOCK;
	next = CREW__SIM_WFCQ_LOAD(&node->next, __ATOMIC_ACQUIRE);
	if (!next) {
		struct cds_wfcq_node *last = node;

		/* it seems to be the last one: an enqueuer behind it must find the head */
		CREW__SIM_WFCQ_STORE(&head->node.next, NULL, __ATOMIC_RELAXED);
		crew__sim_fence();
		if (crew__sim_cas(&tail->p, 8, &last, (uintptr_t)&head->node, __ATOMIC_SEQ_CST,
				  __ATOMIC_SEQ_CST))
			return node;
		crew__sim_fence();
		next = CREW__SIM_WFCQ_LOAD(&node->next, __ATOMIC_ACQUIRE);
		if (!next) {
			CREW__SIM_WFCQ_STORE(&head->node.next, node, __ATOMIC_RELAXED);
			return CDS_WFCQ_WOULDBLOCK;
		}
	}
	CREW__SIM_WFCQ_STORE(&head->node.next, next, __ATOMIC_RELAXED);
	return node;
}

#endif /* CREW__SIM_SHADOW_WFCQUEUE_H */
