/* SPDX-License-Identifier: MIT */
/* errors.c - failures as a tree: see errors.h. Nothing here knows threads. */
#include "scope/errors.h"

#include "base/alloc.h"
#include "base/config.h"

#include <inttypes.h>
#include <string.h>

#define CODES (sizeof(((struct crew_errors *)0)->private_.codes) / sizeof(int32_t))

/* ---- making and freeing ------------------------------------------------------ */

struct crew_error *crew__error_make(int rc, const char *place, const char *message)
{
	size_t bytes = message ? strlen(message) + 1 : 0;
	struct crew_error *error = crew__alloc(sizeof(*error) + bytes);

	if (!error)
		return NULL;
	error->rc = rc;
	error->place = place;
	if (message)
		error->message = memcpy(error + 1, message, bytes);
	return error;
}

void crew__error_nest(struct crew_error *error, struct crew_errors *inside)
{
	error->inside = inside;
	if (inside)
		inside->private_.of = error;
}

/* Frees them all, from the first on. Does not recurse: what hangs on one comes next. */
static void free_all(struct crew_error *error)
{
	while (error) {
		struct crew_error *next = error->private_.next;
		struct crew_error *cause = crew__error_cause(error);
		struct crew_errors *inside = crew__error_inside(error);

		if (cause) {
			cause->private_.next = next;
			next = cause;
		}
		if (inside && inside->private_.first) {
			inside->private_.last->private_.next = next;
			next = inside->private_.first;
		}
		crew__free(inside);
		crew__free(error);
		error = next;
	}
}

void crew__error_free(struct crew_error *error)
{
	if (error)
		error->private_.next = NULL;
	free_all(error);
}

void crew_errors_fini(struct crew_errors *errors)
{
	if (!errors)
		return;
	free_all(errors->private_.first);
	*errors = (struct crew_errors){ .private_ = { .first = NULL } };
}

/* ---- those that are not kept --------------------------------------------------- */

/* Counts so many with the code, while there is room for another code. */
static void lose(struct crew_errors *errors, int rc, uint32_t many)
{
	for (size_t i = 0; i < CODES; i++)
		if (!errors->private_.lost[i] || errors->private_.codes[i] == rc) {
			errors->private_.codes[i] = rc;
			errors->private_.lost[i] += many;
			return;
		}
}

static void lose_what(struct crew_errors *errors, const struct crew_errors *inside)
{
	for (size_t i = 0; i < CODES && inside->private_.lost[i]; i++)
		lose(errors, inside->private_.codes[i], inside->private_.lost[i]);
}

static size_t lost_of(const struct crew_errors *errors, int rc)
{
	for (size_t i = 0; i < CODES && errors->private_.lost[i]; i++)
		if (errors->private_.codes[i] == rc)
			return errors->private_.lost[i];
	return 0;
}

/* ---- growing ------------------------------------------------------------------- */

/* How many errors that is: itself, and what is inside of it. */
static uint64_t weight_alone(const struct crew_error *error)
{
	return 1 + (error->inside ? error->inside->private_.kept : 0);
}

/* With its causes, and what is inside of them. */
static uint64_t weight(const struct crew_error *error)
{
	uint64_t sum = 0;

	for (; error; error = error->cause)
		sum += weight_alone(error);
	return sum;
}

static void put_last(struct crew_errors *errors, struct crew_error *error)
{
	error->private_.next = NULL;
	error->private_.list = errors;
	if (errors->private_.last)
		errors->private_.last->private_.next = error;
	else
		errors->private_.first = error;
	errors->private_.last = error;
	errors->private_.kept += weight(error);
}

static void drop_causes(struct crew_error *error)
{
	crew__error_free(crew__error_cause(error));
	error->cause = NULL;
}

/* Leaves only the leaves, which are what really failed, and of them what there is room for. */
static void thin(struct crew_errors *errors, uint64_t room)
{
	struct crew_error *todo = errors->private_.first;

	errors->private_.first = NULL;
	errors->private_.last = NULL;
	errors->private_.kept = 0;
	while (todo) {
		struct crew_error *error = todo;
		struct crew_errors *inside = crew__error_inside(error);

		todo = error->private_.next;
		if (!inside && errors->private_.kept + weight(error) <= room) {
			put_last(errors, error);
			continue;
		}
		if (inside) {
			lose_what(errors, inside);
			if (inside->private_.first) {
				inside->private_.last->private_.next = todo;
				todo = inside->private_.first;
			}
			crew__free(inside);
			error->inside = NULL;
		} else {
			lose(errors, error->rc, 1);
		}
		crew__error_free(error);
	}
}

