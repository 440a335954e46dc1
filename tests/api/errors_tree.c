/* SPDX-License-Identifier: MIT */
/* errors_tree.c - failures of groups in groups (crew/error.h): nested, found, printed. */
#include "api/errors.h"

#include <stdlib.h>

static int two_fail_and_say(void *arg)
{
	int rc = two_fail(arg);

	return crew_fail(rc, "both");
}

static int two_fail_and_another(void *arg)
{
	two_fail(arg);
	return crew_fail(9, "neither");
}

/* ---- groups in groups ------------------------------------------------------------------ */

static int two_fail_and_recover(void *arg)
{
	two_fail(arg);
	return 0;
}

static int nested(void *arg)
{
	static crew_task_fn *const tasks[] = { two_fail, two_fail_and_say, two_fail_and_another,
					       two_fail_and_recover };
	static const char *const messages[] = { NULL, "both", "neither" };
	const struct crew_error *error;
	const struct crew_error *leaf = NULL;

	(void)arg;
	for (int i = 0; i < 4; i++) {
		const struct crew_errors *inside;
		struct crew_errors errors;
		struct crew_group group;

		open_collecting(&group, &errors);
		CHECK(spawn_and_wait(&group, tasks[i], NULL) == 0);
		CHECK(crew_group_close(&group, 0) == (i == 3 ? 0 : i == 2 ? 9 : 7));
		error = crew_errors_first(&errors);
		if (i == 3) {
			CHECK(!error && crew_errors_count(&errors) == 0);
			continue;
		}
		CHECK(crew_errors_count(&errors) == 1 && !crew_error_next(error));
		CHECK(is(error->message, messages[i]));
		CHECK(i == 2 ? error->cause->rc == 7 && !error->inside : !error->cause);
		inside = i == 2 ? error->cause->inside : error->inside;
		CHECK(crew_errors_count(inside) == 2);
		CHECK(is(crew_errors_first(inside)->message, "said of 7"));
		CHECK(crew_error_next(crew_errors_first(inside))->rc == 8);
		leaf = crew_errors_find(inside, 8, NULL);
		CHECK(leaf && leaf->rc == 8 && !crew_errors_find(inside, 8, leaf));
		crew_errors_fini(&errors);
	}
	return 0;
}

Test(errors, nest_as_groups_do, .timeout = 60)
{
	everywhere(nested);
}

/* Their errors go where the inner group says. */
static int take_them_out(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;
	int five = 5;
	int rc;

	(void)arg;
	open_collecting(&group, &errors);
	crew_group_spawn(&group, say, &five);
	rc = crew_group_close(&group, 0);
	CHECK(crew_errors_count(&errors) == 1);
	crew_errors_fini(&errors);
	return rc;
}

static int taken_out(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, take_them_out, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew_errors_count(&errors) == 1);
	CHECK(!crew_errors_first(&errors)->message && !crew_errors_first(&errors)->inside);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, are_handed_to_the_innermost_who_asks, .timeout = 60)
{
	everywhere(taken_out);
}

/* Groups in groups, so deep, of so many tasks each; those at the bottom fail. */
struct tree {
	int depth;
	int width;
};

static int grow(void *arg)
{
	struct tree tree = *(const struct tree *)arg;
	struct crew_group group;

	if (!tree.depth--)
		return crew_fail(5, "at the bottom");
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = CREW_COLLECT));
	for (int i = 0; i < tree.width; i++)
		crew_group_spawn(&group, grow, &tree);
	return crew_group_close(&group, 0);
}

static int deep(void *arg)
{
	(void)arg;
	for (int depth = 0; depth <= 300; depth = 2 * depth + 1) {
		const struct crew_error *leaf;
		struct crew_errors errors;
		struct crew_group group;
		unsigned levels = 0;

		open_collecting(&group, &errors);
		CHECK(spawn_and_wait(&group, grow, &(struct tree){ depth, 1 }) == 0);
		CHECK(crew_group_close(&group, 0) == 5);
		CHECK(crew_errors_count(&errors) == 1 && crew_errors_match(&errors, 5) == 1);
		leaf = crew_errors_find(&errors, 0, NULL);
		CHECK(leaf && is(leaf->message, "at the bottom"));
		CHECK(!crew_errors_find(&errors, 0, leaf));
		for (const struct crew_error *error = crew_errors_first(&errors); error;
		     error = crew_errors_first(error->inside))
			levels++;
		CHECK(levels <= CREW__ERRORS_MAX);
		CHECK(levels == (unsigned)depth + 1 || (unsigned)depth + 1 > CREW__ERRORS_MAX);
		crew_errors_fini(&errors);
	}
	return 0;
}

Test(errors, keep_what_really_failed_however_deep, .timeout = 60)
{
	everywhere(deep);
}

/* A tree with many more leaves than there is room for. */
static int wide(void *arg)
{
	struct tree tree = { .depth = 4, .width = 4 };
	unsigned leaves = 0;
	unsigned all = 0;
	const struct crew_error *leaf = NULL;
	struct crew_errors errors;

	(void)arg;
	for (int count = 0; count <= 3; count++) {
		struct crew_group group;

		open_collecting(&group, &errors);
		for (int i = 0; i < count; i++)
			crew_group_spawn(&group, grow, &tree);
		CHECK(crew_group_close(&group, 0) == (count ? 5 : 0));
		CHECK(crew_errors_count(&errors) == (unsigned)count);
		CHECK(crew_errors_match(&errors, 5) == 256U * (unsigned)count);
		if (count < 3)
			crew_errors_fini(&errors);
	}
	while ((leaf = crew_errors_find(&errors, 0, leaf)))
		leaves++;
	for (const struct crew_error *top = crew_errors_first(&errors); top;
	     top = crew_error_next(top), all++)
		for (const struct crew_error *low = crew_errors_first(top->inside); low;
		     low = crew_error_next(low))
			all++;
	CHECK(leaves > CREW__ERRORS_MAX / 2 && leaves < CREW__ERRORS_MAX);
	CHECK(all <= CREW__ERRORS_MAX);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, of_wide_trees_are_bounded_and_counted, .timeout = 60)
{
	everywhere(wide);
}

