/* SPDX-License-Identifier: MIT */
/* peers/scenario.c - see scenario.h. */
#include "peers/scenario.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX 4096

static struct node nodes[NODES_MAX];
static size_t nodes_used;
static size_t nodes_begin; /* of the scenario: where its names are looked up */

_Noreturn void scenario_bad(const struct node *node, const char *what)
{
	fprintf(stderr, "peers: %s: %s %s\n", what, node->words[0],
		node->words[1] ? node->words[1] : "");
	exit(2);
}

bool is(const struct node *node, const char *verb)
{
	return strcmp(node->words[0], verb) == 0;
}

crew_time number(const struct node *node, const char *word)
{
	char *end = NULL;
	long value = word ? strtol(word, &end, 10) : 0;

	if (!word || end == word || *end)
		scenario_bad(node, "no number");
	return value;
}

const char *option(const struct node *node, const char *name)
{
	for (unsigned i = 2; i < WORDS_MAX && node->words[i]; i++)
		if (strcmp(node->words[i], name) == 0)
			return i + 1 < WORDS_MAX && node->words[i + 1] ? node->words[i + 1] : "";
	return NULL;
}

/* The next line with something on it as a statement; NULL at the end. */
static struct node *next_node(FILE *in, bool *opens)
{
	char text[160];

	while (fgets(text, sizeof(text), in)) {
		struct node *node = &nodes[nodes_used];
		char *copy = strdup(text);
		char *rest = copy;
		unsigned n = 0;

		if (nodes_used + 1 == NODES_MAX || !copy)
			abort();
		while (n < WORDS_MAX && (node->words[n] = strtok_r(rest, " \t\n", &rest)))
			n++;
		if (n == 0 || node->words[0][0] == '#') {
			free(copy);
			continue;
		}
		if (n == WORDS_MAX)
			scenario_bad(node, "too many words");
		*opens = strcmp(node->words[n - 1], "{") == 0;
		if (*opens)
			node->words[n - 1] = NULL;
		nodes_used++;
		return node;
	}
	return NULL;
}

static struct node *read_block(FILE *in)
{
	struct node *begin = NULL;
	struct node **last = &begin;
	struct node *node;
	bool opens;

	while ((node = next_node(in, &opens)) && !is(node, "}")) {
		*last = node;
		last = &node->next;
		if (opens)
			node->inside = read_block(in);
	}
	return begin;
}

/* What it gives a name to, or NULL. */
static const char *name_of(const struct node *node)
{
	if (is(node, "scope") || is(node, "prepare") || is(node, "group"))
		return node->words[1];
	return is(node, "task") ? node->words[2] : NULL;
}

struct node *named(const struct node *node, unsigned n)
{
	for (size_t i = nodes_begin; node->words[n] && i < nodes_used; i++) {
		const char *name = name_of(&nodes[i]);

		if (name && strcmp(name, node->words[n]) == 0)
			return &nodes[i];
	}
	scenario_bad(node, "no such name");
}

void drop_handles(void)
{
	for (size_t i = nodes_begin; i < nodes_used; i++) {
		crew_task_drop(nodes[i].handle);
		nodes[i].handle = NULL;
	}
}

struct node *read_scenario(FILE *in)
{
	bool opens;
	struct node *node = next_node(in, &opens);

	if (!node)
		return NULL;
	nodes_begin = nodes_used;
	if (!is(node, "scenario") || !opens)
		scenario_bad(node, "scenario expected");
	node->inside = read_block(in);
	return node;
}
