/* SPDX-License-Identifier: MIT */
/*
 * list.h - intrusive doubly linked circular list. The head is a link as well.
 * An unlinked link points at itself, so that unlinking twice is harmless.
 * Nothing here synchronises; whoever owns the head says which lock guards it.
 */
#ifndef CREW__LIST_H
#define CREW__LIST_H

#include <stdbool.h>
#include <stddef.h>

struct crew__link {
	struct crew__link *next;
	struct crew__link *prev;
};

#define crew__container(pointer, type, member)                                                     \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void crew__list_init(struct crew__link *link)
{
	link->next = link;
	link->prev = link;
}

static inline bool crew__list_empty(const struct crew__link *head)
{
	return head->next == head;
}

static inline void crew__list_append(struct crew__link *head, struct crew__link *link)
{
	link->next = head;
	link->prev = head->prev;
	head->prev->next = link;
	head->prev = link;
}

static inline void crew__list_remove(struct crew__link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	crew__list_init(link);
}

/* The first link, unlinked, or NULL. */
static inline struct crew__link *crew__list_take(struct crew__link *head)
{
	struct crew__link *link = head->next;

	if (link == head)
		return NULL;
	crew__list_remove(link);
	return link;
}

#endif /* CREW__LIST_H */
