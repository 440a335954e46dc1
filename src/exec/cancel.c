/* SPDX-License-Identifier: MIT */
/* cancel.c - see cancel.h. */
#include "exec/cancel.h"

#include "exec/worker.h"

struct crew_word crew__cancel_epoch CREW__STATE = { 1 };

bool crew__scope_marked(const struct crew_scope *scope)
{
	for (; scope; scope = scope->private_.parent) {
		const struct crew *crew = scope->private_.crew;

		if (crew__load_acquire(&scope->private_.state) & CREW__SCOPE_MARK)
			return true;
		if (crew && crew__load_acquire(&crew->cancelled))
			return true;
	}
	return false;
}

bool crew__scope_mark(struct crew_scope *scope)
{
	uint64_t before = crew__or_acq_rel(&scope->private_.state, CREW__SCOPE_MARK);

	crew__add_acq_rel(&crew__cancel_epoch, 1); /* pairs: cancel.epoch */
	return !(before & CREW__SCOPE_MARK);
}
