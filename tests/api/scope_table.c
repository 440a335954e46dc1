/* SPDX-License-Identifier: MIT */
/*
 * scope_table.c - three nested scopes: every combination of shields, cancellations and
 * deadlines that have passed, done at different moments, against a model of the rule that
 * knows nothing but it: what a scope is cancelled by, and who catches it.
 */
#include "api/scope.h"

#define DEPTH 3
#define ALL   (1U << DEPTH)

/* When it is done to the scopes. */
enum moment {
	PREPARED, /* before they are entered */
	ENTERED,  /* when all are open, from the outermost in */
	REVERSE,  /* from the innermost out */
	LINKED,	  /* when something has waited in the innermost */
	MOMENTS,
};

struct row {
	unsigned shields, cancels, deadlines; /* bit 0: the outermost */
	enum moment moment;
};

/* ---- the model ------------------------------------------------------------------ */

static bool is_cancelled(const struct row *row, int level)
{
	return (row->cancels | row->deadlines) >> level & 1;
}

/* A3: from a scope outwards, not past a shield; a shielded scope itself counts. */
static bool is_effective(const struct row *row, int level)
{
	for (; level >= 0; level--) {
		if (is_cancelled(row, level))
			return true;
		if (row->shields >> level & 1)
			return false;
	}
	return false;
}

/* E1: the outermost that is cancelled, of those that see each other. */
static bool catches(const struct row *row, int level)
{
	return is_cancelled(row, level) &&
	       ((row->shields >> level & 1) || !is_effective(row, level - 1));
}

/* A scope that was cancelled by a call first stays so (B2). */
static int code_of(const struct row *row, int level)
{
	return row->cancels >> level & 1 ? 0 : CREW_ETIMEDOUT;
}

/* ---- the real thing ---------------------------------------------------------------- */

static struct crew_scope scopes[DEPTH];

static void do_to(const struct row *row, int level)
{
	if (row->shields >> level & 1)
		crew_scope_set_shield(&scopes[level], true);
	if (row->cancels >> level & 1)
		crew_scope_cancel(&scopes[level], NULL);
	if (row->deadlines >> level & 1)
		crew_scope_set_deadline(&scopes[level], 1);
}

static int one_row(const struct row *row)
{
	int rc;

	for (int i = 0; i < DEPTH; i++) {
		crew_scope_init(&scopes[i], CREW_SCOPE(.on_deadline = CREW_FAIL));
		if (row->moment == PREPARED)
			do_to(row, i);
		crew_scope_enter(&scopes[i]);
	}
	if (row->moment == LINKED)
		CHECK(crew_sleep(1) == 0);
	for (int i = 0; i < DEPTH && row->moment != PREPARED; i++)
		do_to(row, row->moment == REVERSE ? DEPTH - 1 - i : i);
	rc = is_effective(row, DEPTH - 1) ? CREW_ECANCELED : 0;
	CHECK(crew_check() == rc && crew_sleep(1) == rc);
	CHECK((crew_deadline() == INT64_MIN) == !!rc);
	for (int i = DEPTH - 1; i >= 0; i--) {
		int caught = rc == CREW_ECANCELED && catches(row, i);

		CHECK(crew_check() == (is_effective(row, i) ? CREW_ECANCELED : 0));
		CHECK(crew_scope_cancelled(&scopes[i]) == is_cancelled(row, i));
		rc = crew_scope_close(&scopes[i], rc);
		CHECK(crew_scope_caught(&scopes[i]) == caught);
		CHECK(!caught || rc == code_of(row, i));
		/* the code around it tells what it sees itself */
		rc = i && is_effective(row, i - 1) ? CREW_ECANCELED : 0;
	}
	CHECK(crew_check() == 0);
	return 0;
}

static int all_rows(void *arg)
{
	struct row row = { .moment = MOMENTS };

	(void)arg;
	for (unsigned i = 0; i < ALL * ALL * ALL * MOMENTS; i++) {
		int rc;

		row.shields = i % ALL;
		row.cancels = i / ALL % ALL;
		row.deadlines = i / ALL / ALL % ALL;
		row.moment = (enum moment)(i / ALL / ALL / ALL);
		rc = one_row(&row);
		if (rc)
			return (int)i * 1000 + rc;
	}
	return 0;
}

Test(scope_table, A3_shields_cancellations_and_deadlines_of_three_scopes, .timeout = 60)
{
	everywhere(all_rows);
}