void crew__error_chain(struct crew_error *error, struct crew_error *cause)
{
	struct crew_error *last = error;
	uint64_t sum = weight(error);

	while (last->cause)
		last = crew__error_cause(last);
	last->cause = cause;
	for (; cause; last = cause, cause = crew__error_cause(cause)) {
		sum += weight_alone(cause);
		if (sum > CREW__ERRORS_MAX) {
			drop_causes(last);
			return;
		}
	}
}

void crew__errors_append(struct crew_errors *errors, int rc, struct crew_error *error)
{
	uint64_t room = CREW__ERRORS_MAX - errors->private_.kept;
	struct crew_errors *inside = error ? crew__error_inside(error) : NULL;

	errors->private_.count++;
	if (inside && weight(error) > room)
		thin(inside, CREW__ERRORS_MAX);
	if (error && weight(error) > room)
		drop_causes(error);
	if (inside && weight(error) > room)
		thin(inside, room ? room - 1 : 0);
	if (error && room) {
		put_last(errors, error);
		return;
	}
	if (inside)
		lose_what(errors, inside);
	else
		lose(errors, rc, 1);
	crew__error_free(error);
}

/* ---- reading --------------------------------------------------------------------- */

size_t crew_errors_count(const struct crew_errors *errors)
{
	return errors ? errors->private_.count : 0;
}

const struct crew_error *crew_errors_first(const struct crew_errors *errors)
{
	return errors ? errors->private_.first : NULL;
}

const struct crew_error *crew_error_next(const struct crew_error *error)
{
	return error->private_.next;
}

/* The next one in the tree, each before what is inside of it. */
static const struct crew_error *step(const struct crew_errors *errors, const struct crew_error *at)
{
	if (!at)
		return crew_errors_first(errors);
	if (crew_errors_first(at->inside))
		return crew_errors_first(at->inside);
	while (!at->private_.next) {
		const struct crew_errors *list = at->private_.list;

		if (list == errors)
			return NULL;
		at = list->private_.of;
	}
	return at->private_.next;
}

const struct crew_error *crew_errors_find(const struct crew_errors *errors, int rc,
					  const struct crew_error *after)
{
	do
		after = step(errors, after);
	while (after && (after->inside || (rc && after->rc != rc)));
	return after;
}

size_t crew_errors_match(const struct crew_errors *errors, int rc)
{
	size_t count = errors ? lost_of(errors, rc) : 0;

	for (const struct crew_error *at = step(errors, NULL); at; at = step(errors, at))
		count += at->inside ? lost_of(at->inside, rc) : at->rc == rc;
	return count;
}

/* ---- printing --------------------------------------------------------------------- */

static void indent(unsigned depth, FILE *out)
{
	while (depth--)
		putc('\t', out);
}

static void print_what(const struct crew_error *error, FILE *out)
{
	const char *name = crew_errname(error->rc);

	if (name)
		fputs(name, out);
	else
		fprintf(out, "%d", error->rc);
	if (error->message)
		fprintf(out, ": %s (%s)", error->message, error->place);
	else if (name)
		fprintf(out, ": %s", crew_strerror(error->rc));
	putc('\n', out);
}

/* Recurses no deeper than there are errors (L4). */
static void print_list(const struct crew_errors *errors, unsigned depth, FILE *out)
{
	uint64_t more = errors->private_.count;

	for (const struct crew_error *error = errors->private_.first; error;
	     error = crew_error_next(error)) {
		indent(depth, out);
		fprintf(out, "%s (%s): ", error->task ? error->task : "task",
			error->site ? error->site : "a plain thread");
		print_what(error, out);
		if (error->inside)
			print_list(error->inside, depth + 1, out);
		for (const struct crew_error *cause = error->cause; cause; cause = cause->cause) {
			indent(depth + 1, out);
			fputs("because of ", out);
			print_what(cause, out);
			if (cause->inside)
				print_list(cause->inside, depth + 2, out);
		}
		more -= more > 0;
	}
	if (more) {
		indent(depth, out);
		fprintf(out, "and %" PRIu64 " more\n", more);
	}
}

void crew_errors_print(const struct crew_errors *errors, FILE *out)
{
	if (errors)
		print_list(errors, 0, out);
}
