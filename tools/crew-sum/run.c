/* SPDX-License-Identifier: MIT */
/*
 * run.c - the main thread: starts the lanes, prints what is done, ends the job.
 *
 * The main thread owns the group of the lanes and sleeps in poll() on an eventfd
 * until a lane has hashed a block, a signal has come or the progress is to be
 * drawn. It prints from the head of the queue on, as far as files are done.
 *
 * SIGINT and SIGTERM. The crew is cancelled, the lanes get a moment to end the
 * block that they are at, whatever is done is printed, also behind a file that is
 * not, and a sentence says how far it got. A lane that is still in a read() that
 * nobody can interrupt (a FIFO, a dead network disk) is left behind by _exit().
 * A second Ctrl-C ends the program at once, even when nobody reads what it prints;
 * unless it comes so soon that it must be the same one, sent twice (timeout(1) does).
 */
#include "crew-sum.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	STATUS_INTERRUPTED = 130,
	ENDING_MS = 250,   /* for the blocks that are being hashed at a signal */
	SAME_MS = 200,	   /* signals so close together are one */
	WORKERS_MAX = 250, /* of a crew */
};

static const int signals[] = { SIGINT, SIGTERM };

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t signalled;
/* The handler's. */
static crew_time signalled_at;
static int signal_fd; /* job->wake_fd */

struct source *job_source(const struct job *job)
{
	return job->check ? list_open(job->paths, job->path_count, job->algorithm) :
			    walk_open(job->paths, job->path_count);
}

static void wake(int fd)
{
	uint64_t one = 1;

	/* Otherwise it fails only when 2^64 - 1 wakes are waiting to be seen. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void job_wake(const struct job *job)
{
	wake(job->wake_fd);
}

bool interrupted(void)
{
	return signalled != 0;
}

static void on_signal(int number)
{
	int saved = errno;
	crew_time now = crew_now();

	if (signalled == 0)
		signalled_at = now;
	else if (now - signalled_at > CREW_MS(SAME_MS))
		_exit(STATUS_INTERRUPTED);
	signalled = number;
	wake(signal_fd);
	errno = saved;
}

/*
 * Without SA_RESTART, so that it gets the main thread out of a write() to a pipe
 * that nobody reads. A signal that is ignored (nohup, sh's "&") stays ignored.
 */
static void catch_signals(sigset_t *caught)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(caught);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		struct sigaction old;

		if (sigaction(signals[i], NULL, &old) != 0 || old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
		sigaddset(caught, signals[i]);
	}
}

/* false: something was wrong with a file. */
static bool print_done(struct job *job)
{
	bool good = true;
	struct file *file;

	while (!interrupted() && (file = atomic_load(&job->head->next)) != NULL &&
	       atomic_load(&file->done)) {
		good = print_file(job, file) && good;
		free(job->head);
		job->head = file;
	}
	print_flush();
	return good;
}

static void wait_for_news(const struct job *job, int timeout_ms)
{
	struct pollfd news = { .fd = job->wake_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&news, 1, timeout_ms) > 0)
		while (read(job->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
			;
}

/* Has the lanes stop, and waits a moment for it. */
static void stop_lanes(struct job *job, struct crew *crew, const char *reason)
{
	crew_time deadline = crew_now() + CREW_MS(ENDING_MS);
	crew_time now;

	crew_cancel(crew, reason);
	while (atomic_load(&job->lanes_running) > 0 && (now = crew_now()) < deadline)
		wait_for_news(job, (int)((deadline - now) / 1000000 + 1));
}

/* Prints what is done and says how far it got. */
static _Noreturn void end_interrupted(struct job *job, struct crew *crew)
{
	struct file *missing = NULL;
	bool somebody_reads = print_flush() == 0;

	stop_lanes(job, crew, "a signal");
	progress_hide();
	for (struct file *file = job->head; (file = atomic_load(&file->next)) != NULL;) {
		if (!atomic_load(&file->done))
			missing = missing == NULL ? file : missing;
		else if (somebody_reads)
			print_file(job, file);
	}
	complain(0, "interrupted: %llu files and %s hashed; %s%s",
		 (unsigned long long)atomic_load(&job->files_done),
		 human((double)atomic_load(&job->bytes_done)),
		 missing == NULL ? "nothing that was begun is missing" :
				   "the first one missing is ",
		 missing == NULL ? "" : quoted(missing->name));
	_exit(STATUS_INTERRUPTED);
}

static _Noreturn void end_unwritten(struct job *job, struct crew *crew)
{
	stop_lanes(job, crew, "a write error");
	complain(print_flush(), "write error");
	_exit(1);
}

static int start_lanes(struct job *job, struct crew_group *group, unsigned lanes)
{
	for (unsigned i = 0; i < lanes; i++) {
		int rc;

		atomic_fetch_add(&job->lanes_running, 1);
		rc = crew_group_spawn(group, lane_run, job);
		if (rc != 0) {
			atomic_fetch_sub(&job->lanes_running, 1);
			/* Fewer lanes do the same, more slowly. */
			return i > 0 ? 0 : rc;
		}
	}
	return progress_wanted() ? crew_group_spawn(group, progress_count, job) : 0;
}

static int run(struct job *job, struct crew *crew, const sigset_t *caught, bool *good)
{
	struct crew_group group;
	int rc;

	crew_group_open(&group, CREW_GROUP(.name = "lanes", .crew = crew));
	rc = start_lanes(job, &group, lane_count(crew_worker_count(crew)));
	while (atomic_load(&job->lanes_running) > 0) {
		wait_for_news(job, progress_pause_ms());
		*good = print_done(job) && *good;
		if (interrupted())
			end_interrupted(job, crew);
		if (print_flush() != 0)
			end_unwritten(job, crew);
		progress_draw(job);
	}
	/* All is hashed: from here on a signal may end the program as it likes. */
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (sigismember(caught, signals[i]) == 1)
			signal(signals[i], SIG_DFL);
	if (interrupted())
		end_interrupted(job, crew);
	*good = print_done(job) && *good;
	if (print_flush() != 0)
		end_unwritten(job, crew);
	atomic_store(&job->ending, true);
	return crew_group_close(&group, rc);
}

int job_run(struct job *job)
{
	/* Bounds the spare threads; how many workers there will be is not known yet. */
	unsigned lanes_max = lane_count(job->workers > 0 ? job->workers : WORKERS_MAX);
	sigset_t caught;
	struct crew *crew;
	bool good = true;
	int rc;

	job->head = file_new("", 0);
	job->tail = job->head;
	job->source = job_source(job);
	job->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (job->wake_fd < 0) {
		complain(errno, "eventfd");
		return 1;
	}
	pthread_mutex_init(&job->lock, NULL);
	signal_fd = job->wake_fd;
	print_start();
	progress_start(job);

	/* Only the main thread is to be interrupted. */
	catch_signals(&caught);
	pthread_sigmask(SIG_BLOCK, &caught, NULL);
	rc = crew_start(&crew, CREW_OPTIONS(.workers = job->workers, .name = "crew-sum",
					    .blocking_max = lanes_max + 1));
	pthread_sigmask(SIG_UNBLOCK, &caught, NULL);
	if (rc == 0) {
		rc = run(job, crew, &caught, &good);
		crew_stop(crew);
		progress_finish(job);
	}
	if (rc != 0)
		complain(0, "%s", crew_strerror(rc));

	job->source->close(job->source);
	free(job->head);
	pthread_mutex_destroy(&job->lock);
	close(job->wake_fd);
	return rc == 0 && good ? 0 : 1;
}
