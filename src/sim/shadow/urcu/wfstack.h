/* SPDX-License-Identifier: MIT */
/*
 * shadow/urcu/wfstack.h - liburcu's wait-free stack in the simulated world, as far
 * as src/exec/ uses it: see wfcqueue.h beside it. Whoever walks over a popped list
 * waits for those that have pushed a node and not yet linked it.
 */
#ifndef CREW__SIM_SHADOW_WFSTACK_H
#define CREW__SIM_SHADOW_WFSTACK_H

#include "base/atomic.h"

void crew__sim_yield(void); /* src/sim/world.c */

struct cds_wfs_node {
	struct cds_wfs_node *next;
};

struct cds_wfs_head {
	struct cds_wfs_node node;
};

struct __cds_wfs_stack {
	struct cds_wfs_head *head;
};

#define CREW__SIM_WFS_END ((struct cds_wfs_head *)0x1UL)

static inline void cds_wfs_node_init(struct cds_wfs_node *node)
{
	node->next = NULL;
}

static inline void __cds_wfs_init(struct __cds_wfs_stack *stack)
{
	stack->head = CREW__SIM_WFS_END;
}

static inline struct cds_wfs_head *crew__sim_wfs_exchange(struct __cds_wfs_stack *stack,
							  struct cds_wfs_head *head)
{
	uint64_t before;

	crew__sim_fence();
	before = crew__sim_exchange(&stack->head, 8, (uintptr_t)head, __ATOMIC_SEQ_CST);
	crew__sim_fence();
	return (struct cds_wfs_head *)(uintptr_t)before;
}

/* 0: it was empty before. */
static inline int cds_wfs_push(struct __cds_wfs_stack *stack, struct cds_wfs_node *node)
{
	struct cds_wfs_head *before =
		crew__sim_wfs_exchange(stack, (struct cds_wfs_head *)(void *)node);

	/* the gap */
	crew__sim_store(&node->next, 8, (uintptr_t)before, __ATOMIC_RELEASE);
	return before != CREW__SIM_WFS_END;
}

static inline struct cds_wfs_head *__cds_wfs_pop_all(struct __cds_wfs_stack *stack)
{
	struct cds_wfs_head *head = crew__sim_wfs_exchange(stack, CREW__SIM_WFS_END);

	return head == CREW__SIM_WFS_END ? NULL : head;
}

static inline struct cds_wfs_node *cds_wfs_first(struct cds_wfs_head *head)
{
	return head == CREW__SIM_WFS_END ? NULL : &head->node;
}

static inline struct cds_wfs_node *cds_wfs_next_blocking(struct cds_wfs_node *node)
{
	uint64_t next = crew__sim_load(&node->next, 8, __ATOMIC_ACQUIRE);

	/* What was old is seen in time: who yields alone would let time pass for it. A
	 * compare-exchange finds the newest. */
	while (!next && crew__sim_cas(&node->next, 8, &next, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		crew__sim_yield();
	return next == (uintptr_t)CREW__SIM_WFS_END ? NULL : (struct cds_wfs_node *)(uintptr_t)next;
}

#define cds_wfs_for_each_blocking_safe(head, node, n)                                              \
	for (node = cds_wfs_first(head), n = node ? cds_wfs_next_blocking(node) : NULL; node;      \
	     node = n, n = node ? cds_wfs_next_blocking(node) : NULL)

#endif /* CREW__SIM_SHADOW_WFSTACK_H */
