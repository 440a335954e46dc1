/* SPDX-License-Identifier: MIT */
/*
 * sync.h - models of what is waited for (src/sync/): some play roles, and some of them are
 * cancelled meanwhile. First all are plain threads, in all interleavings within a bound and
 * many seeds; then tasks of a whole crew, with plain threads among them.
 */
#ifndef MODEL_SYNC_H
#define MODEL_SYNC_H

#include "exec/exec.h"
#include "model/model.h"

#define ROLES_MAX 4

struct crowd {
	void (*begin)(void); /* before each run */
	void (*roles[ROLES_MAX])(void);
	unsigned cancelled; /* bits: these are cancelled, while they play */
	bool late;	    /* that only when all have slept (crowd_sleep) */
	unsigned threads;   /* bits: these are plain threads also where the others are tasks */
	void (*end)(void);  /* when all have played; a cancelled task may not have begun */
};

void crowd_of_threads(const char *name, const struct crowd *crowd, unsigned bound);
void crowd_of_tasks(const char *name, const struct crowd *crowd, uint64_t seeds);

/* Until everybody else waits. */
void crowd_sleep(void);

/* Whether the caller is cancelled, for what follows from it. */
bool crowd_cancelled(void);

/* Gives it back: nobody touches it any more. crowd_freed(), as `end`, sees to that. */
void crowd_free(void *at, size_t bytes);
void crowd_freed(void);
/* The same where it is not given back in each run. */
void crowd_perhaps_freed(void);

/* Somebody who was in line says that it is gone; who waits behind may be alone then. */
void crowd_go(void);
bool crowd_has_gone(void);

/* Is what was given back still as memset(at, 0xa5, bytes) has left it? */
void crowd_check_freed(const void *at, size_t bytes);

#endif /* MODEL_SYNC_H */
