/* SPDX-License-Identifier: MIT */
/*
 * trees.c - tasks and next to no work: `uts_deep` is a search in an unbalanced tree whose
 * nodes have 8 children or, mostly, none, so that it is deep and thin (kernel/uts.c
 * searches a shallow one that is broad everywhere); `skynet` adds up a million numbers
 * by a tree with 10 children at each node.
 */
#include "par.h"

#include <stdio.h>

enum {
	CHILDREN = 8,
	SKYNET = 1000000,
	TENTH = 10
};

/* Of 2^32 nodes so many have children: on average a node has 0.998 of them. */
#define FERTILE UINT64_C(535797170)

enum {
	ROOT = 87181,
	NODES = 1191417
};

static uint64_t total;

static uint64_t answer(void)
{
	return total;
}

/* False, and a sentence: the serial version is wrong. */
static bool is(const char *name, uint64_t expected)
{
	if (total != expected)
		fprintf(stderr, "%s: %llu instead of %llu\n", name, (unsigned long long)total,
			(unsigned long long)expected);
	return total == expected;
}

static void for_children(long count, par_range_fn *fn, void *arg)
{
	if (par_children)
		par_children(count, fn, arg);
	else
		par_for(count, 1, fn, arg);
}

/* ---- uts_deep -------------------------------------------------------------- */

struct node {
	uint64_t state;
	uint64_t count; /* result: nodes in this subtree */
};

/* False: no children. */
static bool grow(struct node *node, struct node children[CHILDREN])
{
	node->count = 1;
	if (node->state >> 32 >= FERTILE)
		return false;
	for (uint64_t i = 0; i < CHILDREN; i++)
		children[i].state = par_mix(node->state + i);
	return true;
}

static void add(struct node *node, const struct node children[CHILDREN])
{
	for (int i = 0; i < CHILDREN; i++)
		node->count += children[i].count;
}

static void visit_serial(struct node *node)
{
	struct node children[CHILDREN];

	if (!grow(node, children))
		return;
	for (int i = 0; i < CHILDREN; i++)
		visit_serial(&children[i]);
	add(node, children);
}

static void visit(void *arg, long from, long to)
{
	struct node *nodes = arg, children[CHILDREN];

	for (long i = from; i < to; i++)
		if (grow(&nodes[i], children)) {
			for_children(CHILDREN, visit, children);
			add(&nodes[i], children);
		}
}

static struct node root(void)
{
	return (struct node){ par_mix(ROOT), 0 };
}

static void deep_serial(void)
{
	struct node node = root();

	visit_serial(&node);
	total = node.count;
}

static void deep_parallel(void)
{
	struct node node = root();

	visit(&node, 0, 1);
	total = node.count;
}

static bool deep_prepare(void)
{
	deep_serial();
	return is("uts_deep", NODES);
}

const struct par_kernel par_uts_deep = { "uts_deep",  deep_prepare,  NULL,
					 deep_serial, deep_parallel, answer };

/* ---- skynet ---------------------------------------------------------------- */

struct part {
	uint64_t first, size, sum;
};

static void divide(const struct part *part, struct part parts[TENTH])
{
	for (uint64_t i = 0; i < TENTH; i++)
		parts[i] = (struct part){ part->first + i * part->size / TENTH, part->size / TENTH,
					  0 };
}

static void collect(struct part *part, const struct part parts[TENTH])
{
	part->sum = 0;
	for (int i = 0; i < TENTH; i++)
		part->sum += parts[i].sum;
}

static void sum_serial(struct part *part)
{
	struct part parts[TENTH];

	if (part->size == 1) {
		part->sum = part->first;
		return;
	}
	divide(part, parts);
	for (int i = 0; i < TENTH; i++)
		sum_serial(&parts[i]);
	collect(part, parts);
}

static void sum_parallel(void *arg, long from, long to)
{
	struct part *part = arg, parts[TENTH];

	for (long i = from; i < to; i++) {
		if (part[i].size == 1) {
			part[i].sum = part[i].first;
			continue;
		}
		divide(&part[i], parts);
		for_children(TENTH, sum_parallel, parts);
		collect(&part[i], parts);
	}
}

static void skynet_serial(void)
{
	struct part all = { 0, SKYNET, 0 };

	sum_serial(&all);
	total = all.sum;
}

static void skynet_parallel(void)
{
	struct part all = { 0, SKYNET, 0 };

	sum_parallel(&all, 0, 1);
	total = all.sum;
}

static bool skynet_prepare(void)
{
	skynet_serial();
	return is("skynet", UINT64_C(499999500000));
}

const struct par_kernel par_skynet = { "skynet",      skynet_prepare,  NULL,
				       skynet_serial, skynet_parallel, answer };
