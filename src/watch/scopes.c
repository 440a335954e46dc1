/* SPDX-License-Identifier: MIT */
/*
 * scopes.c - the part of the dump that shows the tree of scopes: from the groups that plain
 * threads hold open downwards, those that are registered (exec/cancel.h).
 *
 *	group	NAME, cancelled, shield, 1.234 s left; children: 3 left, 2 failed, 1 never started
 *	scope	  NAME
 *	task	    NAME (FILE:LINE) for REASON
 *
 * How many children are left is known of a group whose owner waits for them: until then it
 * counts for itself (exec/join.h).
 *
 * A few lines at a time are gathered under the locks of the path that the walk stands on, and
 * printed when they are let go, so that no output holds up a cancellation. For more lines the walk
 * begins anew and skips; what has changed meanwhile shows half. It goes down LEVELS
 * locks, needs no memory, and leaves out what stays locked: who prints may be the one who failed
 * while holding it.
 */
#include "watch/scopes.h"

#include "exec/tree.h"
#include "scope/group.h"

#include <inttypes.h>

#define LEVELS	  16
#define LINES	  32
#define LINES_MAX 2048
#define PATIENCE  2000 /* turns */

struct line {
	const char *kind;
	const char *name;
	const char *site;
	const char *reason;
	crew_time left;
	uint32_t flags;
	unsigned level;
	bool busy;
	/* of a group */
	uint64_t active;
	uint64_t failed;
	uint64_t cancelled;
	uint64_t never_started;
};

struct page {
	struct line lines[LINES];
	unsigned count;
	unsigned skip; /* lines of the pages before */
	unsigned seen;
	crew_time now;
};

static struct line *add(struct page *page, struct line line)
{
	if (page->seen++ < page->skip || page->count == LINES)
		return NULL;
	page->lines[page->count] = line;
	return &page->lines[page->count++];
}

static bool lock_patiently(struct crew__lock *lock)
{
	for (unsigned turn = 0; turn < PATIENCE; turn++) {
		if (!crew__lock_held(lock) && crew__lock_try(lock))
			return true;
		crew__spin_hint();
	}
	return false;
}

/* ---- gathering ---------------------------------------------------------------------- */

static void look_at_member(struct page *page, struct crew__parker *parker, unsigned level)
{
	const struct crew__fiber *fiber = crew__container(parker, const struct crew__fiber, parker);

	if (parker->is_thread)
		add(page, (struct line){ .kind = "thread", .level = level });
	else
		add(page, (struct line){ .kind = "task",
					 .name = crew__shown_text(&fiber->name),
					 .site = crew__shown_text(&fiber->site),
					 .reason = crew__shown_text(&fiber->reason),
					 .level = level });
}

static struct line *look_at_scope(struct page *page, const struct crew_scope *scope, unsigned level)
{
	uint32_t flags = crew__scope_flags(scope);
	struct line line = { .kind = flags & CREW__ALONE ? "scope" : "group",
			     .name = scope->private_.name,
			     .left = CREW_NEVER,
			     .flags = flags,
			     .level = level };

	if (crew__deadline_counts(flags)) {
		crew_time when = (crew_time)crew__load_relaxed(&scope->private_.deadline);

		line.left = when == CREW_NEVER || when > page->now ? when : page->now;
		if (line.left != CREW_NEVER)
			line.left -= page->now;
	}
	return add(page, line);
}

static void look_at_group(struct line *line, struct crew_group *group)
{
	uint64_t count = crew__load_acquire(&group->private_.count);

	/* unarmed it is far from the bias, on either side */
	if (count - CREW__JOIN_BIAS < CREW__JOIN_BIAS / 2)
		line->active = count - CREW__JOIN_BIAS;
	if (!crew__scope_has(&group->scope, CREW__GROUP_ROSTER) ||
	    !lock_patiently(crew__join_lock(group)))
		return;
	line->failed = crew__group_roster(group)->failed;
	line->cancelled = crew__group_roster(group)->cancelled;
	line->never_started = crew__group_roster(group)->never_started;
	crew__lock_release(crew__join_lock(group));
}

/* pre: the scope stays: the lock of its parent, or of the list of visitors, is held. */
static void look_below(struct page *page, struct crew_scope *scope, unsigned level)
{
	struct line *line = look_at_scope(page, scope, level);
	struct crew__tree *tree = crew__tree_of(scope);

	if (line && !(line->flags & CREW__ALONE))
		look_at_group(line, crew__container(scope, struct crew_group, scope));
	if (page->count == LINES || !crew__scope_has(scope, CREW__LISTS))
		return;
	if (!lock_patiently(crew__scope_lock(scope))) {
		if (line)
			line->busy = true;
		return;
	}
	for (struct crew__link *link = tree->members.next; link != &tree->members;
	     link = link->next)
		look_at_member(page, crew__container(link, struct crew__parker, member), level + 1);
	for (struct crew__link *link = tree->children.next; link != &tree->children;
	     link = link->next) {
		if (level + 1 == LEVELS) {
			add(page, (struct line){ .kind = "...", .level = level + 1 });
			break;
		}
		look_below(page, crew__tree_child(link), level + 1);
	}
	crew__lock_release(crew__scope_lock(scope));
}

static void gather(struct crew *crew, struct page *page)
{
	page->count = page->seen = 0;
	if (!lock_patiently(&crew->visitors_lock))
		return;
	for (struct crew_group *visitor = crew->visitors; visitor; visitor = visitor->private_.next)
		look_below(page, &visitor->scope, 0);
	crew__lock_release(&crew->visitors_lock);
}

/* ---- printing ------------------------------------------------------------------------ */

static void print_children(const struct line *line, FILE *out)
{
	const struct {
		uint64_t count;
		const char *what;
	} counts[] = {
		{ line->active, "left" },
		{ line->failed, "failed" },
		{ line->cancelled, "cancelled" },
		{ line->never_started, "never started" },
	};
	const char *before = "; children:";

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].count) {
			fprintf(out, "%s %" PRIu64 " %s", before, counts[i].count, counts[i].what);
			before = ",";
		}
}

static void print(const struct line *line, FILE *out)
{
	fprintf(out, "%s\t%*s%s", line->kind, 2 * (int)line->level, "",
		line->name ? line->name : "-");
	if (line->site)
		fprintf(out, " (%s)", line->site);
	if (line->reason)
		fprintf(out, " for %s", line->reason);
	if (line->flags & CREW__MARKED)
		fputs(", cancelled", out);
	else if (line->flags & CREW__EFFECTIVE)
		fputs(", cancelled from outside", out);
	if (line->flags & CREW__SHIELD)
		fputs(", shield", out);
	if (line->flags & CREW__DATED && line->left != CREW_NEVER)
		fprintf(out, ", %" PRId64 ".%03d s left", line->left / 1000000000,
			(int)(line->left / 1000000 % 1000));
	print_children(line, out);
	fputs(line->busy ? ", busy\n" : "\n", out);
}

void crew__dump_scopes(struct crew *crew, FILE *out)
{
	struct page page = { .now = crew__port_now() };

	do {
		gather(crew, &page);
		for (unsigned i = 0; i < page.count; i++)
			print(&page.lines[i], out);
		page.skip += page.count;
	} while (page.count == LINES && page.skip < LINES_MAX);
	if (page.count == LINES)
		fputs("...\n", out);
}
