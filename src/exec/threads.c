/* SPDX-License-Identifier: MIT */
/* threads.c - see threads.h. The pool's lock is the lot of park.h's protocol. */
#include "exec/threads.h"

#include "base/assert.h"
#include "base/config.h"
#include "exec/worker.h"

#include <string.h>

struct job {
	struct crew__link link;
	crew_task_fn *fn;
	void *arg;
	int rc;
	struct crew__fiber *host;
	struct crew__waiter waiter;
};

struct spare {
	struct crew__link link;
	struct crew__word32 told;
};

void crew__threads_init(struct crew__threads *threads, uint32_t max, const char *name)
{
	*threads = (struct crew__threads){ .max = max };
	crew__list_init(&threads->line);
	crew__list_init(&threads->sleeping);
	memcpy(threads->name, name, sizeof(threads->name));
	threads->name[sizeof(threads->name) - 1] = '\0';
}

/* ---- the spares ---------------------------------------------------------- */

/* pre: locked */
static struct job *next_job(struct crew__threads *threads)
{
	struct crew__link *link = crew__list_take(&threads->line);

	if (!link)
		return NULL;
	threads->waiting--;
	return crew__container(link, struct job, link);
}

/* pre: locked, and is so again afterwards. False: it is time to retire. */
static bool sleep_for_job(struct crew__threads *threads)
{
	crew_time until = crew__port_now() + CREW__BLOCKING_IDLE;
	struct spare spare = { .told = { 0 } };

	crew__list_append(&threads->sleeping, &spare.link);
	crew__lock_release(&threads->lock);
	while (!crew__load32_acquire(&spare.told) && crew__port_wait(&spare.told, 0, until))
		;
	crew__lock_acquire(&threads->lock);
	if (crew__load32_relaxed(&spare.told)) {
		threads->coming--;
		return true;
	}
	crew__list_remove(&spare.link); /* T2 */
	return !crew__list_empty(&threads->line);
}

/* pre: locked, and is so again afterwards; the wait is firm. */
static void end_job(struct crew__threads *threads, struct job *job)
{
	struct crew__parker *parker;
	bool won = crew__grant(&job->waiter, &parker);

	crew__assert(won);
	(void)won;
	crew__lock_release(&threads->lock);
	crew__ready(parker); /* LAST TOUCH of the job was the grant */
	crew__lock_acquire(&threads->lock);
}

/* pre: locked, and is so again afterwards. */
static void run_job(struct crew__threads *threads, struct job *job)
{
	if (!crew__make_firm(&job->waiter))
		return; /* cancelled: its task finds it unlinked */
	crew__lock_release(&threads->lock);
	crew__self_set_host(job->host);
	job->rc = job->fn(job->arg);
	crew__self_set_host(NULL);
	crew__lock_acquire(&threads->lock);
	end_job(threads, job);
}

static void spare_main(void *opaque)
{
	struct crew__threads *threads = opaque;
	bool join;
	uint64_t before;

	crew__lock_acquire(&threads->lock);
	threads->coming--;
	for (;;) {
		struct job *job = next_job(threads);

		if (job)
			run_job(threads, job);
		else if (threads->stop || !sleep_for_job(threads))
			break;
	}
	join = threads->has_retired; /* T3 */
	before = threads->retired;
	threads->has_retired = true;
	threads->retired = crew__port_thread_self();
	threads->count--;
	crew__store_relaxed(&threads->threads, threads->count);
	crew__lock_release(&threads->lock);
	if (join)
		crew__port_thread_join(before);
	/* stop joins us, so `threads` is still there */
	crew__add32_acq_rel(&threads->ended, 1);
	crew__port_wake(&threads->ended, 1);
}

/* pre: locked */
static void tell(struct crew__threads *threads, struct crew__link *link)
{
	struct spare *spare = crew__container(link, struct spare, link);

	threads->coming++;
	crew__store32_release(&spare->told, 1);
	/* under the lock: the spare's frame is there until it gets the lock */
	crew__port_wake(&spare->told, 1);
}

