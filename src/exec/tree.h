/* SPDX-License-Identifier: MIT */
/*
 * tree.h - the lists of a scope: for cancel.c, and for dumps. Guarded by the scope's lock (C3);
 * they are there when CREW__LISTS is.
 */
#ifndef CREW__TREE_H
#define CREW__TREE_H

#include "exec/cancel.h"

struct crew__tree {
	struct crew__link children;
	struct crew__link sibling;
	struct crew__link members;
};
_Static_assert(sizeof(struct crew__tree) == sizeof(((struct crew_scope *)0)->private_.tree),
	       "crew_scope has room for the lists");

static inline struct crew__tree *crew__tree_of(struct crew_scope *scope)
{
	return (struct crew__tree *)(void *)scope->private_.tree;
}

static inline struct crew_scope *crew__tree_child(struct crew__link *sibling)
{
	struct crew__tree *tree = crew__container(sibling, struct crew__tree, sibling);

	return crew__container((void **)(void *)tree, struct crew_scope, private_.tree);
}

#endif /* CREW__TREE_H */
