/* SPDX-License-Identifier: MIT */
/* run.c - crew_run: a root task, in a group that its caller visits. */
#include "scope/errors.h"

#include "crew/crew.h"

struct root {
	crew_task_fn *fn;
	void *arg;
	int rc;
	struct crew_error *error; /* what it has said about it */
};

static int root_task(void *opaque)
{
	struct root *root = opaque;

	root->rc = root->fn(root->arg);
	root->error = crew__pending_take(crew__self()->fiber, root->rc);
	return 0;
}

int crew_run(struct crew *crew, crew_task_fn *fn, void *arg)
{
	struct root root = { .fn = fn, .arg = arg, .rc = CREW_ECANCELED };
	struct crew__caller caller = crew__caller();
	struct crew *own = NULL;
	struct crew_group group;
	int rc;
	int closed;

	if (!fn)
		return CREW_EINVAL;
	if (caller.fiber && (!crew || crew == caller.fiber->crew))
		return CREW_ESTATE;
	if (!crew && crew__self_orphan())
		return CREW_EFORKED;
	if (!crew) {
		rc = crew_start(&own, NULL);
		if (rc)
			return rc;
		crew = own;
	}
	crew_group_open(&group, CREW_GROUP(.crew = crew, .name = "crew_run"));
	rc = crew_group_spawn_at(&group, root_task, &root, "crew_run");
	closed = crew_group_close(&group, 0);
	if (own)
		crew_stop(own);
	crew__pending_push(caller.fiber, root.error);
	if (rc)
		return rc;
	return closed == CREW_EFORKED ? closed : root.rc;
}
