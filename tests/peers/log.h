/* SPDX-License-Identifier: MIT */
/* log.h - what the tasks of a scenario say, with the time; all its runs must say the same. */
#ifndef PEERS_LOG_H
#define PEERS_LOG_H

#include "crew/crew.h"

#define TICK CREW_MS(1)

extern crew_time begun; /* the run */

/* A word for what a block or a call has ended with. */
const char *code(int rc);

/* Taking its place in the log also orders what tasks do to each other's scopes behind it. */
__attribute__((format(printf, 2, 3))) void say(const char *task, const char *format, ...);

/* A run begins; ends: it has said what the first one has. The first one is forgotten. */
void log_begin(void);
void log_end(void);
void log_forget(void);
/* What the first run has said. */
void log_print(void);
/* Of a run that has failed: its log, and what it should have been. */
void log_describe(void *arg);

#endif /* PEERS_LOG_H */
