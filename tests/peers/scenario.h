/* SPDX-License-Identifier: MIT */
/* scenario.h - a scenario (scenarios.txt) as a tree of statements. What is wrong in the file
 * ends the program. */
#ifndef PEERS_SCENARIO_H
#define PEERS_SCENARIO_H

#include "crew/crew.h"

#include <stdio.h>

#define WORDS_MAX 8

/* A statement: its words, the block behind it, and what it opens. */
struct node {
	char *words[WORDS_MAX];
	struct node *inside;
	struct node *next;
	struct crew_scope scope;
	struct crew_group group;
	struct crew_task *handle;
	struct crew_defer deferred;
	const char *task; /* who has deferred it */
};

/* The next one of the file; NULL at its end. */
struct node *read_scenario(FILE *in);

/* Does the statement begin with this word? */
bool is(const struct node *node, const char *verb);
crew_time number(const struct node *node, const char *word);
/* The word behind the option; "" at the end of the line, NULL where it is missing. */
const char *option(const struct node *node, const char *name);
/* The scope, group or held task of this scenario with the name that is the statement's n-th
 * word. */
struct node *named(const struct node *node, unsigned n);
/* Drops the handles that a run of this scenario has left. */
void drop_handles(void);
_Noreturn void scenario_bad(const struct node *node, const char *what);

#endif /* PEERS_SCENARIO_H */