void crew__threads_stop(struct crew__threads *threads)
{
	struct crew__link *link;

	crew__lock_acquire(&threads->lock);
	crew__assert(crew__list_empty(&threads->line));
	threads->stop = true;
	while ((link = crew__list_take(&threads->sleeping)))
		tell(threads, link);
	while (threads->count) {
		uint32_t ended = crew__load32_acquire(&threads->ended);

		crew__lock_release(&threads->lock);
		crew__port_wait(&threads->ended, ended, CREW_NEVER);
		crew__lock_acquire(&threads->lock);
	}
	crew__lock_release(&threads->lock);
	if (threads->has_retired)
		crew__port_thread_join(threads->retired);
}

/* ---- the tasks ----------------------------------------------------------- */

/* pre: locked, and is so again afterwards. Nobody will come: jobs that counted on the
 * thread that could not be started are told so. */
static void refuse_line(struct crew__threads *threads)
{
	struct job *job;

	while ((job = next_job(threads))) {
		job->rc = CREW_EAGAIN;
		if (crew__make_firm(&job->waiter))
			end_job(threads, job);
	}
}

/* pre: locked, and is so again afterwards. T1 for the job about to get in line. */
static int see_to_a_spare(struct crew__threads *threads)
{
	while (threads->waiting >= threads->coming) {
		struct crew__link *link = crew__list_take(&threads->sleeping);
		uint64_t thread;
		int rc;

		if (link) {
			tell(threads, link);
			continue;
		}
		if (threads->count == threads->max)
			return 0;
		threads->count++;
		threads->coming++;
		crew__lock_release(&threads->lock);
		rc = crew__port_thread_start_big(&thread, spare_main, threads, threads->name);
		crew__lock_acquire(&threads->lock);
		if (rc) {
			threads->count--;
			threads->coming--;
			if (!crew__list_empty(&threads->sleeping))
				continue; /* one ended its job meanwhile */
			if (threads->count)
				return 0; /* the others look at the line when they are done */
			refuse_line(threads);
			return CREW_EAGAIN;
		}
		crew__store_relaxed(&threads->threads, threads->count);
		/* meanwhile another job may have counted on the new one: look again */
	}
	return 0;
}

uint32_t crew__threads_still(struct crew__threads *threads)
{
	const struct crew__link *link;
	uint32_t sleeping = 0;

	crew__lock_acquire(&threads->lock);
	for (link = threads->sleeping.next; link != &threads->sleeping; link = link->next)
		sleeping++;
	crew__lock_release(&threads->lock);
	return sleeping;
}

static void unlock_threads(void *opaque)
{
	struct crew__threads *threads = opaque;

	crew__lock_release(&threads->lock);
}

int crew__threads_run(struct crew__threads *threads, crew_task_fn *fn, void *arg,
		      bool interruptible)
{
	struct job job = { .fn = fn, .arg = arg, .host = crew__self()->fiber };
	int rc;

	crew__waiter_init(&job.waiter, interruptible);
	crew__lock_acquire(&threads->lock);
	rc = see_to_a_spare(threads);
	if (rc) {
		crew__lock_release(&threads->lock);
		crew__waiter_fini(&job.waiter);
		return rc;
	}
	crew__count(&threads->calls, 1);
	crew__list_append(&threads->line, &job.link);
	threads->waiting++;
	if (crew__park(&job.waiter, unlock_threads, threads, CREW_NEVER, "blocking call"))
		return job.rc;
	crew__lock_acquire(&threads->lock);
	if (!crew__list_empty(&job.link)) { /* no spare has taken it out */
		crew__list_remove(&job.link);
		threads->waiting--;
	}
	crew__lock_release(&threads->lock);
	return CREW_ECANCELED;
}
