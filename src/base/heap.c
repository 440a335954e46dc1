/* SPDX-License-Identifier: MIT */
/* heap.c - the pairing heap of heap.h. */
#include "base/heap.h"

#include "base/assert.h"

/* HARD builds walk every heap up to this size; a larger one would take them for ever. */
#define WALKED 1000

/* Links two roots; the earlier one (the first when equal) becomes the parent. */
static struct crew__heap_node *meld(struct crew__heap_node *a, struct crew__heap_node *b)
{
	struct crew__heap_node *parent = b->when < a->when ? b : a;
	struct crew__heap_node *child = parent == a ? b : a;

	child->prev = parent;
	child->next = parent->child;
	if (parent->child)
		parent->child->prev = child;
	parent->child = child;
	parent->next = NULL;
	parent->prev = NULL;
	return parent;
}

/* Makes one tree of a list of siblings: pairs from left to right, then melds
 * the pairs from right to left. `prev` serves as the list of pairs meanwhile. */
static struct crew__heap_node *meld_siblings(struct crew__heap_node *first)
{
	struct crew__heap_node *pairs = NULL;
	struct crew__heap_node *root = NULL;

	while (first) {
		struct crew__heap_node *a = first;
		struct crew__heap_node *b = a->next;

		first = b ? b->next : NULL;
		a->next = NULL;
		a->prev = NULL;
		if (b) {
			b->next = NULL;
			b->prev = NULL;
			a = meld(a, b);
		}
		a->prev = pairs;
		pairs = a;
	}
	while (pairs) {
		struct crew__heap_node *pair = pairs;

		pairs = pair->prev;
		pair->prev = NULL;
		root = root ? meld(pair, root) : pair;
	}
	return root;
}

void crew__heap_insert(struct crew__heap *heap, struct crew__heap_node *node, crew_time when)
{
	node->when = when;
	node->child = NULL;
	node->next = NULL;
	node->prev = NULL;
	heap->root = heap->root ? meld(heap->root, node) : node;
	heap->size++;
	crew__verify(heap->size > WALKED || crew__heap_is_valid(heap));
}

bool crew__heap_contains(const struct crew__heap *heap, const struct crew__heap_node *node)
{
	return heap->root == node || node->prev != NULL;
}

void crew__heap_remove(struct crew__heap *heap, struct crew__heap_node *node)
{
	struct crew__heap_node *rest = meld_siblings(node->child);

	crew__assert(crew__heap_contains(heap, node));
	if (heap->root == node) {
		heap->root = rest;
	} else {
		if (node->prev->child == node)
			node->prev->child = node->next;
		else
			node->prev->next = node->next;
		if (node->next)
			node->next->prev = node->prev;
		if (rest)
			heap->root = meld(heap->root, rest);
	}
	node->child = NULL;
	node->next = NULL;
	node->prev = NULL;
	heap->size--;
	crew__verify(heap->size > WALKED || crew__heap_is_valid(heap));
}

bool crew__heap_is_valid(const struct crew__heap *heap)
{
	const struct crew__heap_node *at = heap->root;
	size_t count = 0;

	if (at && (at->prev || at->next))
		return false;
	while (at) {
		count++;
		if (at->child && (at->child->prev != at || at->child->when < at->when))
			return false;
		if (at->next && (at->next->prev != at))
			return false;
		if (at->child) {
			at = at->child;
			continue;
		}
		while (at && !at->next) {
			/* back to the parent: left past all elder siblings */
			while (at->prev && at->prev->child != at)
				at = at->prev;
			at = at->prev;
		}
		if (at) {
			const struct crew__heap_node *parent = at;

			while (parent->prev && parent->prev->child != parent)
				parent = parent->prev;
			parent = parent->prev;
			at = at->next;
			if (parent && at->when < parent->when)
				return false;
		}
	}
	return count == heap->size;
}
