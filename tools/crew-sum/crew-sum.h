/* SPDX-License-Identifier: MIT */
/*
 * crew-sum.h - the words and the shape of crew-sum.
 *
 * WORDS
 *	file	one line of the output to be: a name, later a digest or an error.
 *	source	yields the files in the order in which their lines are printed: a
 *		walk over the PATHs (walk.c) or the lines of lists (list.c).
 *	block	memory that holds many small files or a part of a big one.
 *	lane	a task with two blocks: one is read while the other is hashed.
 *
 * WHO RUNS WHERE
 *	Sources and all reading run inside crew_blocking() (lane.c), hashing runs in
 *	tasks (lane.c, hash.c), and everything that is printed, progress and signals
 *	included, comes from the main thread (run.c), which is no task and may block
 *	on a slow pipe or terminal without holding anybody up.
 *
 * FROM HAND TO HAND
 *	A lane takes the next file from the source under job->lock and links it to
 *	the tail of the queue. From then on the lane owns it, until it stores true to
 *	file->done. After that the main thread owns it; it prints the files from the
 *	head of the queue on, as far as they are done, and frees them.
 *
 * MEMORY
 *	lanes * 2 * BLOCK_BYTES, and for each file that is hashed but waits for the
 *	line of an earlier one sizeof(struct file) and its name, and the names in the
 *	directories between the PATH and the file that the walk is at.
 */
#ifndef CREW_SUM_H
#define CREW_SUM_H

#include <crew/crew.h>

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	BLOCK_BYTES = 512 * 1024,
	DIGEST_BYTES_MAX = 64,
};

/* -- digests -- */

struct algorithm {
	const char *name;     /* as -a spells it */
	const char *fetch;    /* as libcrypto spells it; NULL: xxhash */
	const char *tag;      /* as sha256sum --tag spells it */
	size_t bytes;	      /* of a digest */
	bool escapes;	      /* names with a newline are written with a backslash in front */
	const char *is_stdin; /* how the line of standard input names it */
};

/* NULL when no algorithm has this name. */
const struct algorithm *algorithm_find(const char *name);
/* "sha256, sha1, ..." */
const char *algorithm_names(void);

/* One digest after the other. */
struct hasher;

/* false: libcrypto does not have this algorithm. */
bool hash_prepare(const struct algorithm *algorithm);
struct hasher *hasher_new(const struct algorithm *algorithm);
void hasher_free(struct hasher *hasher);
void hasher_begin(struct hasher *hasher);
void hasher_add(struct hasher *hasher, const void *data, size_t bytes);
void hasher_end(struct hasher *hasher, unsigned char *digest);

/* -- files and where they come from -- */

enum file_kind {
	FILE_TO_HASH, /* the usual one */
	FILE_NO_WAY,  /* a directory or list that cannot be read: ->error says why */
	FILE_NO_MORE, /* a list ends: ->improper lines were skipped, ->proper ones not */
};

struct file {
	_Atomic(struct file *) next;
	atomic_bool done;
	enum file_kind kind;
	bool is_stdin;
	bool may_hang; /* a FIFO, a terminal, a device: opening or reading it may never end */
	int error;     /* an errno code, or 0 */
	uint64_t bytes;
	uint64_t improper;
	uint64_t proper;
	unsigned char digest[DIGEST_BYTES_MAX];
	unsigned char wanted[DIGEST_BYTES_MAX];
	char name[];
};

/* A file with a copy of the `length` bytes at `name`; never NULL. */
struct file *file_new(const char *name, size_t length);

/* next() returns NULL when there are no more. Only one caller at a time. */
struct source {
	struct file *(*next)(struct source *source);
	void (*close)(struct source *source);
};

struct source *walk_open(char *const paths[], size_t count);
struct source *list_open(char *const lists[], size_t count, const struct algorithm *algorithm);

/* -- the job as a whole -- */

struct job {
	const struct algorithm *algorithm;
	char *const *paths; /* the PATHs, or with `check` the lists */
	size_t path_count;
	unsigned workers;
	bool check;
	bool json;
	bool progress; /* also when stderr is not a terminal */

	pthread_mutex_t lock; /* over the source and the tail */
	struct source *source;
	struct file *tail;
	bool stdin_taken;

	struct file *head; /* printed already, or the first dummy; the main thread's */
	int wake_fd;	   /* an eventfd: a lane did something worth a look */
	atomic_uint lanes_running;

	atomic_uint_fast64_t files_done;
	atomic_uint_fast64_t bytes_done;
	atomic_uint_fast64_t bytes_total;
	atomic_bool counted; /* the totals are complete */
	atomic_bool ending;  /* nobody needs the totals any more */
};

struct source *job_source(const struct job *job);

/* -- lane.c -- */

unsigned lane_count(unsigned workers);
/* A task. `arg` is the job. */
int lane_run(void *arg);

/* -- run.c -- */

/* Returns the exit status. */
int job_run(struct job *job);
/* Has the main thread look what is done. */
void job_wake(const struct job *job);
/* Has a signal come that ends the program? */
bool interrupted(void);

/* -- print.c: only the main thread may call these -- */

void print_start(void);
/* Writes the lines out. 0, or the errno code that says why this failed; then for ever. */
int print_flush(void);
/* "crew-sum: ", the message, and for an errno code ": " and its sentence. */
void complain(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "1.2 GB". Valid until the fourth call from now. */
const char *human(double bytes);
/* false: something about this file was wrong. */
bool print_file(const struct job *job, const struct file *file);
/* Says so and ends the program; any thread may call it. */
_Noreturn void out_of_memory(void);

/* -- name.c -- */

void write_hex(FILE *out, const unsigned char *bytes, size_t count);
/* As sha256sum does behind a backslash in front of the line. */
void write_escaped(FILE *out, const char *name);
/* "path":"..." and, where the name is not UTF-8, "path_hex":"..." */
void write_json_path(FILE *out, const char *name);
/* `name` as a shell would take it: quoted where that is needed. Valid until the next call. */
const char *quoted(const char *name);

/* -- progress.c -- */

void progress_start(const struct job *job);
/* Milliseconds until it wants to be drawn again, for poll(): -1 is never. */
int progress_pause_ms(void);
void progress_draw(const struct job *job);
/* Clears the way for other output. */
void progress_hide(void);
void progress_finish(const struct job *job);
bool progress_wanted(void);
/* A task that adds up the totals. `arg` is the job. */
int progress_count(void *arg);

#endif /* CREW_SUM_H */
