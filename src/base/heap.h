/* SPDX-License-Identifier: MIT */
/*
 * heap.h - intrusive pairing heap of moments: the earliest first.
 *
 * Intrusive and without an array, so that inserting cannot fail for memory:
 * no wait may (a sleeping task brings its own node). Insert is constant time,
 * taking the first and removing any are logarithmic on average, and re-arming
 * is remove and insert, so the heap never holds more than what is armed.
 *
 * Shape: a node's children form a list, first child first; `prev` is the left
 * sibling, or the parent for a first child. The root has neither sibling.
 * Invariant: no child is earlier than its parent; size counts the nodes.
 *
 * Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap" (1986), the
 * two-pass variant. Nothing recurses: a heap of a million sorted inserts is a
 * chain of a million children.
 */
#ifndef CREW__HEAP_H
#define CREW__HEAP_H

#include "crew/base.h"

struct crew__heap_node {
	crew_time when;
	struct crew__heap_node *child;
	struct crew__heap_node *next;
	struct crew__heap_node *prev; /* NULL: root, or not in a heap */
};

struct crew__heap {
	struct crew__heap_node *root;
	size_t size;
};

void crew__heap_insert(struct crew__heap *heap, struct crew__heap_node *node, crew_time when);
/* pre: node is in the heap. */
void crew__heap_remove(struct crew__heap *heap, struct crew__heap_node *node);
bool crew__heap_contains(const struct crew__heap *heap, const struct crew__heap_node *node);
/* Walks all nodes and checks the invariant. */
bool crew__heap_is_valid(const struct crew__heap *heap);

static inline struct crew__heap_node *crew__heap_first(const struct crew__heap *heap)
{
	return heap->root;
}

#endif /* CREW__HEAP_H */