static int run_in_group(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;
	int rc;

	open_collecting(&group, &errors);
	rc = crew_run(test_crew, two_fail_and_say, arg);
	CHECK(rc == 7);
	CHECK(crew_group_close(&group, rc) == 7);
	CHECK(crew_errors_count(&errors) == 1);
	CHECK(is(crew_errors_first(&errors)->message, "both"));
	CHECK(crew_errors_match(&errors, 8) == 1);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, crew_run_brings_what_its_task_said, .timeout = 60)
{
	in_threads(run_in_group);
}

/* ---- reading ---------------------------------------------------------------------------- */

static int split(void *arg)
{
	int codes[] = { 5, 6, 5, 7 };
	int sum = 0;
	const struct crew_error *error = NULL;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, fail, &codes[0]) == 0);
	CHECK(spawn_and_wait(&group, two_fail, NULL) == 0);
	for (int i = 1; i < 4; i++)
		CHECK(spawn_and_wait(&group, fail, &codes[i]) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew_errors_count(&errors) == 5);
	while ((error = crew_errors_find(&errors, 0, error)))
		sum = 10 * sum + error->rc;
	CHECK(sum == 578657);
	CHECK(crew_errors_match(&errors, 5) == 2 && crew_errors_match(&errors, 7) == 2);
	CHECK(crew_errors_match(&errors, 4) == 0 && !crew_errors_find(&errors, 4, NULL));
	for (sum = 0; (error = crew_errors_find(&errors, 7, error)); sum++)
		CHECK(error->rc == 7 && is(error->message, sum ? NULL : "said of 7"));
	CHECK(sum == 2);
	crew_errors_fini(&errors);
	CHECK(crew_errors_count(NULL) == 0 && !crew_errors_first(NULL));
	CHECK(crew_errors_match(NULL, 5) == 0 && !crew_errors_find(NULL, 0, NULL));
	crew_errors_fini(NULL);
	return 0;
}

Test(errors, are_found_by_code_and_without_the_shape, .timeout = 60)
{
	everywhere(split);
}

static int child_at(void *arg)
{
	return *(int *)arg ? crew_fail_at(*(int *)arg, "a.c:1", "no file %s", "x") : two_fail(NULL);
}

static int printed(void *arg)
{
	int zero = 0;
	int two = 2;
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	bool same;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	crew_group_spawn_task_at(&group, child_at, &two, NAMED("load"), NULL, "b.c:2");
	CHECK(crew_group_wait(&group) == 0);
	crew_group_spawn_task_at(&group, two_fail_and_another, &zero, NULL, NULL, "b.c:3");
	CHECK(crew_group_wait(&group) == 0);
	crew_group_spawn_task_at(&group, fail, &(int){ CREW_EBROKEN }, NULL, NULL, "b.c:4");
	CHECK(crew_group_close(&group, 0) == 2);
	for (struct crew_error *error = errors.private_.first; error; error = error->private_.next)
		if (error->place)
			error->place = file_of(error->place);
	crew_errors_print(&errors, out);
	crew_errors_print(NULL, out);
	fclose(out);
	crew_errors_fini(&errors);
	same = strncmp(text,
		       "load (b.c:2): ENOENT: no file x (a.c:1)\ntask (b.c:3): EBADF: neither (",
		       70) == 0 &&
	       strstr(text, ")\n\tbecause of E2BIG: Argument list too long\n\t\ttask (") &&
	       strstr(text, "): E2BIG: said of 7 (") && strstr(text, ")\n\t\ttask (") &&
	       strstr(text, "): ENOEXEC: said of 8 (") &&
	       strstr(text, ")\ntask (b.c:4): CREW_EBROKEN: the other side is gone\n");
	if (!same)
		fputs(text, stderr);
	free(text);
	CHECK(same);
	return 0;
}

static int rest_is_printed(void *arg)
{
	int own = 1000;
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	bool same;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	for (unsigned i = 0; i < CREW__ERRORS_MAX + 3; i++)
		crew_group_spawn_task_at(&group, fail, &own, NULL, NULL, "here:1");
	CHECK(crew_group_close(&group, 0) == 1000);
	crew_errors_print(&errors, out);
	fclose(out);
	crew_errors_fini(&errors);
	same = strncmp(text, "task (here:1): 1000\ntask (here:1): 1000\n", 40) == 0 &&
	       strstr(text, ": 1000\nand 3 more\n");
	free(text);
	CHECK(same);
	return 0;
}

Test(errors, are_printed_a_line_each, .timeout = 60)
{
	everywhere(printed);
	everywhere(rest_is_printed);
}

#ifdef ERRORS_COUNT_MEMORY

static int some_of_everything(void *arg)
{
	CHECK(nested(arg) == 0);
	CHECK(taken_out(arg) == 0);
	CHECK(deep(arg) == 0);
	CHECK(wide(arg) == 0);
	CHECK(two_fail_and_say(arg) == 7);
	return 0;
}

Test(errors, R10_all_that_is_nested_is_given_back, .timeout = 60)
{
	gives_everything_back(some_of_everything, 0);
}

#endif
