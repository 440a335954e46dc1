/* SPDX-License-Identifier: MIT */
/*
 * lane.c - tasks that read one block while they hash the other.
 *
 * A lane is one task with two blocks. It spawns a child that hashes the full one
 * and calls crew_blocking() to fill the other one, then changes them over:
 *
 *	lane	fill A | fill B          | fill A           | ...
 *	child	       | hash A          | hash B           | ...
 *
 * To fill a block is to take file after file from the source, and to open, read
 * and close it, until the block is full: some hundred small files, or a part of a
 * big one that goes on in the next block. So a jump to another thread is paid per
 * block, and files of all sizes are one case. A lane takes a file only when it has
 * read the one before to its end, so that big files spread over the lanes.
 *
 * There are more lanes than workers: while some wait for a slow disk, or for ever
 * for a FIFO, the others keep the workers busy. A file that may hang is opened
 * only with an empty block, so that what was read before it is hashed meanwhile.
 *
 * A cancelled lane stops within one block: crew_check() is asked before each file
 * that is read or hashed.
 *
 * Memory: lane_count() * 2 * BLOCK_BYTES.
 */
#include "crew-sum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* Pieces in a block at most. */
	PIECES_MAX = 256,
	/* A block with less room than this is full: the next file would be cut in two. */
	ROOM_MIN = 32 * 1024,
};

/* What a block holds of one file. Pieces lie behind each other. */
struct piece {
	struct file *file;
	size_t bytes;
	bool first;
	bool last;
};

struct block {
	struct lane *lane;
	unsigned char *data;
	size_t used;
	unsigned pieces;
	struct piece piece[PIECES_MAX];
};

struct lane {
	struct job *job;
	struct hasher *hasher;
	struct block block[2];
	struct file *file; /* being read; NULL: take the next one */
	int fd;		   /* of it; -1: not yet open */
};

unsigned lane_count(unsigned workers)
{
	return 2 * workers + 4;
}

/* The next file to be read; NULL when there is none. */
static struct file *take_file(struct job *job)
{
	struct file *file;

	pthread_mutex_lock(&job->lock);
	do {
		bool ready;

		file = job->source->next(job->source);
		if (file == NULL)
			break;
		if (file->is_stdin) {
			/* Whoever comes second finds it at its end. */
			if (job->stdin_taken)
				file->may_hang = false;
			job->stdin_taken = true;
		}
		ready = file->kind != FILE_TO_HASH;
		atomic_store(&job->tail->next, file);
		job->tail = file;
		if (!ready)
			break;
		atomic_store(&file->done, true);
	} while (true);
	pthread_mutex_unlock(&job->lock);
	return file;
}

static int open_file(const struct file *file)
{
	if (!file->is_stdin)
		return open(file->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return file->may_hang ? STDIN_FILENO : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Reads on in lane->file, to its end or until the block is full. */
static void read_piece(struct lane *lane, struct block *block)
{
	struct file *file = lane->file;
	struct piece *piece = &block->piece[block->pieces];
	ssize_t got;

	piece->file = file;
	piece->bytes = 0;
	piece->first = lane->fd < 0;
	if (piece->first) {
		lane->fd = open_file(file);
		if (lane->fd < 0) {
			file->error = errno;
			lane->file = NULL;
			atomic_store(&file->done, true);
			atomic_fetch_add(&lane->job->files_done, 1);
			return;
		}
	}
	do {
		got = read(lane->fd, block->data + block->used, BLOCK_BYTES - block->used);
		if (got > 0) {
			piece->bytes += (size_t)got;
			block->used += (size_t)got;
		} else if (got < 0 && errno != EINTR) {
			file->error = errno;
			break;
		}
	} while (got != 0 && block->used < BLOCK_BYTES && crew_check() == 0);

	piece->last = got <= 0;
	block->pieces++;
	if (piece->last) {
		if (lane->fd != STDIN_FILENO)
			close(lane->fd);
		lane->file = NULL;
		lane->fd = -1;
	} else if (piece->first) {
		posix_fadvise(lane->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
}

/* Inside crew_blocking(). No piece means that there are no more files. */
static int fill(void *arg)
{
	struct block *block = arg;
	struct lane *lane = block->lane;
	int rc = 0;

	block->used = 0;
	block->pieces = 0;
	while (block->pieces < PIECES_MAX && block->used <= BLOCK_BYTES - ROOM_MIN) {
		rc = crew_check();
		if (rc != 0)
			break;
		if (lane->file == NULL)
			lane->file = take_file(lane->job);
		if (lane->file == NULL)
			break;
		if (lane->file->may_hang && lane->fd < 0 && block->pieces > 0)
			break;
		read_piece(lane, block);
	}
	return rc;
}

/* A task. */
static int hash(void *arg)
{
	struct block *block = arg;
	struct hasher *hasher = block->lane->hasher;
	struct job *job = block->lane->job;
	const unsigned char *data = block->data;
	unsigned finished = 0;
	int rc = 0;

	for (unsigned i = 0; i < block->pieces && rc == 0; i++) {
		const struct piece *piece = &block->piece[i];
		struct file *file = piece->file;

		if (piece->first)
			hasher_begin(hasher);
		hasher_add(hasher, data, piece->bytes);
		data += piece->bytes;
		file->bytes += piece->bytes;
		if (piece->last) {
			if (file->error == 0)
				hasher_end(hasher, file->digest);
			atomic_store(&file->done, true);
			finished++;
		}
		rc = crew_check();
	}

	atomic_fetch_add(&job->files_done, finished);
	atomic_fetch_add(&job->bytes_done, (uint64_t)(data - block->data));
	job_wake(job);
	return rc;
}

static int fill_elsewhere(struct block *block)
{
	int rc = crew_blocking(fill, block);

	/* Without a spare thread a worker has to do it. */
	return rc == CREW_EAGAIN ? fill(block) : rc;
}

static void lane_open(struct lane *lane, struct job *job)
{
	lane->job = job;
	lane->hasher = hasher_new(job->algorithm);
	lane->fd = -1;
	for (int i = 0; i < 2; i++) {
		lane->block[i].lane = lane;
		lane->block[i].data = malloc(BLOCK_BYTES);
		if (lane->block[i].data == NULL)
			out_of_memory();
	}
}

static void lane_close(struct lane *lane)
{
	if (lane->fd > STDIN_FILENO)
		close(lane->fd);
	hasher_free(lane->hasher);
	for (int i = 0; i < 2; i++)
		free(lane->block[i].data);
	free(lane);
}

int lane_run(void *arg)
{
	struct job *job = arg;
	struct lane *lane = calloc(1, sizeof(*lane));
	struct block *block, *other;
	int rc;

	if (lane == NULL)
		out_of_memory();
	lane_open(lane, job);
	block = &lane->block[0];
	other = &lane->block[1];
	rc = fill_elsewhere(block);
	while (rc == 0 && block->pieces > 0) {
		struct crew_group group;
		struct block *full = block;

		crew_group_open(&group, CREW_GROUP(.name = "hash a block"));
		rc = crew_group_spawn(&group, hash, block);
		if (rc != 0)
			rc = hash(block);
		if (rc == 0)
			rc = fill_elsewhere(other);
		rc = crew_group_close(&group, rc);
		block = other;
		other = full;
	}
	lane_close(lane);
	atomic_fetch_sub(&job->lanes_running, 1);
	job_wake(job);
	return rc;
}
