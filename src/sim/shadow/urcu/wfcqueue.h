/* SPDX-License-Identifier: MIT */
/*
 * shadow/urcu/wfcqueue.h - liburcu's wait-free queue in the simulated world, as far
 * as src/exec/ uses it. The same algorithm, step by step, with a scheduling point
 * before each: the real one is one step there, and never shows its gap, in which an
 * enqueuer has moved the tail and not yet linked its node (WOULDBLOCK).
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

static inline bool cds_wfcq_empty(struct __cds_wfcq_head *head, const struct cds_wfcq_tail *tail)
{
	bool first;

	crew__sim_point();
	first = head->node.next == NULL;
	crew__sim_point();
	return first && tail->p == &head->node;
}

/* False: it was empty before. */
static inline bool cds_wfcq_enqueue(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail,
				    struct cds_wfcq_node *node)
{
	struct cds_wfcq_node *before;

	crew__sim_point();
	before = tail->p;
	tail->p = node;
	crew__sim_point(); /* the gap */
	before->next = node;
	return before != &head->node;
}

static inline struct cds_wfcq_node *__cds_wfcq_dequeue_nonblocking(struct __cds_wfcq_head *head,
								   struct cds_wfcq_tail *tail)
{
	struct cds_wfcq_node *node;
	struct cds_wfcq_node *next;

	if (cds_wfcq_empty(head, tail))
		return NULL;
	crew__sim_point();
	node = head->node.next;
	if (!node)
		return CDS_WFCQ_WOULDBLOCK;
	crew__sim_point();
	next = node->next;
	if (!next) {
		/* it seems to be the last one: an enqueuer behind it must find the head */
		crew__sim_point();
		head->node.next = NULL;
		crew__sim_point();
		if (tail->p == node) {
			tail->p = &head->node;
			return node;
		}
		crew__sim_point();
		next = node->next;
		if (!next) {
			head->node.next = node;
			return CDS_WFCQ_WOULDBLOCK;
		}
	}
	crew__sim_point();
	head->node.next = next;
	return node;
}

#endif /* CREW__SIM_SHADOW_WFCQUEUE_H */
